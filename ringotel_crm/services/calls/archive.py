"""Archiving old calls: into files in the storage of recordings, and out of the database."""

from __future__ import annotations

import datetime as dt
import gzip
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from django.contrib.contenttypes.models import ContentType
from django.core.files.base import ContentFile
from django.core.serializers.json import DjangoJSONEncoder
from django.db.models import Exists, F, Model, OuterRef, Q, QuerySet
from django.utils import timezone

from ... import databases
from ...conf import conf
from ...media.storage import recording_storage
from ...models import Activity, AuditEntry, CallLeg, FollowUp, LegalHold, Recording
from ...models.fields import DerivedField
from ..audit import log_action
from ..recordings.retention import older_than

# Folder of the archive in the storage.
FOLDER = "ringotel-archive"
# Calls that are read at a time. Those of one tenant and month are written to one file.
PART = 10_000
# Calls deleted per transaction.
BATCH = 100


def expired_calls() -> tuple[QuerySet[Activity], QuerySet[Activity]]:
    """Return the calls past ``CALL_RETENTION_DAYS`` with a start, and by their creation, those
    without one.

    Calls under a legal hold, with an open follow-up, or with a recording that is not deleted yet
    are left out.
    """
    days = conf.CALL_RETENTION_DAYS
    started = older_than(days, tenant="tenant", time="start")
    not_started = Q(start=None) & older_than(days, tenant="tenant", time="created_at")
    return _not_needed(started), _not_needed(not_started)


def held_calls(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    """Return those of ``calls`` that are under a legal hold, on the call or on its contact."""
    about = {name: OuterRef(name) for name in ("tenant", "contact_type", "contact_id")}
    return calls.filter(Q(legal_hold=True) | Exists(LegalHold.objects.filter(**about)))


def _not_needed(due: Q) -> QuerySet[Activity]:
    about = {name: OuterRef(name) for name in ("tenant", "contact_type", "contact_id")}
    of_call = {"activity": OuterRef("pk")}
    return Activity.objects.filter(
        ~Exists(LegalHold.objects.filter(**about)),
        ~Exists(FollowUp.objects.filter(**of_call, done_at=None)),
        ~Exists(Recording.objects.filter(**of_call, deleted_at=None)),
        due,
        legal_hold=False,
    ).order_by("start", "pk")


def archive_calls(*, write_files: bool = True) -> Iterator[int]:
    """Write the expired calls to files, and delete them. Yield the number deleted of each batch,
    and 0 after each file.

    The files of a part are stored before its calls are deleted. A call that is changed while they
    are written stays for the next run. If the process is killed, calls that are stored already can
    be written again; their ids are the same. Raises the exceptions of the storage.
    """
    for expired in expired_calls():
        rows, read_at = expired, timezone.now()
        while calls := list(rows[:PART]):
            if write_files:
                for _name in _write_files(calls):
                    yield 0
            for batch in databases.batches(calls, BATCH):
                yield _delete(expired, [call.pk for call in batch], read_at)
            rows, read_at = _after(expired, calls[-1]), timezone.now()


def _after(rows: QuerySet[Activity], call: Activity) -> QuerySet[Activity]:
    """Return the ``rows`` after ``call``. The ones before are deleted, or stay for this run."""
    if call.start is None:
        return rows.filter(pk__gt=call.pk)
    return rows.filter(Q(start__gt=call.start) | Q(pk__gt=call.pk), start__gte=call.start)


def _write_files(calls: list[Activity]) -> Iterator[str]:
    """Write the calls of each tenant and month to a file, and yield its name."""
    groups = defaultdict(list)
    for call in calls:
        groups[call.tenant, f"{call.start or call.created_at:%Y-%m}"].append(call)
    storage = recording_storage()
    for (tenant, month), group in groups.items():
        folder = f"{FOLDER}/tenant-{quote(tenant, safe='')}" if tenant else FOLDER
        lines = "".join(f"{line}\n" for line in _lines(group))
        content = ContentFile(gzip.compress(lines.encode()))
        name = storage.save(f"{folder}/{month}-{uuid4().hex}.jsonl.gz", content)
        log_action(
            AuditEntry.Action.EXPORTED,
            AuditEntry.Kind.CALLS,
            name,
            user=None,
            tenant=tenant,
            calls=len(group),
        )
        yield name


def _lines(calls: list[Activity]) -> Iterator[str]:
    """Yield each call with its legs, follow-ups and recording, in JSON."""
    pks = [call.pk for call in calls]
    legs, follow_ups, recordings = (_by_call(m, pks) for m in (CallLeg, FollowUp, Recording))
    for call in calls:
        values = _values(call)
        if call.contact_type_id:
            kind = ContentType.objects.get_for_id(call.contact_type_id)
            values["contact_type"] = f"{kind.app_label}.{kind.model}"
        values |= {
            "legs": legs[call.pk],
            "follow_ups": follow_ups[call.pk],
            "recordings": recordings[call.pk],
        }
        yield json.dumps(values, cls=DjangoJSONEncoder, ensure_ascii=False)


def _by_call(model: type[Any], pks: list[int]) -> defaultdict[int, list[dict[str, Any]]]:
    rows = defaultdict(list)
    for batch in databases.batches(pks, databases.PAGE):
        for row in model.objects.filter(activity__in=batch).order_by("pk"):
            rows[row.activity_id].append(_values(row))
    return rows


def _values(row: Model) -> dict[str, Any]:
    """Return the columns of a row, without those that are derived from others, and binary ones."""
    fields: Iterable[Any] = row._meta.concrete_fields
    return {
        field.name: field.get_prep_value(getattr(row, field.attname))
        for field in fields
        if not isinstance(field, DerivedField) and field.get_internal_type() != "BinaryField"
    }


def _delete(expired: QuerySet[Activity], pks: list[int], read_at: dt.datetime) -> int:
    """Delete the calls that have not changed since, and return their number."""
    with databases.atomic():
        unchanged = expired.filter(pk__in=pks, updated_at__lte=read_at).order_by()
        unchanged.update(updated_at=F("updated_at"))  # locks the rows, on every database
        locked = list(unchanged.values_list("pk", flat=True))
        Recording.objects.filter(activity__in=locked).delete()
        Activity.objects.filter(pk__in=locked).delete()
    return len(locked)
