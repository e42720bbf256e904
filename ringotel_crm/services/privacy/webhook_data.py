"""Data from webhooks about a person, for :mod:`.erasure` and :mod:`.export`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from ... import databases, phone, signals
from ...models import CallLeg, Message, WebhookEvent
from .subjects import DataSubject

# Parameters of events with the id of a call or message.
IDS = ("call_id", "messageid")
# Parameters of events with phone numbers.
NUMBERS = ("caller_number", "called_number", "from", "to")

# Columns of messages in the export.
MESSAGE_COLUMNS = (
    "id",
    "conversation__remote_number",
    "conversation__agent_name",
    "at",
    "is_outgoing",
    "text",
    "status",
    "edited_at",
    "deleted_at",
)
# Columns of call legs in the export.
LEG_COLUMNS = (
    "activity_id",
    "extension",
    "agent_name",
    "caller_number",
    "called_number",
    "start",
    "end",
    "duration",
)
# Events deleted per query.
BATCH = 500


def connect() -> None:
    """Connect the receivers of the signals that erase and export a person."""
    signals.erase_person.connect(erase, dispatch_uid="ringotel_crm.webhook_data")
    signals.export_person.connect(export, dispatch_uid="ringotel_crm.webhook_data")


def erase(sender: Any, *, person: DataSubject, **kwargs: Any) -> dict[str, int]:
    """Delete conversations with their files, and events; empty the numbers of call legs.

    Returns the numbers of deleted messages and events. Raises the exceptions of the storage.
    """
    events = [event.pk for event in _events(person)]
    for start in range(0, len(events), BATCH):
        WebhookEvent.objects.filter(pk__in=events[start : start + BATCH]).delete()
    CallLeg.objects.filter(activity__in=person.calls).update(caller_number="", called_number="")
    messages = list(messages_with_subject(person))
    for message in messages:
        if message.file:  # inside the transaction: a failing storage rolls back the erasure
            message.file.storage.delete(str(message.file.name))
    person.conversations.delete()
    return {"messages": len(messages), "events": len(events)}


def export(sender: Any, *, person: DataSubject, **kwargs: Any) -> dict[str, list[dict[str, Any]]]:
    """Return the messages, the call legs ("phones"), and the events as received."""
    messages = messages_with_subject(person).values(*MESSAGE_COLUMNS)
    legs = CallLeg.objects.filter(activity__in=person.calls).values(*LEG_COLUMNS)
    events = _events(person)
    return {
        "messages": [dict(row) for row in messages],
        "phones": [dict(row) for row in legs],
        "events": [{"received_at": e.received_at, "body": json.loads(e.body)} for e in events],
    }


def messages_with_subject(person: DataSubject) -> QuerySet[Message]:
    """Return the messages to and from this person in chronological order."""
    return Message.objects.filter(conversation__in=person.conversations).order_by("at", "pk")


def _events(person: DataSubject) -> Iterator[WebhookEvent]:
    """Yield the events with one of the person's calls, messages or numbers, in any notation."""
    ids = {
        *person.calls.values_list("call_id", flat=True),
        *messages_with_subject(person).values_list("message_id", flat=True),
    }
    digits = [number.removeprefix("+") for number in person.numbers]
    events = WebhookEvent.objects.filter(webhook__tenant=person.tenant)
    for event in databases.by_primary_key(events):
        if _mentions(event, person, ids, digits):
            yield event


def _mentions(event: WebhookEvent, person: DataSubject, ids: set[str], digits: list[str]) -> bool:
    """Whether the event contains one of ``ids`` or one of the person's numbers."""
    if any(text in event.body for text in digits):
        return True
    params = json.loads(event.body).get("params")
    values = params if isinstance(params, dict) else {}
    if not ids.isdisjoint(str(values.get(name)) for name in IDS):
        return True
    numbers = (n for name in NUMBERS for n in phone.numbers(str(values.get(name))))
    return any(number.e164 in person.numbers for number in numbers)
