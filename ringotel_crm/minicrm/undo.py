"""Undo an import as a whole, in steps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from django.contrib.contenttypes.models import ContentType

from .. import databases
from ..contact_files.results import Outcome
from ..models import Activity, FollowUp, LegalHold, Note
from ..services import locks
from . import snapshots
from .models import Contact, ContactImport, ImportedRow, Organization

# Contacts written per transaction, for which new contacts of Ringotel wait.
WRITE_BATCH = 20
WRITTEN = (Outcome.CREATED, Outcome.CHANGED)

Status = ContactImport.Status


def can_undo(job: ContactImport) -> bool:
    """Return whether the import is done, and what undo needs is still stored."""
    written = job.rows.filter(outcome__in=WRITTEN, contact__isnull=False)
    return job.status == Status.DONE and written.exists()


def begin_undo(job: ContactImport) -> bool:
    """Begin to undo; return False if another request has begun."""
    done = ContactImport.objects.filter(pk=job.pk, status=Status.DONE)
    is_first = bool(done.update(status=Status.UNDOING, position=0))
    job.refresh_from_db()
    return is_first


def undo_steps(job: ContactImport) -> Iterator[list[ImportedRow]]:
    """Delete the contacts that the import created, and restore those that it changed.

    Begins with the last ones. What was edited or used since stays, and is marked.
    """
    while True:
        with databases.atomic(ContactImport):
            locks.acquire("contacts ")
            current = locks.lock_row(ContactImport.objects.filter(pk=job.pk), "worked_at")
            if current is None or current.status != Status.UNDOING:
                return
            job.position, job.kept = current.position, current.kept
            rows = job.rows.filter(outcome__in=WRITTEN, is_kept=False, contact__isnull=False)
            batch = list(rows.order_by("-id")[:WRITE_BATCH])
            if batch:
                _undo_batch(job, batch)
                job.position += len(batch)
            else:
                job.status = Status.UNDONE
            job.save()
        if not batch:
            return
        yield batch


def _undo_batch(job: ContactImport, batch: Sequence[ImportedRow]) -> None:
    ids = [row.contact_id for row in batch]
    related = Contact.objects.select_related("organization").prefetch_related("phones")
    contacts = related.in_bulk(ids)
    used = _used(ids)
    created: list[ImportedRow] = []
    restored: list[ImportedRow] = []
    kept: list[ImportedRow] = []
    for row in batch:
        contact = contacts[row.contact_id]
        if snapshots.digest(snapshots.take(contact)) != row.digest:
            kept.append(row)
        elif row.before is not None:
            snapshots.restore(contact, row.before)
            restored.append(row)
        else:
            (kept if str(row.contact_id) in used else created).append(row)
    companies = [
        row.created_organization_id for row in [*created, *restored] if row.created_organization_id
    ]
    ImportedRow.objects.filter(pk__in=[row.pk for row in restored]).delete()
    Contact.objects.filter(pk__in=[row.contact_id for row in created]).delete()
    unused = Organization.objects.filter(
        contacts=None, phone="", email="", website="", main_contact=None
    )
    unused.filter(pk__in=companies).delete()
    ImportedRow.objects.filter(pk__in=[row.pk for row in kept]).update(is_kept=True)
    job.kept += len(kept)


def _used(ids: Sequence[int | None]) -> set[str]:
    """Return those of these contacts, as text, that have calls, notes, follow-ups or a legal
    hold."""
    keys = [str(id) for id in ids]
    kind = ContentType.objects.get_for_model(Contact)
    found: set[str] = set()
    for model in (Activity, FollowUp, Note, LegalHold):
        rows = model._default_manager.filter(contact_type=kind, contact_id__in=keys)
        found.update(rows.values_list("contact_id", flat=True).distinct())
    return found
