"""Merging duplicate contacts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import databases, signals
from ...backends import Backend
from ...exceptions import InvalidInput, NotFound, Unsupported
from ...models import Activity, Conversation, FollowUp, LegalHold, Note
from ...models.search import strip_accents
from ...records import ContactRecord
from .. import locks
from .references import record_reference


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """A merge: numbers of rows that move from ``source``, which is deleted, to ``target``.

    ``numbers`` are the E.164 numbers that only ``source`` has.
    """

    target: ContactRecord
    source: ContactRecord
    calls: int
    notes: int
    follow_ups: int
    numbers: tuple[str, ...]


def preview_merge(backend: Backend, target_id: str, source_id: str) -> Merge:
    """Return what :func:`merge_contacts` would move.

    Raises ``Unsupported`` if the backend cannot merge, ``NotFound`` for an unknown id, and
    ``InvalidInput`` if both ids are the same contact.
    """
    if not backend.contacts.can_merge:
        raise Unsupported(_("Contacts cannot be merged here."))
    target, source = backend.contacts.get(target_id), backend.contacts.get(source_id)
    if target is None or source is None:
        raise NotFound(_("One of these contacts no longer exists."))
    if target.id == source.id:
        raise InvalidInput(_("Select two different contacts."))
    target_numbers = set(backend.contacts.numbers(target.id))
    source_numbers = backend.contacts.numbers(source.id)
    return Merge(
        target=target,
        source=source,
        calls=_rows_for(Activity, backend, source).count(),
        notes=_rows_for(Note, backend, source).count(),
        follow_ups=_rows_for(FollowUp, backend, source).count(),
        numbers=tuple(number for number in source_numbers if number not in target_numbers),
    )


def merge_contacts(backend: Backend, target_id: str, source_id: str) -> Merge:
    """Move everything about the source, and its numbers, to the target; delete the source.

    Empty fields of the target are filled in from the source. Returns what was moved. Raises as
    :func:`preview_merge`.
    """
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        merge = preview_merge(backend, target_id, source_id)
        target = record_reference(backend, merge.target)
        values = {**target.lookup, "contact_name": target.name}
        named = {**values, "contact_name_normalized": strip_accents(target.name)}
        for named_class in (Activity, Conversation):
            _rows_for(named_class, backend, merge.source).update(**named, updated_at=timezone.now())
        for model_class in (Note, FollowUp, LegalHold):
            _rows_for(model_class, backend, merge.source).update(**values)
        backend.contacts.merge(merge.target.id, merge.source.id)
        signals.send_on_commit(
            signals.contact_merged, type(backend.contacts), merge=merge, backend=backend
        )
    return merge


def _rows_for(model_class: Any, backend: Backend, contact: ContactRecord) -> QuerySet[Any]:
    """Select the rows of ``model_class`` that refer to this contact."""
    reference = record_reference(backend, contact)
    rows: QuerySet[Any] = model_class.objects.filter(tenant=backend.tenant, **reference.lookup)
    return rows
