"""What events say: from Ringotel's words to one service each."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any

from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import phone
from ..backends import Backend, get_backend
from ..conf import conf
from ..exceptions import InvalidInput
from ..internal.parsing import DIRECTIONS, parse_duration, parse_timestamp, strip_absent
from ..models import Message, WebhookEvent
from ..records import Actor, CallEnd, CallStart, MessageRecord
from ..services import messages
from ..services.calls import legs
from ..services.sync import user_mapping

logger = logging.getLogger(__name__)

MAX_ERROR = 10_000  # characters of a traceback, the last ones
MAX_ATTEMPTS = 5  # while the database is down or busy
NUMBER = re.compile(r"\+?\d{7,}")
PURGE_BATCH = 10_000
FILE_TYPES = ("2", "7", "file")
CALL_TYPE = "8"

Handler = Callable[[Backend, dict[str, Any], dt.datetime], object]


def _text(params: dict[str, Any], name: str, limit: int = 255) -> str:
    value = params.get(name, "")
    if not isinstance(value, str | int) or isinstance(value, bool) or len(str(value)) > limit:
        message = _("Text of at most %(limit)d characters is expected.") % {"limit": limit}
        raise InvalidInput(message, fields={name: [message]})
    return str(value)


def _call_start(backend: Backend, params: dict[str, Any]) -> CallStart:
    return CallStart(
        call_id=_text(params, "call_id"),
        direction=DIRECTIONS.get(_text(params, "activity_type").lower(), ""),
        caller_number=_text(params, "caller_number"),
        called_number=_text(params, "called_number"),
        start=parse_timestamp(params["call_start"]) if "call_start" in params else None,
        extension=_text(params, "extension", 64),
        user_id=user_mapping.agent_id(backend, _text(params, "user_id", 64)),
    )


def call_started(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """A phone rings, or calls."""
    return legs.log_leg(backend, _call_start(backend, params))


def call_stopped(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """A phone is done. It says again all that was said at the start, so that may have been lost."""
    end = CallEnd(
        end=parse_timestamp(params["call_end"]) if "call_end" in params else at,
        duration=parse_duration(params["call_duration"]) if "call_duration" in params else None,
        cause=_text(params, "call_cause", 64),
    )
    return legs.log_leg(backend, _call_start(backend, params), end)


def message(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log a message in either direction. A call that was written into a chat is no message."""
    kind = _text(params, "type").lower()
    if kind == CALL_TYPE:
        return None
    content = _text(params, "content", 100_000)
    is_file = kind in FILE_TYPES
    return messages.log_message(
        backend,
        MessageRecord(
            id=_text(params, "messageid"),
            sender=_text(params, "from", 64),
            # A person without a number, such as a visitor of a website, has an id instead.
            receiver=_text(params, "to", 64) or _text(params, "senderid", 64),
            session_id=_text(params, "sessionid", 64),
            ringotel_user_id=_text(params, "userid", 64),
            text="" if is_file else content,
            file_url=content if is_file else "",
            at=at,
        ),
    )


def message_delivered(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log that the Ringotel app has received a message."""
    return messages.advance_message(backend, _text(params, "messageid"), Message.Status.DELIVERED)


def message_read(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log that the messages of a chat session, or the one with this id, were read in the Ringotel app."""
    if id := _text(params, "messageid"):
        messages.advance_message(backend, id, Message.Status.READ)
    messages.mark_read(backend, _session(params, is_required=not id), at)
    return None


def message_unread(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log that a chat session was marked as unread in the Ringotel app."""
    messages.mark_unread(backend, _session(params, is_required=True), at)
    return None


def _session(params: dict[str, Any], *, is_required: bool) -> str:
    session_id = _text(params, "sessionid", 64)
    if is_required and not session_id:
        message = _("Enter a session id.")
        raise InvalidInput(message, fields={"sessionid": [message]})
    return session_id


def message_updated(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """A message has another text."""
    return messages.edit_message(
        backend, _text(params, "messageid"), _text(params, "content", 100_000), at
    )


def message_deleted(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """A message was withdrawn."""
    return messages.delete_message(backend, _text(params, "messageid"), at)


def ignore(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """What passes: somebody is typing."""
    return None


HANDLERS: dict[str, Handler] = {
    "StartCallActivity": call_started,
    "StopCallActivity": call_stopped,
    "message": message,
    "delivered": message_delivered,
    "read": message_read,
    "unread": message_unread,
    "updated": message_updated,
    "deleted": message_deleted,
    "typing": ignore,
}


def process(event: WebhookEvent) -> WebhookEvent:
    """Do what the event says and write down how that went. Never raises; may be done again at any time."""
    error = ""
    handler = HANDLERS.get(event.method)
    try:
        if handler:
            _handle(event, handler)
        status = WebhookEvent.Status.PROCESSED if handler else WebhookEvent.Status.IGNORED
    except Exception as exc:  # noqa: BLE001 - whatever it is, it is written down, and the next event comes
        # A database that is down or busy will do it later: such an event is left for the next run of ringotel_process_events.
        is_passing = (
            isinstance(exc, OperationalError | InterfaceError) and event.attempts + 1 < MAX_ATTEMPTS
        )
        status = WebhookEvent.Status.PENDING if is_passing else WebhookEvent.Status.FAILED
        error = _redacted(traceback.format_exc())
        # Neither the message nor the traceback: there may be numbers in them.
        logger.warning(
            "Event %s (%s) failed: %s. See its page.", event.pk, event.method, type(exc).__name__
        )
    try:
        WebhookEvent.objects.filter(pk=event.pk).update(
            status=status, error=error, processed_at=timezone.now(), attempts=F("attempts") + 1
        )
    except Exception:
        logger.exception(
            "What became of event %s could not be written down; it stays pending.", event.pk
        )
    event.status, event.error = status, error
    return event


def _redacted(text: str) -> str:
    """A traceback without whole numbers, in characters that every database keeps."""
    text = text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return NUMBER.sub(lambda found: phone.mask(found[0]), text)[-MAX_ERROR:]


def _handle(event: WebhookEvent, handler: Handler) -> None:
    webhook = event.webhook
    backend = get_backend(Actor(user=webhook.user, tenant=webhook.tenant))
    params = strip_absent(json.loads(event.body)).get("params", {})
    if not isinstance(params, dict):
        raise InvalidInput(_('"params" is expected to be an object.'))
    handler(backend, params, event.received_at)


def replay(events: Iterable[WebhookEvent]) -> Iterable[WebhookEvent]:
    """Process these again, in the order given, which should be that of their ids; each is handed out when done."""
    for event in events:
        yield process(event)


def purge(days: int | None = None) -> int:
    """Delete events received more than ``WEBHOOK_EVENT_RETENTION_DAYS`` ago, at most :data:`PURGE_BATCH` at once. How many they were."""
    limit = timezone.now() - dt.timedelta(
        days=conf.WEBHOOK_EVENT_RETENTION_DAYS if days is None else days
    )
    old = (
        WebhookEvent.objects.filter(received_at__lt=limit)
        .order_by("received_at")
        .values_list("pk", flat=True)
    )
    count, _by_model = WebhookEvent.objects.filter(pk__in=list(old[:PURGE_BATCH])).delete()
    return count
