"""Calls, and what was noted about them, sent to Ringotel."""

from __future__ import annotations

import hashlib
import re

from django.utils.translation import gettext as _

from .. import databases, phone
from ..backends import Backend
from ..conf import conf
from ..exceptions import CRMError, InvalidInput
from ..models import Activity, Conversation
from ..records import CallSummary
from ..services.sync import checkpoints
from ..services.sync.user_mapping import resolve_agent
from .api import Ringotel
from .transport import InvalidResponse, RingotelConnectionError

# Form of Ringotel's ids of activities. Calls from other sources have other ids.
ACTIVITY_ID = re.compile(r"[0-9]{13}-[0-9a-f]{18}")


def can_push_notes(call: Activity) -> bool:
    """Return whether subject and comment of this call are to be sent to Ringotel."""
    is_wanted = conf.PUSH_CALL_NOTES and bool(conf.RINGOTEL_API_KEY)
    return is_wanted and ACTIVITY_ID.fullmatch(call.call_id) is not None


@databases.fresh_reads()
def push_notes(call: Activity) -> None:
    """Send subject and comment of a call to Ringotel, as stored. Raises ``RingotelError``."""
    call.refresh_from_db(fields=["subject", "comment"])
    Ringotel().update_activity(call.call_id, subject=call.subject, comment=call.comment)


def write_call_to_chat(backend: Backend, call: Activity) -> bool:
    """Write a call, with its subject and comment, into the chat of its agent with the outside
    number.

    Return whether it was written: the same call is written again only after subject, comment or
    duration have changed, even if it is unknown whether the first request was carried out. Raises
    ``Invalid`` and ``RingotelError``.
    """
    extension, number = _find_extension(backend, call), call.outside_number
    if not (extension and number):
        raise InvalidInput(_("A call needs an agent with an extension, and an outside number."))
    summary = CallSummary(
        caller_number=call.caller_number,
        called_number=call.called_number,
        start=call.start or call.created_at,
        duration=call.duration or 0,
        subject=call.subject,
        comment=call.comment,
    )
    name, digest = f"chat of call {call.pk}", hashlib.sha256(repr(summary).encode()).hexdigest()
    if checkpoints.read(call.tenant, name) == digest:
        return False
    client = Ringotel()
    session_id = _find_session(call, number)
    session_id = session_id or client.open_session(extension=extension, number=number)
    checkpoints.write(call.tenant, name, digest)
    try:
        client.write_call(summary, session_id=session_id)
    except (InvalidResponse, RingotelConnectionError):  # it may have been written
        raise
    except CRMError:
        checkpoints.write(call.tenant, name, "")
        raise
    return True


def _find_extension(backend: Backend, call: Activity) -> str:
    if call.extension:
        return call.extension
    agent = resolve_agent(backend, id=call.agent_id) if call.agent_id else None
    return agent.extension if agent else ""


def _find_session(call: Activity, number: str) -> str:
    """Return the chat session of the call's agent with this number; "" if it is not known."""
    conversations = Conversation.objects.filter(
        tenant=call.tenant,
        remote_number_normalized=phone.e164(number) or number,
        agent_id=call.agent_id,
    )
    conversations = conversations.exclude(agent_id="").exclude(session_id="").order_by("-last_at")
    return conversations.values_list("session_id", flat=True).first() or ""
