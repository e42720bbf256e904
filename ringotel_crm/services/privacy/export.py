"""Export of the data held about a person, as one file (GDPR, articles 15 and 20)."""

from __future__ import annotations

import json
import shutil
import time
import zipfile
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain, islice
from typing import IO, Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import QuerySet
from django.db.models.fields.files import FieldFile

from ... import databases, signals
from ...backends import Backend
from ...internal.time_limits import within_limit
from ...models import Activity, AuditEntry, CallLeg, Recording
from ..audit import log_action
from .subjects import DataSubject, collect_answers
from .webhook_data import export_events, find_events, messages_with_subject

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


# Seconds for counting all rows, and those that each kind has at least.
MAX_SECONDS = 0.4
MIN_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Rows:
    """Rows of a person. ``count`` returns their number, and ``read`` yields them, with a page of
    them in memory at a time.
    """

    count: Callable[[], int]
    read: Callable[[], Iterator[dict[str, Any]]]


def export_subject(
    backend: Backend, person: DataSubject, output: IO[bytes], *, user: Any = None
) -> AuditEntry:
    """Write a ZIP file with ``data.json``, recordings and files of messages to ``output``.

    A page of each table is in memory at a time. Return the entry in the audit log, which names
    ``user``; its details are the numbers of rows of each kind.
    """
    recordings = _recordings(person.calls)
    with zipfile.ZipFile(output, "w") as archive:
        with archive.open("data.json", "w", force_zip64=True) as member:
            counts = _write_json(member, _get_data(backend, person, person.calls))
        stored = databases.pages(recordings.filter(deletion_started=False))
        for recording in chain.from_iterable(stored):
            suffix = str(recording.file.name).rpartition(".")[2]
            _add_file(archive, f"recordings/{recording.activity_id}.{suffix}", recording.file)
        with_file = databases.pages(messages_with_subject(person).exclude(file=""))
        for message in chain.from_iterable(with_file):
            _add_file(archive, f"messages/{message.pk}", message.file)
    return log_export(person, counts, user=user)


def count_data(backend: Backend, person: DataSubject) -> dict[str, int | None]:
    """Return the number of rows of each kind, None for those that take too long to count."""
    data, using = _get_data(backend, person, person.calls), databases.write_alias()
    counts: dict[str, int | None] = {}
    end = time.monotonic() + MAX_SECONDS
    for name, rows in data.items():
        if isinstance(rows, list | Rows):
            left = max(end - time.monotonic(), MIN_SECONDS)
            counts[name] = within_limit(using, left, partial(_count, rows), None)
    return counts


def collect_data(
    backend: Backend, person: DataSubject, *, limit: int
) -> tuple[dict[str, Any], set[str]]:
    """Return what is stored about this person, except files and webhook events, in memory.

    ``contact`` is a dict or None, the other values of this app are lists of at most ``limit`` rows.
    The calls are the latest, and the recordings and phones are those of these calls. The receivers
    of ``export_person`` may add any value that can be written as JSON. The set has the names of the
    lists that lack rows.
    """
    latest = person.calls.order_by("-start", "-pk").values_list("pk", flat=True)
    keys = list(latest[: limit + 1])
    data = _get_data(backend, person, Activity.objects.filter(pk__in=keys[:limit]))
    del data["events"]  # they repeat the calls and messages in a form for machines
    incomplete = {"calls"} if len(keys) > limit else set()
    for name, value in data.items():
        if isinstance(value, list | Rows):
            rows = list(islice(value.read() if isinstance(value, Rows) else value, limit + 1))
            if len(rows) > limit:
                incomplete.add(name)
            data[name] = rows[:limit]
    return data, incomplete


def _count(rows: list[Any] | Rows) -> int:
    return rows.count() if isinstance(rows, Rows) else len(rows)


def count_rows(data: dict[str, Any]) -> dict[str, int]:
    """Return the lengths of the lists in the result of :func:`collect_data`."""
    return {name: len(rows) for name, rows in data.items() if isinstance(rows, list)}


def log_export(person: DataSubject, counts: dict[str, int], *, user: Any) -> AuditEntry:
    """Log that ``user`` received the data of this person."""
    kind, id = AuditEntry.Kind.PERSON, person.contact_id
    action = AuditEntry.Action.EXPORTED
    return log_action(action, kind, id, user=user, tenant=person.tenant, **counts)


def _recordings(calls: QuerySet[Activity]) -> QuerySet[Recording]:
    return Recording.objects.filter(activity__in=calls.order_by())


def _get_data(backend: Backend, person: DataSubject, calls: QuerySet[Activity]) -> dict[str, Any]:
    """Return everything that is stored about this person, except files; ``contact``, values of the
    receivers of ``export_person``, and :class:`Rows`. ``calls``: those of the person to return.
    """
    answers = collect_answers(signals.export_person, backend, person)
    return {**_tables(backend, person, calls), **answers}


def _tables(backend: Backend, person: DataSubject, calls: QuerySet[Activity]) -> dict[str, Any]:
    """Return the contact, and the rows of the person in each table."""
    numbers = {*person.numbers}
    if person.contact:  # includes the numbers that other contacts have too
        numbers.update(backend.contacts.numbers(person.contact.id))
    legs = CallLeg.objects.filter(activity__in=calls.order_by())
    return {
        "contact": asdict(person.contact) if person.contact else None,
        "numbers": sorted(numbers),
        "calls": _rows(calls, CALL_FIELDS),
        "recordings": _rows(_recordings(calls), RECORDING_FIELDS),
        "notes": _rows(person.notes, ("text", "created_at")),
        "follow_ups": _rows(person.follow_ups, FOLLOW_UP_FIELDS),
        "callbacks": _rows(person.callbacks, ("e164", "taken_at", "done_at")),
        "legal_holds": _rows(person.legal_holds, ("reason", "created_at")),
        "messages": _rows(messages_with_subject(person), MESSAGE_FIELDS),
        "phones": _rows(legs, LEG_FIELDS),
        "events": Rows(lambda: len(find_events(person)), partial(export_events, person)),
    }


def _rows(rows: QuerySet[Any], fields: tuple[str, ...]) -> Rows:
    return Rows(rows.order_by().count, partial(_read, rows, fields))


def _read(rows: QuerySet[Any], fields: tuple[str, ...]) -> Iterator[dict[str, Any]]:
    for page in databases.pages(rows):
        yield from page.values(*fields)


def _write_json(file: IO[bytes], data: dict[str, Any]) -> dict[str, int]:
    """Write ``data`` as an object, lists with one row per line. Return the lengths of the lists."""
    counts = {}
    separator = "{"
    for name, value in data.items():
        file.write(f"{separator}\n{_dumps(name)}: ".encode())
        if isinstance(value, list | Rows):
            counts[name] = _write_list(file, value.read() if isinstance(value, Rows) else value)
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
