"""Export of the data held about a person, as one file (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import asdict
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from ... import signals
from ...backends import Backend
from ...models import AuditEntry, Recording
from ..audit import log_action
from .subjects import DataSubject, collect_answers
from .webhook_data import messages_with_subject

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
) -> AuditEntry:
    """Write a ZIP file with ``data.json``, recordings and files of messages to ``output``.

    Return the entry in the audit log. It names ``user``, and its details are the numbers of rows.
    """
    data = collect_data(backend, person)
    with zipfile.ZipFile(output, "w") as archive:
        text = json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        archive.writestr("data.json", text)
        for recording in _recordings(person).filter(deletion_started=False):
            suffix = str(recording.file.name).rpartition(".")[2]
            _add_file(archive, f"recordings/{recording.activity_id}.{suffix}", recording.file)
        for message in messages_with_subject(person).exclude(file=""):
            _add_file(archive, f"messages/{message.pk}", message.file)
    return log_export(person, data, user=user)


def collect_data(backend: Backend, person: DataSubject) -> dict[str, Any]:
    """Return everything that is stored about this person, except files.

    ``contact`` is a dict or None, the other values of this app are lists. The receivers of
    ``export_person`` may add any value that can be written as JSON.
    """
    data = _tables(backend, person)
    return data | collect_answers(signals.export_person, backend, person)


def count_rows(data: dict[str, Any]) -> dict[str, int]:
    """Return the number of rows of each kind in the result of :func:`collect_data`."""
    return {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}


def log_export(person: DataSubject, data: dict[str, Any], *, user: Any) -> AuditEntry:
    """Log that ``user`` received the result of :func:`collect_data`."""
    kind, id = AuditEntry.Kind.PERSON, person.contact_id
    counts = count_rows(data)
    return log_action(
        AuditEntry.Action.EXPORTED, kind, id, user=user, tenant=person.tenant, **counts
    )


def _recordings(person: DataSubject) -> QuerySet[Recording]:
    return Recording.objects.filter(activity__in=person.calls).order_by("pk")


def _tables(backend: Backend, person: DataSubject) -> dict[str, Any]:
    """Return the contact, and the rows of the person in each table."""
    numbers = {*person.numbers}
    if person.contact:  # includes the numbers that other contacts have too
        numbers.update(backend.contacts.numbers(person.contact.id))
    return {
        "contact": asdict(person.contact) if person.contact else None,
        "numbers": sorted(numbers),
        "calls": list(person.calls.order_by("pk").values(*CALL_FIELDS)),
        "recordings": list(_recordings(person).values(*RECORDING_FIELDS)),
        "notes": list(person.notes.order_by("pk").values("text", "created_at")),
        "follow_ups": list(person.follow_ups.order_by("pk").values(*FOLLOW_UP_FIELDS)),
        "callbacks": list(person.callbacks.values("e164", "taken_at", "done_at")),
        "legal_holds": list(person.legal_holds.order_by("pk").values("reason", "created_at")),
    }


def _add_file(archive: zipfile.ZipFile, name: str, file: FieldFile) -> None:
    with (
        file.storage.open(str(file.name)) as stored,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        shutil.copyfileobj(stored, member)
