"""What the webhooks left behind about a person, for :mod:`.erasure` and :mod:`.export`."""

from __future__ import annotations

from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Q, QuerySet

from .. import signals
from ..models import CallLeg, Conversation, Message, WebhookEvent
from .people import Person


def connect() -> None:
    """Answer when a person is to be erased or exported."""
    signals.erase_person.connect(erase, dispatch_uid="ringotel_crm.forgetting")
    signals.export_person.connect(export, dispatch_uid="ringotel_crm.forgetting")


def erase(sender: Any, *, person: Person, **kwargs: Any) -> dict[str, int]:
    """Conversations with their files, what each phone was told of the calls, and the events that name a number."""
    conversations = _conversations(person)
    messages = list(Message.objects.filter(conversation__in=conversations))
    for message in messages:
        if message.file:
            name = str(message.file.name)
            transaction.on_commit(partial(message.file.storage.delete, name), robust=True)
    conversations.delete()
    legs = CallLeg.objects.filter(activity__scope=person.scope, activity__call_id__startswith="erased-")
    legs.update(caller_number="", called_number="")
    named = Q(pk__in=[])
    for number in person.numbers:
        named |= Q(body__contains=number.lstrip("+"))
    events, _by_model = WebhookEvent.objects.filter(named, webhook__scope=person.scope).delete()
    return {"messages": len(messages), "events": events}


def export(sender: Any, *, person: Person, **kwargs: Any) -> dict[str, list[dict[str, Any]]]:
    """The messages."""
    rows = Message.objects.filter(conversation__in=_conversations(person)).order_by("at", "pk")
    return {
        "messages": [dict(row) for row in rows.values("at", "is_outgoing", "text", "state", "edited_at", "deleted_at")]
    }


def _conversations(person: Person) -> QuerySet[Conversation]:
    """With this contact, and those with nobody that have one of the numbers."""
    held = Q(contact_id="", their_key__in=person.numbers)
    if person.contact_id:
        held |= Q(contact_type=person.contact_type, contact_id=person.contact_id)
    return Conversation.objects.filter(held, scope=person.scope)
