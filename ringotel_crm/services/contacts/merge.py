"""Two rows that are one person."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import signals
from ...backends import Backend
from ...exceptions import InvalidInput, NotFound, Unsupported
from ...models import Activity, Conversation, LegalHold, Note
from ...models.search import normalize_for_search
from ...records import ContactRecord
from .. import locks


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """What a merge carries over, or carried over: from ``gone``, which is deleted, to ``keep``."""

    target: ContactRecord
    source: ContactRecord
    calls: int
    notes: int
    numbers: tuple[str, ...]


def preview_merge(backend: Backend, target_id: str, source_id: str) -> Merge:
    """What :func:`merge_contacts` would do. Raises ``NotFound``, ``Invalid`` or ``Unsupported``."""
    if not backend.contacts.can_merge:
        raise Unsupported(_("This CRM does not let contacts be merged here."))
    target, source = backend.contacts.get(target_id), backend.contacts.get(source_id)
    if target is None or source is None:
        raise NotFound(_("One of these contacts is not there any more."))
    if target.id == source.id:
        raise InvalidInput(_("These are the same contact."))
    kept = backend.contacts.numbers(target.id)
    return Merge(
        target=target,
        source=source,
        calls=_pointing(Activity, backend, source).count(),
        notes=_pointing(Note, backend, source).count(),
        numbers=tuple(
            number for number in backend.contacts.numbers(source.id) if number not in kept
        ),
    )


def merge_contacts(backend: Backend, target_id: str, source_id: str) -> Merge:
    """Carry calls, notes, messages, holds and numbers over, fill what the kept one lacks, delete the other."""
    with transaction.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        merge = preview_merge(backend, target_id, source_id)
        model, key = backend.contacts.to_reference(merge.target.id)
        target: dict[str, Any] = {
            "contact_type": model and ContentType.objects.get_for_model(model),
            "contact_id": key,
        }
        name = merge.target.name[:255]
        _pointing(Activity, backend, merge.source).update(
            **target,
            contact_name=name,
            contact_name_normalized=normalize_for_search(name),
            updated_at=timezone.now(),
        )
        for kind in (Note, Conversation):
            _pointing(kind, backend, merge.source).update(**target, contact_name=name)
        _pointing(LegalHold, backend, merge.source).update(**target)
        backend.contacts.merge(merge.target.id, merge.source.id)
        signals.send_on_commit(
            signals.contact_merged, type(backend.contacts), merge=merge, backend=backend
        )
    return merge


def _pointing(kind: Any, backend: Backend, contact: ContactRecord) -> QuerySet[Any]:
    model, key = backend.contacts.to_reference(contact.id)
    rows: QuerySet[Any] = kind.objects.filter(
        tenant=backend.tenant,
        contact_type=model and ContentType.objects.get_for_model(model),
        contact_id=key,
    )
    return rows
