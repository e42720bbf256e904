"""Erasure of a person (GDPR, article 17).

Calls remain without personal data: the time, the duration and the agent.
"""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from ... import databases, signals
from ...backends import Backend
from ...exceptions import UnderLegalHold
from ...models import Activity, AuditEntry, Conversation, FollowUp, Note, Recording
from .. import locks
from ..audit import log_action
from ..calls.lifecycle import ERASED_ID_PREFIX
from ..recordings.store import delete_recording
from .subjects import DataSubject, collect_answers

# The values of an erased call. Its Ringotel id is replaced too, because it identifies the call at
# Ringotel.
ERASED_VALUES = {
    "caller_number": "",
    "caller_e164": "",
    "called_number": "",
    "called_e164": "",
    "outside_number_reversed": "",
    "contact_type": None,
    "contact_id": "",
    "contact_name": "",
    "contact_name_normalized": "",
    "contact_confirmed": True,
    "subject": "",
    "subject_normalized": "",
    "comment": "",
    "last_received_subject": "",
    "last_received_comment": "",
}


@databases.fresh_reads()
def erase_subject(
    backend: Backend, person: DataSubject, *, user: Any = None, dry_run: bool = False
) -> dict[str, Any]:
    """Erase the data held about this person and return a receipt without personal data.

    The receipt is also stored in the audit log, with ``user``. With ``dry_run``, nothing is erased
    and the receipt contains what would be.

    Can be repeated: if the storage fails or the process is killed, at most some recordings are
    deleted, and the next run continues. Raises ``UnderLegalHold``, before anything is erased, if
    the person or one of the calls is under a legal hold.
    """
    _check_legal_holds(person)
    calls = list(person.calls.order_by("pk").values_list("pk", flat=True))
    recordings = Recording.objects.filter(activity__in=calls, deleted_at=None)
    receipt: dict[str, Any] = {
        "contact": person.reference.id,
        "contact_deleted": bool(person.contact) and backend.contacts.can_delete,
        "numbers": len(person.numbers),
        "calls": len(calls),
        "recordings": recordings.count(),
        "index_entries": person.index.count(),
        "notes": person.notes.count(),
        "follow_ups": person.follow_ups.count(),
    }
    if dry_run:
        return receipt
    for recording in recordings:
        if not delete_recording(recording, user=user, reason="erasure"):
            raise _under_legal_hold()
    with databases.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        receipt["log_entries"] = _erase_admin_log(person, calls)
        # Before the calls lose the values by which the receivers find them.
        receipt |= collect_answers(signals.erase_person, backend, person)
        _erase_rows(backend, person, calls)
        kind, id = AuditEntry.Kind.PERSON, person.reference.id
        log_action(AuditEntry.Action.ERASED, kind, id, user=user, tenant=backend.tenant, **receipt)
    return receipt


def _erase_rows(backend: Backend, person: DataSubject, calls: list[int]) -> None:
    person.follow_ups.delete()
    for call in Activity.objects.filter(pk__in=calls):
        for name, value in ERASED_VALUES.items():
            setattr(call, name, value)
        call.call_id = f"{ERASED_ID_PREFIX}{uuid.uuid4().hex}"
        call.save()
    person.notes.delete()
    person.index.delete()
    person.callbacks.delete()
    if person.contact and backend.contacts.can_delete:
        backend.contacts.delete(person.contact.id)


def _check_legal_holds(person: DataSubject) -> None:
    """Raise ``UnderLegalHold`` if the person or one of the calls is under a legal hold."""
    if person.legal_holds.exists() or person.calls.filter(legal_hold=True).exists():
        raise _under_legal_hold()


def _under_legal_hold() -> UnderLegalHold:
    return UnderLegalHold(_("This person or one of the calls is under a legal hold."))


def _erase_admin_log(person: DataSubject, calls: list[int]) -> int:
    """Empty the entries about the person in the log of Django's admin; return their number."""
    if not apps.is_installed("django.contrib.admin"):
        return 0
    from django.contrib.admin.models import LogEntry

    recordings = Recording.objects.filter(activity__in=calls)
    models = {
        Activity: calls,
        Recording: recordings.values_list("pk", flat=True),
        Note: person.notes.values_list("pk", flat=True),
        FollowUp: person.follow_ups.values_list("pk", flat=True),
        Conversation: person.conversations.values_list("pk", flat=True),
    }
    # Entries about deleted rows, such as a call or the contact, are found by name only.
    names = {*person.numbers, *person.calls.values_list("contact_name", flat=True)} - {""}
    by_name = LogEntry.objects.filter(object_repr__in=names)
    selected = Q(object_repr__in=names) & ~Q(pk__in=_about_existing_rows(by_name))
    if person.reference.type_id:
        selected |= Q(content_type=person.reference.type_id, object_id=person.reference.id)
    for model, ids in models.items():
        content_type = ContentType.objects.get_for_model(model)
        selected |= Q(content_type=content_type, object_id__in=[str(id) for id in ids])
    return LogEntry.objects.filter(selected).update(object_repr="", change_message="")


def _about_existing_rows(entries: QuerySet[Any]) -> list[int]:
    """Return the primary keys of the entries about rows that exist.

    Those of the person are selected by id; the others are of people with the same name.
    """
    pks = []
    for entry in entries.select_related("content_type"):
        model = entry.content_type and entry.content_type.model_class()
        with suppress(ValueError, ValidationError):  # not a primary key of this model
            if model and model._base_manager.filter(pk=entry.object_id).exists():
                pks.append(entry.pk)
    return pks
