"""Export of the data held about a person, as one file (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from ... import databases, signals
from ...backends import Backend
from ...models import AuditEntry, CallLeg, Recording
from ..audit import log_action
from .subjects import DataSubject, collect_answers
from .webhook_data import export_events, messages_with_subject

# Columns of calls in the export.
CALL_FIELDS = (
    "id",
    "call_id",
    "direction",
    "status",
    "caller_number",
    "caller_e164",
    "called_number",
    "called_e164",
    "extension",
    "agent_name",
    "contact_name",
    "start",
    "end",
    "duration",
    "cause",
    "subject",
    "comment",
    "last_received_subject",
    "last_received_comment",
    "created_at",
    "updated_at",
)
# Columns of follow-ups in the export.
FOLLOW_UP_FIELDS = ("activity_id", "text", "due", "done_at", "created_at")
# Columns of messages in the export.
MESSAGE_FIELDS = (
    "id",
    "conversation__remote_number",
    "conversation__agent_name",
    "at",
    "is_outgoing",
    "text",
    "status",
    "edited_at",
    "deleted_at",
)
# Columns of call legs in the export.
LEG_FIELDS = (
    "activity_id",
    "extension",
    "agent_name",
    "caller_number",
    "called_number",
    "start",
    "end",
    "duration",
)
# Columns of recordings in the export.
RECORDING_FIELDS = (
    "activity_id",
    "content_type",
    "size",
    "seconds",
    "sha256",
    "created_at",
    "deleted_at",
)


def export_subject(
    backend: Backend, person: DataSubject, output: IO[bytes], *, user: Any = None
) -> dict[str, int]:
    """Write a ZIP file with ``data.json``, recordings and files of messages to ``output``.

    A page of each table is in memory at a time. ``user`` is recorded in the audit log. Returns the
    number of rows of each kind.
    """
    recordings = Recording.objects.filter(activity__in=person.calls.order_by())
    data = {
        **_tables(backend, person, recordings),
        **collect_answers(signals.export_person, backend, person),
    }
    with zipfile.ZipFile(output, "w") as archive:
        with archive.open("data.json", "w", force_zip64=True) as member:
            counts = _write_json(member, data)
        for recording in databases.by_primary_key(recordings.filter(deletion_started=False)):
            suffix = str(recording.file.name).rpartition(".")[2]
            _add_file(archive, f"recordings/{recording.activity_id}.{suffix}", recording.file)
        for message in databases.by_primary_key(messages_with_subject(person).exclude(file="")):
            _add_file(archive, f"messages/{message.pk}", message.file)
    kind, id = AuditEntry.Kind.PERSON, person.reference.id
    log_action(AuditEntry.Action.EXPORTED, kind, id, user=user, tenant=backend.tenant, **counts)
    return counts


def _tables(
    backend: Backend, person: DataSubject, recordings: QuerySet[Recording]
) -> dict[str, Any]:
    """Return the contact, and the rows of the person in each table."""
    numbers = {*person.numbers}
    if person.contact:  # includes the numbers that other contacts have too
        numbers.update(backend.contacts.numbers(person.contact.id))
    legs = CallLeg.objects.filter(activity__in=person.calls.order_by())
    return {
        "contact": asdict(person.contact) if person.contact else None,
        "numbers": sorted(numbers),
        "calls": _rows(person.calls, CALL_FIELDS),
        "recordings": _rows(recordings, RECORDING_FIELDS),
        "notes": _rows(person.notes, ("text", "created_at")),
        "follow_ups": _rows(person.follow_ups, FOLLOW_UP_FIELDS),
        "callbacks": _rows(person.callbacks, ("e164", "taken_at", "done_at")),
        "legal_holds": _rows(person.legal_holds, ("reason", "created_at")),
        "messages": _rows(messages_with_subject(person), MESSAGE_FIELDS),
        "phones": _rows(legs, LEG_FIELDS),
        "events": export_events(person),
    }


def _rows(rows: QuerySet[Any], fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    """Yield ``fields`` of all ``rows`` by primary key.

    The conditions on a person run once, for the primary keys, rather than for each page.
    """
    pks = sorted(rows.order_by().values_list("pk", flat=True))
    for page in databases.batches(pks, databases.PAGE):
        yield from rows.model._default_manager.filter(pk__in=page).order_by("pk").values(*fields)


def _write_json(file: IO[bytes], data: dict[str, Any]) -> dict[str, int]:
    """Write ``data`` as an object, lists with one row per line. Return the lengths of the lists."""
    counts = {}
    separator = "{"
    for name, value in data.items():
        file.write(f"{separator}\n{_dumps(name)}: ".encode())
        if isinstance(value, list | Iterator):
            counts[name] = _write_list(file, value)
        else:
            file.write(_dumps(value).encode())
        separator = ","
    file.write(b"\n}\n")
    return counts


def _write_list(file: IO[bytes], rows: Iterable[Any]) -> int:
    count = 0
    file.write(b"[")
    for count, row in enumerate(rows, start=1):
        file.write(f"{',' if count > 1 else ''}\n{_dumps(row)}".encode())
    file.write(b"]")
    return count


def _dumps(value: Any) -> str:
    return json.dumps(value, cls=DjangoJSONEncoder, ensure_ascii=False)


def _add_file(archive: zipfile.ZipFile, name: str, file: FieldFile) -> None:
    with (
        file.storage.open(str(file.name)) as stored,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        shutil.copyfileobj(stored, member)
