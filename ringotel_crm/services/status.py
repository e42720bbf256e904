"""Whether the site can answer calls, and what waits to be done."""

from __future__ import annotations

import datetime as dt
import logging
from collections.abc import Callable
from dataclasses import dataclass

from django.db import connections
from django.db.migrations.executor import MigrationExecutor
from django.db.models import Model, QuerySet

from .. import databases
from ..backends import get_backend_class
from ..internal import request_log
from ..media.storage import recording_storage
from ..models import Activity, PhoneIndex, WebhookEvent
from .calls.lifecycle import OPEN_STATUSES
from .contacts import phone_index

logger = logging.getLogger(__name__)

# Rows are counted up to this number.
MAX_COUNT = 10_000
# The latest rows of each table whose numbers are compared with the phone index.
SAMPLE = 100

# Databases whose migrations were applied when last checked: those of the running code stay so.
_migrated: set[str] = set()


@dataclass(frozen=True, kw_only=True, slots=True)
class Status:
    """What waits to be done. Counts end at :data:`MAX_COUNT`."""

    pending_events: int
    oldest_pending: dt.datetime | None
    failed_events: int
    oldest_failed: dt.datetime | None
    open_calls: int
    oldest_open: dt.datetime | None
    #: Numbers of the sample that the phone index lacks, or has too much.
    index_differences: int
    last_requests: dict[str, request_log.Entry | None]


@databases.fresh_reads()
def check_readiness() -> dict[str, bool]:
    """Return for each part of the site whether it works. Errors are logged.

    If the database does not answer, the other parts are not checked.
    """
    checks: dict[str, Callable[[], bool]] = {
        "database": _database_answers,
        "migrations": _migrations_are_applied,
        "phone_index": _phone_index_is_filled,
        "storage": _storage_answers,
    }
    results: dict[str, bool] = {}
    for name, check in checks.items():
        try:
            results[name] = check()
        except Exception:
            logger.exception("Not ready: %s.", name)
            results[name] = False
        if not results["database"]:
            break
    return results


def _database_answers() -> bool:
    with connections[databases.write_alias()].cursor() as cursor:
        cursor.execute("SELECT 1")
    return True


def _migrations_are_applied() -> bool:
    alias = databases.write_alias()
    if alias not in _migrated:
        executor = MigrationExecutor(connections[alias])
        if executor.migration_plan(executor.loader.graph.leaf_nodes()):
            return False
        _migrated.add(alias)
    return True


def _phone_index_is_filled() -> bool:
    """Whether the index has entries, unless contacts have no numbers."""
    return PhoneIndex.objects.exists() or not _index_differences()


def _index_differences() -> int:
    """Return the number of missing and surplus entries of the latest contacts."""
    count = 0
    for directory in phone_index.mapped_directories(get_backend_class()):
        latest = directory.all_rows().order_by("-pk").values_list("pk", flat=True)[:SAMPLE]
        count += sum(phone_index.sync(directory, list(latest), dry=True))
    return count


def _storage_answers() -> bool:
    recording_storage().exists("ringotel-ready")
    return True


@databases.fresh_reads()
def get_status() -> Status:
    """Return what waits to be done, in all tenants. Uses an index for each figure."""
    pending = WebhookEvent.objects.filter(status=WebhookEvent.Status.PENDING).order_by("pk")
    failed = WebhookEvent.objects.filter(status=WebhookEvent.Status.FAILED).order_by("pk")
    open_calls = Activity.objects.filter(status__in=OPEN_STATUSES).order_by()
    oldest = [
        open_calls.filter(status=status).exclude(start=None).order_by("start", "pk").first()
        for status in OPEN_STATUSES
    ]
    requests = {name: request_log.recent(name) for name in ("hooks", "webhooks")}
    return Status(
        pending_events=_count(pending),
        oldest_pending=pending.values_list("received_at", flat=True).first(),
        failed_events=_count(failed),
        oldest_failed=failed.values_list("received_at", flat=True).first(),
        open_calls=_count(open_calls),
        oldest_open=min((call.start for call in oldest if call and call.start), default=None),
        index_differences=_index_differences(),
        last_requests={name: next(iter(entries), None) for name, entries in requests.items()},
    )


def _count(rows: QuerySet[Model]) -> int:
    return rows.order_by()[:MAX_COUNT].count()
