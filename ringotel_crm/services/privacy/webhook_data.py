"""Data from webhooks about a person, for :mod:`.erasure` and :mod:`.export`.

A person's events are found by their keys, which :func:`save_keys` stores.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from django.db.models import QuerySet

from ... import databases, phone
from ...models import Message, WebhookEvent, WebhookEventKey
from .subjects import DataSubject

# Parameters of events with the id of a call or message.
IDS = ("call_id", "messageid")
# Parameters of events with phone numbers.
NUMBERS = ("caller_number", "called_number", "caller_name", "from", "to", "senderid")
# The parameter with the text of a message, and phone numbers in it.
TEXT = "content"
NUMBER_IN_TEXT = re.compile(r"\+?\d{7,15}")
# Numbers that are read in a text.
MAX_NUMBERS = 20
# Longer values are neither ids nor numbers.
MAX_LENGTH = 255
# Rows per query and per transaction.
BATCH = 500


def save_keys(event: WebhookEvent) -> None:
    """Store the keys of ``event``, except those that are stored already."""
    tenant = event.webhook.tenant
    keys = [WebhookEventKey(tenant=tenant, event=event, value=value) for value in _keys(event)]
    WebhookEventKey.objects.bulk_create(keys, batch_size=BATCH, ignore_conflicts=True)


def _keys(event: WebhookEvent) -> set[str]:
    """Return the ids of calls and messages, and the numbers in E.164, that the event contains."""
    params = json.loads(event.body).get("params")
    if not isinstance(params, dict):
        return set()
    values = {name: str(value) for name, value in params.items()}
    ids = {values[name] for name in IDS if name in values}
    texts = [values[name][:MAX_LENGTH] for name in NUMBERS if name in values]
    texts += NUMBER_IN_TEXT.findall(values.get(TEXT, ""))[:MAX_NUMBERS]
    numbers = {number.e164 for text in texts for number in phone.numbers(text)}
    return {id for id in ids if id.isprintable() and 0 < len(id) <= MAX_LENGTH} | numbers


def find_events(person: DataSubject) -> list[int]:
    """Return the primary keys of the events with a call, a message or a number of the person."""
    values = [
        *person.calls.order_by().values_list("call_id", flat=True),
        *messages_with_subject(person).values_list("message_id", flat=True),
        *person.numbers,
    ]
    wanted = set(values)
    # An event has its keys from the first attempt to process it.
    unprocessed = WebhookEvent.objects.filter(
        webhook__tenant=person.tenant, status=WebhookEvent.Status.PENDING, attempts=0
    )
    found = {
        event.pk
        for event in databases.by_primary_key(unprocessed)
        if not wanted.isdisjoint(_keys(event))
    }
    for batch in databases.batches(values, BATCH):
        keys = WebhookEventKey.objects.filter(tenant=person.tenant, value__in=batch)
        found.update(keys.values_list("event_id", flat=True))
    return sorted(found)


def export_events(person: DataSubject) -> Iterator[dict[str, Any]]:
    """Yield the events as received."""
    for batch in databases.batches(find_events(person), BATCH):
        events = WebhookEvent.objects.filter(pk__in=batch).order_by("pk")
        for received_at, body in events.values_list("received_at", "body"):
            yield {"received_at": received_at, "body": json.loads(body)}


def erase(person: DataSubject, renew_lease: Callable[[], None]) -> dict[str, int]:
    """Delete the events, and the messages with their files. Return the numbers of both.

    ``renew_lease`` is called after each batch and each file.

    Each batch is deleted for good, and the next call continues after an error. Call it before the
    calls lose the values by which the events are found. Raises the exceptions of the storage.
    """
    events = find_events(person)
    for batch in databases.batches(events, BATCH):
        WebhookEvent.objects.filter(pk__in=batch).delete()
        renew_lease()
    messages = list(messages_with_subject(person).values_list("pk", flat=True))
    for batch in databases.batches(messages, BATCH):
        rows = Message.objects.filter(pk__in=batch)
        for message in rows.exclude(file=""):
            message.file.storage.delete(str(message.file.name))
            renew_lease()
        rows.delete()
    return {"messages": len(messages), "events": len(events)}


def messages_with_subject(person: DataSubject) -> QuerySet[Message]:
    """Return the messages to and from this person."""
    return Message.objects.filter(conversation__in=person.conversations).order_by("pk")
