"""Everything that is held about a person, as one file (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
import shutil
import zipfile
from dataclasses import asdict
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models.fields.files import FieldFile

from ... import signals
from ...backends import Backend
from ...models import AuditEntry, LegalHold, Recording
from ..audit import log_action
from .subjects import DataSubject, collect_answers
from .webhook_data import messages_with_subject

CALL_FIELDS = (
    *(
        "id",
        "call_id",
        "direction",
        "status",
        "caller_number",
        "caller_e164",
        "called_number",
        "called_e164",
    ),
    *(
        "extension",
        "agent_name",
        "contact_name",
        "start",
        "end",
        "duration",
        "cause",
        "subject",
        "comment",
    ),
    *("last_received_subject", "last_received_comment", "created_at", "updated_at"),
)
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
) -> dict[str, Any]:
    """Write a ZIP file with ``data.json``, recordings and the files of messages; returns what is in it, in numbers."""
    recordings = Recording.objects.filter(activity__in=person.calls).order_by("pk")
    holds = LegalHold.objects.filter(
        tenant=person.tenant, contact_type=person.contact_type, contact_id=person.contact_id
    )
    numbers = backend.contacts.numbers(person.contact.id) if person.contact else ()
    data: dict[str, Any] = {
        "contact": asdict(person.contact) if person.contact else None,
        "numbers": sorted({*person.numbers, *numbers}),  # also those that others have, too
        "calls": list(person.calls.order_by("pk").values(*CALL_FIELDS)),
        "recordings": list(recordings.values(*RECORDING_FIELDS)),
        "notes": list(person.notes.order_by("pk").values("text", "due", "done_at", "created_at")),
        "legal_holds": list(
            holds.exclude(contact_id="").order_by("pk").values("reason", "created_at")
        ),
    }
    data |= collect_answers(signals.export_person, backend, person)
    with zipfile.ZipFile(output, "w") as archive:
        archive.writestr(
            "data.json", json.dumps(data, cls=DjangoJSONEncoder, ensure_ascii=False, indent=2)
        )
        for recording in recordings.filter(deletion_started=False):
            name = (
                f"recordings/{recording.activity_id}.{str(recording.file.name).rpartition('.')[2]}"
            )
            _add(archive, name, recording.file)
        for message in messages_with_subject(person).exclude(file=""):
            _add(archive, f"messages/{message.pk}", message.file)
    counts = {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}
    kind, id = AuditEntry.Kind.PERSON, person.contact_id
    log_action(AuditEntry.Action.EXPORTED, kind, id, user=user, tenant=backend.tenant, **counts)
    return counts


def _add(archive: zipfile.ZipFile, name: str, file: FieldFile) -> None:
    with (
        file.storage.open(str(file.name)) as stored,
        archive.open(name, "w", force_zip64=True) as member,
    ):
        shutil.copyfileobj(stored, member)
