"""Linking the calls and conversations of a number to a contact at once, and undoing it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Q, QuerySet, Value
from django.db.models.functions import Coalesce
from django.db.models.lookups import Exact
from django.utils import timezone

from ... import databases, phone
from ...backends import Backend
from ...models import Activity, Conversation
from ...models.search import strip_accents
from ...records import CallRef, ContactRecord, ContactReference, Direction
from ..calls.lifecycle import assign_call
from .identify import identify_numbers
from .references import MAX_NAME, record_reference

# Rows that one statement of an undo names.
BATCH = 500


@dataclass(frozen=True, kw_only=True, slots=True)
class Links:
    """Rows that were linked to ``contact`` at once; all referred to ``previous`` before.

    ``calls`` and ``conversations`` are primary keys. ``by_hand``: the calls were selected by a
    user; ``was_confirmed`` is the value of their ``contact_confirmed`` before.
    """

    contact: ContactReference
    previous: ContactReference
    calls: Sequence[int] = ()
    conversations: Sequence[int] = ()
    by_hand: bool = False
    was_confirmed: bool = False

    def to_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> Links:
        references = {name: ContactReference(**values[name]) for name in ("contact", "previous")}
        return cls(**{**values, **references})


def calls_with(numbers: Sequence[str]) -> Q:
    """Return the condition that the external party of a call has one of these E.164 numbers."""
    inward = Q(caller_e164__in=numbers) & ~Q(direction__in=[Direction.OUTBOUND, Direction.INTERNAL])
    return inward | Q(called_e164__in=numbers, direction=Direction.OUTBOUND)


def link_unassigned(backend: Backend, contact: ContactRecord, numbers: Sequence[str]) -> Links:
    """Link the calls and conversations of ``numbers`` that never had a contact to ``contact``.

    Leaves out numbers that identify another contact, such as those that several contacts share,
    and numbers that identify no contact, such as the company's own.
    """
    own_numbers = [
        number
        for number in numbers
        if phone.candidates(number) and _identifies(contact, backend, number)
    ]
    reference = record_reference(backend, contact)
    return link(backend, own_numbers, ContactReference(), reference, Activity.objects.all())


def _identifies(contact: ContactRecord, backend: Backend, number: str) -> bool:
    found = identify_numbers(backend, [number])
    return found is not None and found.id == contact.id


def link(
    backend: Backend,
    numbers: Sequence[str],
    previous: ContactReference,
    contact: ContactReference,
    calls: QuerySet[Activity],
) -> Links:
    """Link those of ``calls``, and the conversations, with these numbers from ``previous`` to
    ``contact``, with one statement per table.

    Calls that were assigned by hand, and internal calls, are left unchanged.
    """
    conversations = Conversation.objects.filter(remote_number_normalized__in=numbers)
    rows = (calls.filter(calls_with(numbers), contact_confirmed=False), conversations)
    with databases.atomic():
        calls_linked, conversations_linked = (
            _refer(of_model.filter(_of_tenant(backend)), previous, contact) if numbers else []
            for of_model in rows
        )
    return Links(
        contact=contact,
        previous=previous,
        calls=calls_linked,
        conversations=conversations_linked,
    )


def calls_of(
    backend: Backend,
    numbers: Sequence[str],
    contact: ContactReference,
    calls: QuerySet[Activity],
) -> QuerySet[Activity]:
    """Return those of ``calls`` with these numbers that :func:`link` links from ``contact``."""
    conditions = (calls_with(numbers), _of_tenant(backend))
    return calls.filter(*conditions, contact_confirmed=False, **_unchanged(contact)).order_by()


def _of_tenant(backend: Backend) -> Exact:
    """Return the condition on the tenant, in a form that cannot use the index of tenants.

    SQLite, which does not know how many rows have the same tenant, would prefer that index to the
    index of numbers.
    """
    return Exact(Coalesce("tenant", Value("")), backend.tenant)


def _unchanged(previous: ContactReference) -> dict[str, Any]:
    """Return the condition that a row refers to ``previous``.

    Without a contact, it leaves out ``contact_type``: databases would prefer the index of contacts
    to that of numbers, and it has all calls without a contact.
    """
    if previous.id:
        return previous.lookup
    return {"contact_id": "", "contact_name": previous.name}


def _refer(rows: QuerySet[Any], previous: ContactReference, contact: ContactReference) -> list[int]:
    """Update those of ``rows`` that refer to ``previous``, and return their primary keys.

    The time of the update identifies them.
    """
    now = timezone.now()
    values = _values(contact)
    if not rows.filter(**_unchanged(previous)).update(**values, updated_at=now):
        return []
    updated = rows.filter(**contact.lookup, updated_at=now).order_by()
    return sorted(updated.values_list("pk", flat=True))


def _values(contact: ContactReference) -> dict[str, Any]:
    """Return the columns that refer to ``contact``."""
    normalized = strip_accents(contact.name)[:MAX_NAME]
    return {
        **contact.lookup,
        "contact_name": contact.name,
        "contact_name_normalized": normalized,
    }


def assign_calls(backend: Backend, calls: Sequence[Activity], contact_id: str) -> list[Links]:
    """Assign calls that a user has selected to a contact, or to none if ``contact_id`` is "".

    Raises ``NotFound``.
    """
    links = []
    for call in calls:
        assigned = assign_call(backend, CallRef(activity_id=str(call.pk)), contact_id)
        links.append(
            Links(
                contact=assigned.contact_reference,
                previous=call.contact_reference,
                calls=[call.pk],
                by_hand=True,
                was_confirmed=call.contact_confirmed,
            )
        )
    return links


def unlink(backend: Backend, links: Links) -> int:
    """Undo :func:`link` or :func:`assign_calls`, and return the number of calls.

    Rows that have been assigned to another contact since are left unchanged, and so are calls that
    a user has assigned to the same contact since. Doing it twice is harmless.
    """
    previous = _existing(backend, links.previous)
    count = 0
    with databases.atomic():
        for keys in _batches(links.calls):
            calls = Activity.objects.filter(tenant=backend.tenant, pk__in=keys)
            count += calls.filter(**links.contact.lookup, contact_confirmed=links.by_hand).update(
                **_values(previous),
                contact_confirmed=links.was_confirmed,
                updated_at=timezone.now(),
            )
        for keys in _batches(links.conversations):
            conversations = Conversation.objects.filter(tenant=backend.tenant, pk__in=keys)
            conversations.filter(**links.contact.lookup).update(
                **_values(previous), updated_at=timezone.now()
            )
    return count


def _batches(keys: Sequence[int]) -> Iterator[Sequence[int]]:
    return (keys[start : start + BATCH] for start in range(0, len(keys), BATCH))


def _existing(backend: Backend, reference: ContactReference) -> ContactReference:
    """Return the reference, or its name only if the contact has been deleted since."""
    if not reference.id:
        return reference
    contact = resolve_reference(backend, reference)
    return reference if contact else ContactReference(name=reference.name)


def resolve_reference(backend: Backend, reference: ContactReference) -> ContactRecord | None:
    """Return the contact of a reference, None if it is empty or the contact was deleted."""
    if not reference.id:
        return None
    if reference.type_id is None:
        return backend.contacts.get(reference.id)
    model = ContentType.objects.get_for_id(reference.type_id).model_class()
    contact_id = backend.contacts.from_reference(model, reference.id) if model else ""
    return backend.contacts.get(contact_id) if contact_id else None
