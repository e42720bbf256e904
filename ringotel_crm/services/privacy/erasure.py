"""Forgetting a person (GDPR, article 17). That somebody called, when, for how long and whom, stays."""

from __future__ import annotations

import uuid
from contextlib import suppress
from typing import Any

from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from ... import signals
from ...backends import Backend
from ...exceptions import UnderLegalHold
from ...models import Activity, AuditEntry, Conversation, LegalHold, Note, Recording
from .. import locks
from ..audit import log_action
from ..calls.lifecycle import ERASED_ID_PREFIX
from ..recordings.store import delete_recording
from .subjects import DataSubject, collect_answers

# What is left of a call's row when nothing in it may tell who called. Ringotel's id of the call leads back to it, too.
ERASED_VALUES = {
    "caller_number": "",
    "caller_e164": "",
    "called_number": "",
    "called_e164": "",
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


def erase_subject(
    backend: Backend, person: DataSubject, *, user: Any = None, dry_run: bool = False
) -> dict[str, Any]:
    """Erase what is held about this person, and give the receipt, which is also kept and has nothing personal in it.

    Can be repeated: if the storage fails, or the process is killed, nothing but some recordings is gone, and the next
    time goes on. Raises ``Held``, before anything is done, for a person or call under a legal hold. With ``dry_run``
    the receipt says what would be done.
    """
    _refuse_if_held(person)
    calls = list(person.calls.order_by("pk").values_list("pk", flat=True))
    recordings = Recording.objects.filter(activity__in=calls, deleted_at=None)
    receipt: dict[str, Any] = {
        "contact": person.contact_id,
        "contact_deleted": bool(person.contact) and backend.contacts.can_delete,
        "numbers": len(person.numbers),
        "calls": len(calls),
        "recordings": recordings.count(),
        "index_entries": person.index.count(),
        "notes": person.notes.count(),
    }
    if dry_run:
        return receipt
    for recording in recordings:
        if not delete_recording(recording, user=user, reason="erasure"):
            raise _held()
    with transaction.atomic():
        locks.acquire(f"contacts {backend.tenant}")
        receipt["log_entries"] = _erase_admin_log(person, calls)
        receipt |= collect_answers(
            signals.erase_person, backend, person
        )  # while the calls can still be told from others
        for call in Activity.objects.filter(pk__in=calls):
            for name, value in ERASED_VALUES.items():
                setattr(call, name, value)
            call.call_id = f"{ERASED_ID_PREFIX}{uuid.uuid4().hex}"
            call.save()
        person.notes.delete()
        person.index.delete()
        if person.contact and backend.contacts.can_delete:
            backend.contacts.delete(person.contact.id)
        kind, id = AuditEntry.Kind.PERSON, person.contact_id
        log_action(AuditEntry.Action.ERASED, kind, id, user=user, tenant=backend.tenant, **receipt)
    return receipt


def _refuse_if_held(person: DataSubject) -> None:
    holds = LegalHold.objects.filter(
        tenant=person.tenant, contact_type=person.contact_type, contact_id=person.contact_id
    ).exclude(contact_id="")
    if holds.exists() or person.calls.filter(legal_hold=True).exists():
        raise _held()


def _held() -> UnderLegalHold:
    return UnderLegalHold(_("This person, or a call of this person, is under a legal hold."))


def _erase_admin_log(person: DataSubject, calls: list[int]) -> int:
    """The admin writes names down in a log of its own."""
    if not apps.is_installed("django.contrib.admin"):
        return 0
    from django.contrib.admin.models import LogEntry

    recordings = Recording.objects.filter(activity__in=calls)
    kinds = {
        Activity: calls,
        Recording: recordings.values_list("pk", flat=True),
        Note: person.notes.values_list("pk", flat=True),
        Conversation: person.conversations.values_list("pk", flat=True),
    }
    # By name, too: of what was deleted before, such as a call or the contact, nothing else is known.
    names = {*person.numbers, *person.calls.values_list("contact_name", flat=True)} - {""}
    named = Q(object_repr__in=names) & ~Q(
        pk__in=_of_namesakes(LogEntry.objects.filter(object_repr__in=names))
    )
    if person.contact_type:
        named |= Q(content_type=person.contact_type, object_id=person.contact_id)
    for model, ids in kinds.items():
        named |= Q(
            content_type=ContentType.objects.get_for_model(model),
            object_id__in=[str(id) for id in ids],
        )
    return LogEntry.objects.filter(named).update(object_repr="", change_message="")


def _of_namesakes(entries: QuerySet[Any]) -> list[int]:
    """Those about something that is still there: the person's own were named already."""
    found = []
    for entry in entries.select_related("content_type"):
        model = entry.content_type and entry.content_type.model_class()
        with suppress(ValueError, ValidationError):  # no key is written so
            if model and model._base_manager.filter(pk=entry.object_id).exists():
                found.append(entry.pk)
    return found
