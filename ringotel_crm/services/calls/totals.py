"""Numbers of calls of past days, which are counted once: the overview of a year would otherwise
read all of its calls.

Days are those of the current time zone. If it is not the one by which the calls were counted, there
are no totals.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, QuerySet, Sum
from django.utils import timezone

from ... import databases
from ...models import Activity, AgentTotal, HourTotal
from ..sync import checkpoints
from . import statistics
from .statistics import AGENT_COUNTS, COUNTS, QUARTER, Counts, Rows, Slot, TimeSlot, midnight

CHECKPOINT = "call totals"
# A change may be committed this long after the time that it bears.
MAX_TRANSACTION = dt.timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Totals:
    """What is counted: the days before ``until``, at the time ``counted_at``."""

    until: dt.datetime
    counted_at: dt.datetime

    def slots(self, tenant: str, begin: dt.datetime, end: dt.datetime) -> list[Slot]:
        """Return the numbers of calls by hour, of all tenants if ``tenant`` is ""."""
        rows: Any = self._rows(HourTotal.objects.all(), tenant, begin, end)
        counted = rows.values_list("start", "direction").annotate(*map(Sum, COUNTS))
        return [
            Slot(start=timezone.localtime(start), direction=direction, counts=Counts(*counts))
            for start, direction, *counts in counted
        ]

    def agents(self, tenant: str, begin: dt.datetime, end: dt.datetime) -> Rows:
        """Return rows like those of :func:`.statistics.agent_rows`."""
        rows: Any = self._rows(AgentTotal.objects.all(), tenant, begin, end)
        counted = rows.values_list("agent").annotate(Max("name"), *map(Sum, AGENT_COUNTS))
        return [dict(zip(("agent", "name", *AGENT_COUNTS), row, strict=True)) for row in counted]

    def _rows(
        self, rows: QuerySet[Any], tenant: str, begin: dt.datetime, end: dt.datetime
    ) -> QuerySet[Any]:
        rows = rows.filter(start__gte=begin, start__lt=min(end, self.until))
        return rows.filter(tenant=tenant) if tenant else rows


def read() -> Totals | None:
    """Return what is counted, None before the first run of :func:`count_changed_days`."""
    value = checkpoints.read("", CHECKPOINT)
    if not value or value["zone"] != timezone.get_current_timezone_name():
        return None
    until, counted_at = map(dt.datetime.fromisoformat, (value["until"], value["counted_at"]))
    return Totals(until=until, counted_at=counted_at)


def count_changed_days() -> Iterator[dt.date]:
    """Count the days before today that have changed since the last run, and yield each."""
    last, now, until = read(), timezone.now(), midnight(timezone.localdate())
    for day in _changed_days(until, last.counted_at - MAX_TRANSACTION if last else None):
        _count(day)
        yield day
    value = {
        "zone": timezone.get_current_timezone_name(),
        "until": until.isoformat(),
        "counted_at": now.isoformat(),
    }
    checkpoints.write("", CHECKPOINT, value)


def _changed_days(until: dt.datetime, since: dt.datetime | None) -> list[dt.date]:
    """Return the days with calls that were updated at or after ``since``, or whose number of calls
    differs from the totals; all days if ``since`` is None.
    """
    calls: Any = statistics.external(Activity.objects.filter(start__lt=until))
    by_quarter = calls.annotate(quarter=TimeSlot("start", QUARTER)).values_list("quarter")
    found: Counter[dt.date] = Counter()
    changed = set()
    for quarter, number, updated_at in by_quarter.annotate(Count("pk"), Max("updated_at")):
        day = _day(dt.datetime.fromtimestamp(int(quarter) * QUARTER, dt.UTC))
        found[day] += number
        if since is None or updated_at >= since:
            changed.add(day)
    counted: Counter[dt.date] = Counter()
    for start, number in HourTotal.objects.values_list("start", "calls"):
        counted[_day(start)] += number
    changed |= {day for day in found | counted if found[day] != counted[day]}
    return sorted(changed)


def _day(time: dt.datetime) -> dt.date:
    return timezone.localtime(time).date()


def _count(day: dt.date) -> None:
    """Replace the totals of ``day``."""
    begin, end = midnight(day), midnight(day + dt.timedelta(days=1))
    period = {"start__gte": begin, "start__lt": end}
    calls = Activity.objects.filter(**period)
    with databases.atomic():
        HourTotal.objects.filter(**period).delete()
        AgentTotal.objects.filter(**period).delete()
        hours = statistics.slot_rows(calls, begin, end, "tenant")
        agents = statistics.agent_rows(calls, "tenant")
        HourTotal.objects.bulk_create(HourTotal(**row) for row in hours)
        AgentTotal.objects.bulk_create(AgentTotal(start=begin, **row) for row in agents)
