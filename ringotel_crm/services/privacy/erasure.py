"""Erasure of a person (GDPR, article 17).

Calls remain without personal data: the time, the duration and the agent.
"""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from itertools import chain
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db.models import CharField, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import databases, signals
from ...backends import Backend
from ...exceptions import UnderLegalHold
from ...models import Activity, AuditEntry, CallLeg, FollowUp, Recording
from .. import locks
from ..audit import log_action
from ..calls.lifecycle import ERASED_ID_PREFIX
from ..recordings.store import delete_recording
from ..sync import checkpoints
from . import webhook_data
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
# Rows per transaction.
BATCH = 100


@databases.fresh_reads()
def erase_subject(
    backend: Backend, person: DataSubject, *, user: Any = None, dry_run: bool = False
) -> dict[str, Any]:
    """Erase the data held about this person and return a receipt without personal data.

    The receipt is also stored in the audit log, with ``user``, as the entry ``audit_entry``. With
    ``dry_run``, nothing is erased and the receipt contains what would be.

    Everything is collected before anything is locked, and erased in short transactions. Can be
    repeated: if the storage fails or the process is killed, the next run continues. Raises
    ``UnderLegalHold``, before anything is erased, if the person or one of the calls is under a
    legal hold, and ``InvalidInput`` while another process erases a person of this tenant.
    """
    _check_legal_holds(person)
    calls = list(person.calls.order_by().values_list("pk", flat=True))
    recordings = Recording.objects.filter(activity__in=person.calls.order_by(), deleted_at=None)
    receipt: dict[str, Any] = {
        "contact": person.contact_id,
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
    lease = checkpoints.SHORT_LEASE
    with checkpoints.exclusive(backend.tenant, "ringotel_erase_person", lease) as renew_lease:
        for recording in chain.from_iterable(databases.pages(recordings)):
            if not delete_recording(recording, user=user, reason="erasure"):
                raise _under_legal_hold()
            renew_lease()
        # Before the calls lose the values by which the receivers and the events find them.
        log_entries = _find_log_entries(person)
        receipt["log_entries"] = len(log_entries)
        renew_lease()
        with databases.atomic():
            receipt |= collect_answers(signals.erase_person, backend, person)
        _erase_log_entries(log_entries)
        receipt |= webhook_data.erase(person, renew_lease)
        for batch in databases.batches(calls, BATCH):
            _erase_calls(batch)
            renew_lease()
        # The deletion of the contact looks for its calls. On PostgreSQL, the first index scan after
        # the erasure reads the index entries of all of them, and marks these as dead. Run it here,
        # in the order of the index: new contacts wait while the lock below is held.
        if person.contact:
            Activity.objects.filter(**person.reference.lookup).order_by("-start").first()
        with databases.atomic():
            locks.acquire(f"contacts {backend.tenant}")
            _erase_contact(backend, person)
            kind, id = AuditEntry.Kind.PERSON, person.contact_id
            action = AuditEntry.Action.ERASED
            entry = log_action(action, kind, id, user=user, tenant=backend.tenant, **receipt)
    return receipt | {"audit_entry": entry.pk}


def _erase_calls(calls: Sequence[int]) -> None:
    """Remove the personal data from ``calls``, and delete the follow-ups on them."""
    call_id = Concat(Value(f"{ERASED_ID_PREFIX}{uuid.uuid4().hex}-"), Cast("pk", CharField()))
    with databases.atomic():
        rows = Activity.objects.filter(pk__in=calls)
        rows.update(**ERASED_VALUES, call_id=call_id, updated_at=timezone.now())
        CallLeg.objects.filter(activity__in=calls).update(caller_number="", called_number="")
        FollowUp.objects.filter(activity__in=calls).delete()


def _erase_contact(backend: Backend, person: DataSubject) -> None:
    # Those on calls are deleted with the data of the calls. To look for them here would read the
    # index entries of all of these calls, while new contacts wait.
    person.contact_follow_ups.delete()
    person.conversations.delete()
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


def _find_log_entries(person: DataSubject) -> list[int]:
    """Return the primary keys of the entries about the person in the log of Django's admin."""
    if not apps.is_installed("django.contrib.admin"):
        return []
    from django.contrib.admin.models import LogEntry

    # Entries about deleted rows, such as a call or the contact, are found by name only.
    contact_names = person.calls.order_by().values_list("contact_name", flat=True).distinct()
    names = {*person.numbers, *contact_names} - {""}
    by_name = LogEntry.objects.filter(object_repr__in=names)
    selected = Q(object_repr__in=names) & ~Q(pk__in=_about_existing_rows(by_name))
    if person.reference.type_id:
        selected |= Q(content_type=person.reference.type_id, object_id=person.reference.id)
    found = set(LogEntry.objects.filter(selected).values_list("pk", flat=True))
    tables: tuple[QuerySet[Any], ...] = (
        person.calls,
        Recording.objects.filter(activity__in=person.calls.order_by()),
        person.notes,
        person.follow_ups,
        person.conversations,
    )
    for rows in tables:
        content_type = ContentType.objects.get_for_model(rows.model)
        ids = [str(pk) for pk in rows.order_by().values_list("pk", flat=True)]
        for batch in databases.batches(ids, BATCH):
            entries = LogEntry.objects.filter(content_type=content_type, object_id__in=batch)
            found.update(entries.values_list("pk", flat=True))
    return sorted(found)


def _erase_log_entries(pks: list[int]) -> None:
    if pks:
        from django.contrib.admin.models import LogEntry

        for batch in databases.batches(pks, BATCH):
            LogEntry.objects.filter(pk__in=batch).update(object_repr="", change_message="")


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
