"""Processing of webhook events: each event is parsed and passed to one service function."""

from __future__ import annotations

import datetime as dt
import json
import logging
import re
import traceback
from collections.abc import Callable, Iterable
from typing import Any, TypeVar

from django.db import InterfaceError, OperationalError
from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import databases, phone
from ..backends import Backend, get_backend
from ..conf import conf
from ..exceptions import InvalidInput
from ..internal.parsing import DIRECTIONS, parse_duration, parse_timestamp, strip_absent
from ..models import Message, WebhookEvent
from ..records import Actor, CallEnd, CallStart, MessageRecord
from ..services import messages
from ..services.calls import legs
from ..services.privacy.webhook_data import save_keys
from ..services.sync import user_mapping

logger = logging.getLogger(__name__)
jobs = logging.getLogger("ringotel_crm.jobs")

Value = TypeVar("Value")

# Characters of a stored traceback, counted from its end.
MAX_ERROR = 10_000

# Attempts to process an event while the database is down or busy.
MAX_ATTEMPTS = 5

# Phone numbers in tracebacks.
NUMBER = re.compile(r"\+?\d{7,}")

# Events deleted per call of purge(), and per transaction of it.
MAX_PURGED = 10_000
PURGE_BATCH = 500

# Values of "type" of a message with a file, and of a call that was written into a chat.
FILE_TYPES = ("2", "7", "file")
CALL_TYPE = "8"

# Takes the backend, the parameters of the event and the time at which it was received.
Handler = Callable[[Backend, dict[str, Any], dt.datetime], object]


def _get_text(params: dict[str, Any], name: str, limit: int = 255) -> str:
    value = params.get(name, "")
    if not isinstance(value, str | int) or isinstance(value, bool) or len(str(value)) > limit:
        message = _("Must be text of at most %(limit)d characters.") % {"limit": limit}
        raise InvalidInput(message, fields={name: [message]})
    return str(value)


def _parse(params: dict[str, Any], name: str, parse: Callable[[Any], Value]) -> Value | None:
    return parse(params[name]) if name in params else None


def _get_call_start(backend: Backend, params: dict[str, Any]) -> CallStart:
    return CallStart(
        call_id=_get_text(params, "call_id"),
        direction=DIRECTIONS.get(_get_text(params, "activity_type").lower(), ""),
        caller_number=_get_text(params, "caller_number"),
        called_number=_get_text(params, "called_number"),
        start=_parse(params, "call_start", parse_timestamp),
        extension=_get_text(params, "extension", 64),
        user_id=user_mapping.agent_id(backend, _get_text(params, "user_id", 64)),
    )


def _handle_call_start(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    return legs.log_leg(backend, _get_call_start(backend, params))


def _handle_call_stop(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log a leg with its start too, which the event repeats: the event of the start may have been
    lost.
    """
    end = CallEnd(
        end=_parse(params, "call_end", parse_timestamp) or at,
        duration=_parse(params, "call_duration", parse_duration),
        cause=_get_text(params, "call_cause", 64),
    )
    return legs.log_leg(backend, _get_call_start(backend, params), end)


def _handle_message(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    kind = _get_text(params, "type").lower()
    if kind == CALL_TYPE:
        return None
    content = _get_text(params, "content", 100_000)
    text, file_url = ("", content) if kind in FILE_TYPES else (content, "")
    record = MessageRecord(
        id=_get_text(params, "messageid"),
        sender=_get_text(params, "from", 64),
        # A person without a number, such as a visitor of a website, has an id instead.
        receiver=_get_text(params, "to", 64) or _get_text(params, "senderid", 64),
        session_id=_get_text(params, "sessionid", 64),
        ringotel_user_id=_get_text(params, "userid", 64),
        text=text,
        file_url=file_url,
        at=at,
    )
    return messages.log_message(backend, record)


def _handle_message_delivery(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log that the Ringotel app received a message."""
    return messages.advance_message(
        backend, _get_text(params, "messageid"), Message.Status.DELIVERED
    )


def _handle_message_read(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log that a message, or all messages of a chat session, were read in the Ringotel app."""
    id = _get_text(params, "messageid")
    if id:
        messages.advance_message(backend, id, Message.Status.READ)
    messages.mark_read(backend, _get_session(params, is_required=not id), at)
    return None


def _handle_message_unread(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    """Log that a chat session was marked as unread in the Ringotel app."""
    messages.mark_unread(backend, _get_session(params, is_required=True), at)
    return None


def _get_session(params: dict[str, Any], *, is_required: bool) -> str:
    session_id = _get_text(params, "sessionid", 64)
    if is_required and not session_id:
        message = _("This field is required.")
        raise InvalidInput(message, fields={"sessionid": [message]})
    return session_id


def _handle_message_update(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    return messages.edit_message(
        backend, _get_text(params, "messageid"), _get_text(params, "content", 100_000), at
    )


def _handle_message_deletion(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    return messages.delete_message(backend, _get_text(params, "messageid"), at)


def _ignore(backend: Backend, params: dict[str, Any], at: dt.datetime) -> object:
    return None


HANDLERS: dict[str, Handler] = {
    "StartCallActivity": _handle_call_start,
    "StopCallActivity": _handle_call_stop,
    "message": _handle_message,
    "delivered": _handle_message_delivery,
    "read": _handle_message_read,
    "unread": _handle_message_unread,
    "updated": _handle_message_update,
    "deleted": _handle_message_deletion,
    "typing": _ignore,
}


@databases.fresh_reads()
def process(event: WebhookEvent) -> WebhookEvent:
    """Process ``event`` and record the result in it. Idempotent. Does not raise.

    If the database is down or busy, the event stays pending for the next
    ``ringotel_process_events``, at most :data:`MAX_ATTEMPTS` times.
    """
    error = ""
    handler = HANDLERS.get(event.method)
    status = WebhookEvent.Status.PROCESSED if handler else WebhookEvent.Status.IGNORED
    try:
        save_keys(event)  # also of an event that fails
        if handler:
            _handle(event, handler)
    except Exception as exc:  # noqa: BLE001 - recorded, so that the next event is processed
        is_transient = isinstance(exc, OperationalError | InterfaceError)
        can_retry = is_transient and event.attempts + 1 < MAX_ATTEMPTS
        status = WebhookEvent.Status.PENDING if can_retry else WebhookEvent.Status.FAILED
        error = _redacted(traceback.format_exc())
        # Without message and traceback, which may contain phone numbers.
        logger.warning(
            "Event %s (%s) failed: %s. See its page.", event.pk, event.method, type(exc).__name__
        )
    _save_status(event, status, error)
    return event


def _save_status(event: WebhookEvent, status: WebhookEvent.Status, error: str) -> None:
    try:
        WebhookEvent.objects.filter(pk=event.pk).update(
            status=status, error=error, processed_at=timezone.now(), attempts=F("attempts") + 1
        )
    except Exception:
        logger.exception("The status of event %s could not be saved; it stays pending.", event.pk)
    event.status, event.error = status, error
    values = {"job": "event", "event": event.pk, "method": event.method, "outcome": str(status)}
    jobs.info("%(job)s %(event)s method=%(method)s outcome=%(outcome)s", values, extra=values)


def _redacted(text: str) -> str:
    """Return a traceback with masked numbers, in characters that every database can store."""
    text = text.replace("\0", "\\0").encode(errors="backslashreplace").decode()
    return NUMBER.sub(lambda match: phone.mask(match[0]), text)[-MAX_ERROR:]


def _handle(event: WebhookEvent, handler: Handler) -> None:
    webhook = event.webhook
    backend = get_backend(Actor(user=webhook.user, tenant=webhook.tenant))
    params = strip_absent(json.loads(event.body)).get("params", {})
    if not isinstance(params, dict):
        message = _("Must be an object.")
        raise InvalidInput(message, fields={"params": [message]})
    handler(backend, params, event.received_at)


def replay(events: Iterable[WebhookEvent]) -> Iterable[WebhookEvent]:
    """Process ``events`` again, yielding each when it is done. Pass them in order of their ids."""
    for event in events:
        yield process(event)


@databases.fresh_reads()
def purge(days: int | None = None) -> int:
    """Delete events received more than ``days`` ago, at most :data:`MAX_PURGED`; return how many
    were deleted.

    ``days`` defaults to ``WEBHOOK_EVENT_RETENTION_DAYS``.
    """
    retention = conf.WEBHOOK_EVENT_RETENTION_DAYS if days is None else days
    cutoff = timezone.now() - dt.timedelta(days=retention)
    old = WebhookEvent.objects.filter(received_at__lt=cutoff).order_by("received_at")
    pks = list(old.values_list("pk", flat=True)[:MAX_PURGED])
    for batch in databases.batches(pks, PURGE_BATCH):
        WebhookEvent.objects.filter(pk__in=batch).delete()
    return len(pks)
