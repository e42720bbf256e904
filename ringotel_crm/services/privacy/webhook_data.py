"""What the webhooks left behind about a person, for :mod:`.erasure` and :mod:`.export`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from django.db.models import QuerySet

from ... import phone, signals
from ...models import CallLeg, Message, WebhookEvent
from .subjects import DataSubject

# Where Ringotel says which call or message an event is about, and whose.
IDS = ("call_id", "messageid")
NUMBERS = ("caller_number", "called_number", "from", "to")

BATCH = 500


def connect() -> None:
    """Answer when a person is to be erased or exported."""
    signals.erase_person.connect(erase, dispatch_uid="ringotel_crm.forgetting")
    signals.export_person.connect(export, dispatch_uid="ringotel_crm.forgetting")


def erase(sender: Any, *, person: DataSubject, **kwargs: Any) -> dict[str, int]:
    """Conversations with their files, what each phone was told of the calls, and the events that are about them."""
    events = [event.pk for event in _events(person)]
    for start in range(0, len(events), BATCH):
        WebhookEvent.objects.filter(pk__in=events[start : start + BATCH]).delete()
    CallLeg.objects.filter(activity__in=person.calls).update(caller_number="", called_number="")
    messages = list(messages_with_subject(person))
    for message in messages:
        if message.file:  # at once, because a storage that fails has to stop all this
            message.file.storage.delete(str(message.file.name))
    person.conversations.delete()
    return {"messages": len(messages), "events": len(events)}


def export(sender: Any, *, person: DataSubject, **kwargs: Any) -> dict[str, list[dict[str, Any]]]:
    """The messages, what each phone was told of the calls, and the events as they came."""
    message_fields = (
        "id",
        "conversation__remote_number",
        "conversation__agent_name",
        "at",
        "is_outgoing",
        "text",
    )
    status_fields = ("status", "edited_at", "deleted_at")
    leg_fields = (
        "activity_id",
        "extension",
        "agent_name",
        "caller_number",
        "called_number",
        "start",
        "end",
        "duration",
    )
    return {
        "messages": [
            dict(row)
            for row in messages_with_subject(person).values(*message_fields, *status_fields)
        ],
        "phones": [
            dict(row)
            for row in CallLeg.objects.filter(activity__in=person.calls).values(*leg_fields)
        ],
        "events": [
            {"received_at": event.received_at, "body": json.loads(event.body)}
            for event in _events(person)
        ],
    }


def messages_with_subject(person: DataSubject) -> QuerySet[Message]:
    """All of this person's, in their order."""
    return Message.objects.filter(conversation__in=person.conversations).order_by("at", "pk")


def _events(person: DataSubject) -> Iterator[WebhookEvent]:
    """Those that name one of the calls, messages or numbers, these in whatever notation."""
    ids = {
        *person.calls.values_list("call_id", flat=True),
        *messages_with_subject(person).values_list("message_id", flat=True),
    }
    texts = [number.lstrip("+") for number in person.numbers]
    for event in (
        WebhookEvent.objects.filter(webhook__tenant=person.tenant).order_by("pk").iterator()
    ):
        params = json.loads(event.body).get("params")
        said = params if isinstance(params, dict) else {}
        if (
            any(text in event.body for text in texts)
            or not ids.isdisjoint(str(said.get(name)) for name in IDS)
            or any(
                number.e164 in person.numbers
                for name in NUMBERS
                for number in phone.numbers(str(said.get(name)))
            )
        ):
            yield event
