"""Two rows that are one person."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import signals
from ..backends import Backend
from ..exceptions import Invalid, NotFound, Unsupported
from ..models import Activity, Conversation, LegalHold, Note
from ..models.fields import fold
from ..records import ContactRecord
from . import locks


@dataclass(frozen=True, kw_only=True, slots=True)
class Merge:
    """What a merge carries over, or carried over: from ``gone``, which is deleted, to ``keep``."""

    keep: ContactRecord
    gone: ContactRecord
    calls: int
    notes: int
    numbers: tuple[str, ...]


def preview_merge(backend: Backend, keep_id: str, gone_id: str) -> Merge:
    """What :func:`merge_contacts` would do. Raises ``NotFound``, ``Invalid`` or ``Unsupported``."""
    if not backend.contacts.can_merge:
        raise Unsupported(_("This CRM does not let contacts be merged here."))
    keep, gone = backend.contacts.get(keep_id), backend.contacts.get(gone_id)
    if keep is None or gone is None:
        raise NotFound(_("One of these contacts is not there any more."))
    if keep.id == gone.id:
        raise Invalid(_("These are the same contact."))
    kept = backend.contacts.numbers(keep.id)
    return Merge(
        keep=keep,
        gone=gone,
        calls=_pointing(Activity, backend, gone).count(),
        notes=_pointing(Note, backend, gone).count(),
        numbers=tuple(number for number in backend.contacts.numbers(gone.id) if number not in kept),
    )


def merge_contacts(backend: Backend, keep_id: str, gone_id: str) -> Merge:
    """Carry calls, notes, messages, holds and numbers over, fill what the kept one lacks, delete the other."""
    with transaction.atomic():
        locks.take(f"contacts {backend.scope}")
        merge = preview_merge(backend, keep_id, gone_id)
        model, key = backend.contacts.reference(merge.keep.id)
        target: dict[str, Any] = {"contact_type": model and ContentType.objects.get_for_model(model), "contact_id": key}
        name = merge.keep.name[:255]
        _pointing(Activity, backend, merge.gone).update(
            **target, contact_name=name, contact_name_folded=fold(name), updated_at=timezone.now()
        )
        for kind in (Note, Conversation):
            _pointing(kind, backend, merge.gone).update(**target, contact_name=name)
        _pointing(LegalHold, backend, merge.gone).update(**target)
        backend.contacts.merge(merge.keep.id, merge.gone.id)
        transaction.on_commit(
            partial(signals.contact_merged.send_robust, sender=type(backend.contacts), merge=merge, backend=backend)
        )
    return merge


def _pointing(kind: Any, backend: Backend, contact: ContactRecord) -> QuerySet[Any]:
    model, key = backend.contacts.reference(contact.id)
    rows: QuerySet[Any] = kind.objects.filter(
        scope=backend.scope,
        contact_type=model and ContentType.objects.get_for_model(model),
        contact_id=key,
    )
    return rows
