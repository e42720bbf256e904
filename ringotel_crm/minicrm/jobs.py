"""Import a file in steps that survive an interruption: check, import, undo.

The rows of the file are stored as JSON lines. Each step handles a batch of rows and commits it
together with the position that it has reached, so that any later request can continue.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import islice
from typing import Any, BinaryIO

from django.apps import apps
from django.utils import timezone
from django.utils.translation import gettext as _

from .. import databases
from ..contact_files import headers
from ..contact_files.cells import clean
from ..contact_files.fields import FIELDS
from ..contact_files.results import Outcome
from ..contact_files.rows import ContactRow, RowReader
from ..contact_files.tables import Table, UnreadableFile, open_table
from ..services import locks
from . import snapshots, storage
from .models import ContactImport, ImportedRow
from .resources import ContactResource, ContactRowResult, own_id_column
from .undo import WRITE_BATCH, undo_steps

# Rows checked per transaction, which writes no contacts.
CHECK_BATCH = 250
MAX_SHOWN = 100  # rows of each outcome in a preview
UNDO_TIME = dt.timedelta(days=30)

Status = ContactImport.Status
OUTCOMES = {"new": Outcome.CREATED, "update": Outcome.CHANGED, "skip": Outcome.UNCHANGED}


class FileDeleted(Exception):
    """The stored rows were deleted; the file has to be chosen again."""


def start(
    file: BinaryIO,
    *,
    file_name: str,
    user: Any = None,
    encoding: str = "",
    fields: Sequence[str] = (),
) -> ContactImport:
    """Store the rows of a file and map its columns.

    Without ``fields``, they are mapped as a person did for the same headers, else as recognized.
    Raises ``UnreadableFile``.
    """
    delete_expired()
    table = open_table(file, encoding=encoding)
    job = ContactImport(user=user, file_name=file_name[-255:], headers=table.headers)
    job.headers_digest = digest(table.headers)
    job.fields = list(fields) or recognize(table)
    job.mapped_by_hand = bool(fields)
    job.status = Status.CHECKING if headers.is_mapped(job.fields) else Status.MAPPING
    filled: set[int] = set()

    def lines() -> Iterator[bytes]:
        for number, cells in table.rows:
            new = {index for index, cell in enumerate(cells) if index not in filled and clean(cell)}
            filled.update(new)
            job.total += 1
            yield json.dumps([number, cells]).encode() + b"\n"

    job.stored_name = storage.save(lines())
    job.filled = sorted(filled)
    if not job.total:
        storage.delete(job.stored_name)
        raise UnreadableFile(_("The file has no contacts."))
    job.save()
    return job


def recognize(table: Table) -> list[str]:
    """Return the field of each column, as mapped by hand before, else as recognized."""
    same = ContactImport.objects.filter(headers_digest=digest(table.headers), mapped_by_hand=True)
    last = same.filter(
        status__in=[Status.IMPORTING, Status.DONE, Status.UNDOING, Status.UNDONE]
    ).first()
    return table.fields or (list(last.fields) if last else headers.recognize(table.headers))


def digest(texts: Sequence[str]) -> str:
    """Return a hash of headers, without regard to case and punctuation."""
    words = [headers.normalize(text) for text in texts]
    return hashlib.sha256(json.dumps(words).encode()).hexdigest()


def set_fields(job: ContactImport, fields: Sequence[str]) -> None:
    """Map the columns by hand, and check the rows again."""
    job.fields = [field if field in FIELDS else "" for field in fields]
    job.mapped_by_hand = True
    status = Status.CHECKING if headers.is_mapped(job.fields) else Status.MAPPING
    _restart(job, status)


def confirm(job: ContactImport) -> bool:
    """Begin to import; return False if another request has begun."""
    return _restart(job, Status.IMPORTING)


def discard(job: ContactImport) -> None:
    """Delete an import that was not confirmed, with its file."""
    storage.delete(job.stored_name)
    job.delete()


def ignored_columns(job: ContactImport) -> list[str]:
    """Return the headers of the columns that have values and are not imported."""
    return [
        job.headers[index]
        for index in job.filled
        if not job.fields[index] and job.headers[index] != own_id_column()
    ]


def sample_rows(job: ContactImport, count: int = 3) -> list[list[str]]:
    """Return the cells of the first rows. Raises ``FileDeleted``."""
    return [cells for _number, cells in islice(_rows(job, 0), count)]


def steps(job: ContactImport) -> Iterator[list[ImportedRow]]:
    """Do the work that the status of ``job`` asks for; yield the rows of each batch.

    Raises ``FileDeleted``.
    """
    if job.status in (Status.CHECKING, Status.IMPORTING):
        yield from _import_steps(job)
    elif job.status == Status.UNDOING:
        yield from undo_steps(job)


def delete_expired() -> tuple[int, int]:
    """Delete the rows of imports after 30 days, and files that were not confirmed within one day.
    Return the numbers of deleted rows and files.
    """
    now = timezone.now()
    rows, _by_model = ImportedRow.objects.filter(job__created_at__lt=now - UNDO_TIME).delete()
    unconfirmed = ContactImport.objects.filter(
        status__in=[Status.MAPPING, Status.CHECKING, Status.READY]
    )
    expired = list(unconfirmed.filter(created_at__lt=now - dt.timedelta(seconds=storage.MAX_AGE)))
    for job in expired:
        discard(job)
    return rows, len(expired)


def _restart(job: ContactImport, status: ContactImport.Status) -> bool:
    """Begin again at the first row, unless another request has changed the status."""
    unchanged = ContactImport.objects.filter(pk=job.pk, status=job.status)
    with databases.atomic(ContactImport):
        if not unchanged.update(status=status, position=0):
            return False
        job.rows.all().delete()
        job.status, job.position = status, 0
        for outcome in Outcome:
            setattr(job, outcome.value, 0)
        job.save()
    return True


def _rows(job: ContactImport, position: int) -> Iterator[tuple[int, list[str]]]:
    try:
        for line in islice(storage.read(job.stored_name), position, None):
            number, cells = json.loads(line)
            yield number, cells
    except OSError as exc:
        raise FileDeleted from exc


def _import_steps(job: ContactImport) -> Iterator[list[ImportedRow]]:
    """Check or import the rows from the position of ``job`` on."""
    own_column = own_id_column()
    own_index = job.headers.index(own_column) if own_column in job.headers else -1
    reader = RowReader(job.headers, job.fields, own_index)
    resource = ContactResource()
    rows = _rows(job, job.position)
    size = WRITE_BATCH if job.status == Status.IMPORTING else CHECK_BATCH
    while batch := list(islice(rows, size)):
        with databases.atomic(ContactImport):
            if job.status == Status.IMPORTING:
                locks.acquire("contacts ")
            current = locks.lock_row(ContactImport.objects.filter(pk=job.pk), "worked_at")
            if current is None or (current.status, current.position) != (job.status, job.position):
                return  # another request continues
            reports = _import_batch(job, resource, reader, batch)
            job.position += len(batch)
            if job.position >= job.total:
                _finish(job)
            job.save()
        yield reports
    if job.status in (Status.CHECKING, Status.IMPORTING):
        raise FileDeleted


def _finish(job: ContactImport) -> None:
    if job.status == Status.CHECKING:
        job.status = Status.READY
        return
    job.status = Status.DONE
    databases.on_commit(partial(storage.delete, job.stored_name))
    job.stored_name = ""


def _import_batch(
    job: ContactImport,
    resource: ContactResource,
    reader: RowReader,
    batch: Sequence[tuple[int, list[str]]],
) -> list[ImportedRow]:
    rows = [reader.read(number, cells) for number, cells in batch]
    results = resource.import_rows(rows, dry_run=job.status == Status.CHECKING)
    reports = [
        _report(job, row, result, cells)
        for row, result, (_number, cells) in zip(rows, results, batch, strict=True)
    ]
    stored = []
    for report in reports:
        setattr(job, report.outcome, getattr(job, report.outcome) + 1)
        if _is_stored(job, report):
            stored.append(report)
    if job.status == Status.IMPORTING:
        _log(job, results)
        stored = _merge_reports(job, stored)
    ImportedRow.objects.bulk_create(stored)
    return reports


def _report(
    job: ContactImport, row: ContactRow, result: ContactRowResult, cells: list[str]
) -> ImportedRow:
    report = ImportedRow(job=job, number=row.number, label=row.label[:255], messages=row.warnings)
    report.outcome = OUTCOMES.get(result.import_type, Outcome.REFUSED)
    if report.outcome == Outcome.REFUSED:
        report.messages, report.cells = result.validation_error.messages, cells
        return report
    report.changes = result.changes
    if job.status == Status.IMPORTING and report.outcome != Outcome.UNCHANGED:
        report.contact = result.instance
        report.created_organization = result.instance.created_organization
        report.before = result.before
        report.digest = snapshots.digest(snapshots.take(result.instance))
    return report


def _is_stored(job: ContactImport, report: ImportedRow) -> bool:
    """Return whether the row is stored, for the download, for undo, or for the preview."""
    if report.outcome == Outcome.REFUSED:
        return True
    if report.outcome == Outcome.UNCHANGED and not report.messages:
        return False
    if report.outcome != Outcome.UNCHANGED and job.status == Status.IMPORTING:
        return True
    return bool(getattr(job, report.outcome) <= MAX_SHOWN)


def _merge_reports(job: ContactImport, reports: Sequence[ImportedRow]) -> list[ImportedRow]:
    """Return the new reports; a contact that this import has written before keeps its first one.

    That one gets the latest digest, so that undo returns to the state before the import.
    """
    ids = [report.contact_id for report in reports if report.contact_id]
    known = {report.contact_id: report for report in job.rows.filter(contact__in=ids)}
    repeated: dict[int, ImportedRow] = {}
    new = []
    for report in reports:
        if report.contact_id and (first := known.get(report.contact_id)):
            first.digest = report.digest
            if first.pk:
                repeated[first.pk] = first
        else:
            known[report.contact_id] = report
            new.append(report)
    ImportedRow.objects.bulk_update(repeated.values(), ["digest"])
    return new


def _log(job: ContactImport, results: Sequence[ContactRowResult]) -> None:
    """Write into the history of the contacts."""
    if not job.user_id or not apps.is_installed("django.contrib.admin"):
        return
    from django.contrib.admin.models import ADDITION, CHANGE, LogEntry

    message = _("Imported from %(file)s.") % {"file": job.file_name}
    for kind, flag in (("new", ADDITION), ("update", CHANGE)):
        contacts = [result.instance for result in results if result.import_type == kind]
        if contacts:
            LogEntry.objects.log_actions(job.user_id, contacts, flag, change_message=message)
