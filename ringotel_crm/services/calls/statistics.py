"""Statistics of inbound and outbound calls. Internal calls are left out.

Days and hours are those of the current time zone. Its offsets come from Python, because MariaDB
and MySQL convert times only if their time zone tables are loaded.
"""

from __future__ import annotations

import datetime as dt
import statistics
from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import (
    Case,
    Count,
    DateTimeField,
    Exists,
    ExpressionWrapper,
    F,
    Func,
    IntegerField,
    Max,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)
from django.db.models.functions import Coalesce, ExtractHour
from django.utils import timezone

from ...conf import conf
from ...models import Activity
from ...records import Direction, Status
from .states import MISSED, UNANSWERED_STATUSES

# Agents or contacts per table.
MAX_ROWS = 50
# Calls that the overview reads. Those of past days may be counted before, see totals.
MAX_CALLS = 100_000
# The same in the overview of one agent or of own calls, which are spread over the table.
MAX_AGENT_CALLS = 20_000
MINUTES_PER_DAY = 24 * 60
HOUR, QUARTER = 3600, 900

Rows = list[dict[str, Any]]

IS_ANSWERED, IS_UNANSWERED = Q(status=Status.ANSWERED), Q(status__in=UNANSWERED_STATUSES)
ANSWERED, UNANSWERED = Count("pk", filter=IS_ANSWERED), Count("pk", filter=IS_UNANSWERED)
# Numbers of calls in the tables, named like "inbound_answered" and "outbound_unanswered".
BY_DIRECTION = {
    f"{direction}_{name}": Count("pk", filter=Q(direction=direction) & condition)
    for direction in (Direction.INBOUND, Direction.OUTBOUND)
    for name, condition in (("answered", IS_ANSWERED), ("unanswered", IS_UNANSWERED))
}
# The fields of Counts, and the numbers in a row of an agent.
COUNTS = ("answered", "unanswered", "waited", "timed")
AGENT_COUNTS = ("calls", "seconds", *BY_DIRECTION)


class TimeSlot(Func):
    """The number of whole slots of ``seconds`` from 1970 until a time.

    Computed by the database itself: Django's functions for dates take ten times as long on SQLite.
    """

    output_field = IntegerField()
    template = "FLOOR(EXTRACT(EPOCH FROM %(expressions)s) / %(seconds)d)"

    def __init__(self, time: str, seconds: int) -> None:
        super().__init__(time, seconds=seconds)

    def as_sqlite(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Divide integers."""
        template = "CAST(STRFTIME('%%%%s', %(expressions)s) AS INTEGER) / %(seconds)d"
        return self.as_sql(compiler, connection, template=template, **context)

    def as_mysql(self, compiler: Any, connection: Any, **context: Any) -> Any:
        """Count from a literal: UNIX_TIMESTAMP() depends on the time zone of the session."""
        template = "TIMESTAMPDIFF(SECOND, '1970-01-01', %(expressions)s) DIV %(seconds)d"
        return self.as_sql(compiler, connection, template=template, **context)


@dataclass(slots=True)
class Counts:
    """Answered and unanswered calls of one direction.

    Unanswered inbound calls are missed, including voicemail. ``waited`` and ``timed`` are the
    seconds until an answer and the number of calls for which these are known.
    """

    answered: int = 0
    unanswered: int = 0
    waited: int = 0
    timed: int = 0

    def __iadd__(self, other: Counts) -> Counts:
        self.answered += other.answered
        self.unanswered += other.unanswered
        self.waited += other.waited
        self.timed += other.timed
        return self

    @property
    def answered_percent(self) -> float | None:
        """The share of answered calls, None without calls."""
        return percent(self.answered, self.answered + self.unanswered)

    @property
    def unanswered_percent(self) -> float | None:
        """The share of unanswered calls, None without calls."""
        return percent(self.unanswered, self.answered + self.unanswered)

    @property
    def answer_time(self) -> float | None:
        """The average time until an answer in seconds, None if it is not known."""
        return self.waited / self.timed if self.timed else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Callbacks:
    """Callers of missed calls, how many a user spoke with within ``CALLBACK_DAYS`` afterwards, and
    the median of the time from a caller's last missed call until then."""

    callers: int
    called_back: int
    median: dt.timedelta | None

    @property
    def called_back_percent(self) -> float | None:
        """The share of callers that were called back, None without callers."""
        return percent(self.called_back, self.callers)


@dataclass(frozen=True, kw_only=True, slots=True)
class Slot:
    """The calls of one direction that started in a local hour, or in a part of it."""

    start: dt.datetime
    direction: str
    counts: Counts


def midnight(day: dt.date) -> dt.datetime:
    """Return the start of ``day`` in the current time zone."""
    return timezone.make_aware(dt.datetime.combine(day, dt.time()))


def percent(part: int, whole: int) -> float | None:
    """Return ``part`` as a percentage of ``whole``, None if that is 0."""
    return 100 * part / whole if whole else None


def first_day(calls: QuerySet[Activity], last_day: dt.date, limit: int) -> dt.date | None:
    """Return the day from which on there are at most ``limit`` of the ``calls``, but not a later
    one than ``last_day``. Returns None if there are not more calls.
    """
    starts = calls.order_by("-start", "-pk").values_list("start", flat=True)
    start = starts[limit : limit + 1].first()
    if start is None:
        return None
    return min(timezone.localtime(start).date() + dt.timedelta(days=1), last_day)


def slots(calls: QuerySet[Activity], begin: dt.datetime, end: dt.datetime) -> list[Slot]:
    """Return the numbers of ``calls`` by hour, in one query.

    ``calls`` must start at or after ``begin`` and before ``end``.
    """
    return [
        Slot(
            start=row["start"],
            direction=row["direction"],
            counts=Counts(**{name: row[name] for name in COUNTS}),
        )
        for row in slot_rows(calls, begin, end)
    ]


def slot_rows(
    calls: QuerySet[Activity], begin: dt.datetime, end: dt.datetime, *groups: str
) -> Rows:
    """Return rows with ``start``, ``direction``, the columns ``groups``, the number of ``calls``
    and :data:`COUNTS`, by hour. A zone whose offset is not a number of hours needs quarters.
    """
    zone = timezone.get_current_timezone()
    days = (begin + dt.timedelta(days=day) for day in range((end - begin).days + 2))
    offsets = (day.astimezone(zone).utcoffset() or dt.timedelta() for day in days)
    is_whole = all(offset.total_seconds() % HOUR == 0 for offset in offsets)
    seconds = HOUR if is_whole else QUARTER
    known = Q(status=Status.ANSWERED, end__isnull=False, duration__isnull=False)
    lasted = TimeSlot("end", 1) - TimeSlot("start", 1)
    rows: Any = external(calls).annotate(slot=TimeSlot("start", seconds))
    rows = rows.values("slot", "direction", *groups).annotate(
        calls=Count("pk"),
        answered=ANSWERED,
        unanswered=UNANSWERED,
        timed=Count("pk", filter=known),
        lasted=Sum(lasted, filter=known, default=0),
        talked=Sum("duration", filter=known, default=0),
    )
    for row in rows:
        row["start"] = dt.datetime.fromtimestamp(int(row.pop("slot")) * seconds, zone)
        # Not in SQL: MariaDB has no negative numbers in a difference with an unsigned column.
        row["waited"] = max(0, int(row.pop("lasted")) - int(row.pop("talked")))
    return list(rows)


def total(
    slots: Iterable[Slot], direction: Direction, key: Callable[[Slot], Any]
) -> dict[Any, Counts]:
    """Return the sums of the slots of one direction, by ``key``."""
    sums: dict[Any, Counts] = {}
    for slot in slots:
        if slot.direction == direction:
            counts = sums.setdefault(key(slot), Counts())
            counts += slot.counts
    return sums


def callbacks(calls: QuerySet[Activity], begin: dt.datetime) -> Callbacks:
    """Return how many callers of missed ``calls`` a user has spoken with after the last of them.

    ``calls`` must start at or after ``begin``. Callers without a number are left out.
    """
    missed = calls.filter(MISSED).exclude(caller_e164="").order_by()
    same = {"tenant": OuterRef("tenant"), "start__gt": OuterRef("start")}
    number = OuterRef("caller_e164")
    spoken = Activity.objects.filter(**same, status=Status.ANSWERED).filter(start__gt=begin)
    spoken = spoken.order_by("start")
    last = missed.filter(~Exists(missed.filter(**same, caller_e164=number))).annotate(
        inbound=Subquery(spoken.filter(caller_e164=number).values("start")[:1]),
        outbound=Subquery(spoken.filter(called_e164=number).values("start")[:1]),
    )
    longest = dt.timedelta(days=conf.CALLBACK_DAYS)
    waits: dict[tuple[str, str], dt.timedelta | None] = {}
    for tenant, caller, start, *spoken_at in last.values_list(
        "tenant", "caller_e164", "start", "inbound", "outbound"
    ):
        first = min(filter(None, spoken_at), default=None)
        wait = first - start if first else None
        waits[tenant, caller] = wait if wait and wait <= longest else None
    known = [wait.total_seconds() for wait in waits.values() if wait is not None]
    return Callbacks(
        callers=len(waits),
        called_back=len(known),
        median=dt.timedelta(seconds=statistics.median(known)) if known else None,
    )


def with_hour(calls: QuerySet[Activity], begin: dt.datetime, end: dt.datetime) -> QuerySet[Any]:
    """Annotate ``calls`` with ``hour`` (0-23).

    ``calls`` must start at or after ``begin`` and before ``end``.
    """
    return calls.annotate(hour=ExtractHour(_local_start(begin, end), tzinfo=dt.UTC))


def agent_rows(calls: QuerySet[Activity], *groups: str) -> Rows:
    """Return rows with ``agent``, its ``name``, the columns ``groups``, talk ``seconds``, the
    number of ``calls`` and :data:`BY_DIRECTION`. The calls without an agent are one row.
    """
    # SQLite would read the whole table by the index of a bare column.
    rows: Any = external(calls).annotate(agent=Coalesce("agent_id", Value("")))
    counted = rows.values("agent", *groups).annotate(
        name=Max("agent_name"),
        seconds=Sum("duration", default=0),
        calls=Count("pk"),
        **BY_DIRECTION,
    )
    return list(counted)


def busiest_agents(rows: Iterable[dict[str, Any]]) -> Rows:
    """Return a row per agent with the sums of its ``rows``, the agents with the most calls first.

    For example, 3 calls of agent "7" before today and 2 calls of today give 5 calls of "7".
    """
    agents: dict[str, dict[str, Any]] = {}
    for row in rows:
        agent = agents.setdefault(row["agent"], {**row, **dict.fromkeys(AGENT_COUNTS, 0)})
        agent["name"] = max(agent["name"], row["name"])
        for name in AGENT_COUNTS:
            agent[name] += row[name]
    return sorted(agents.values(), key=lambda row: (-row["calls"], row["agent"]))[:MAX_ROWS]


def per_contact(calls: QuerySet[Activity]) -> Rows:
    """Return rows with ``contact_type``, ``contact_id``, ``name`` and :data:`BY_DIRECTION`.

    The contacts with the most calls come first.
    """
    rows = external(calls).exclude(contact_id="").values("contact_type", "contact_id")
    counted: Any = rows.annotate(name=Max("contact_name"), calls=Count("pk"), **BY_DIRECTION)
    return list(counted.order_by("-calls", "contact_id")[:MAX_ROWS])


def external(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    """Return the inbound and outbound ``calls``, in no order."""
    return calls.filter(direction__in=[Direction.INBOUND, Direction.OUTBOUND]).order_by()


def _local_start(begin: dt.datetime, end: dt.datetime) -> ExpressionWrapper[Any]:
    """Return an expression for ``start`` as local time labelled UTC.

    It has one case per change of the offset between ``begin`` and ``end``, found to the minute. In
    Dublin, from 1 March to 30 April 2026::

        CASE WHEN start < 2026-03-29 01:00 UTC THEN start + 0 h ELSE start + 1 h END
    """
    zone = timezone.get_current_timezone()

    def offset(time: dt.datetime) -> dt.timedelta:
        return time.astimezone(zone).utcoffset() or dt.timedelta()

    def is_changed(minute: int) -> bool:
        return offset(day + dt.timedelta(minutes=minute)) != offset(day)

    cases, day = [], begin.astimezone(dt.UTC)
    while day < end:
        if is_changed(MINUTES_PER_DAY):
            minutes = bisect_left(range(MINUTES_PER_DAY), True, key=is_changed)
            change = day + dt.timedelta(minutes=minutes)
            cases.append(When(start__lt=change, then=F("start") + offset(day)))
        day += dt.timedelta(days=1)
    local = Case(*cases, default=F("start") + offset(day))
    return ExpressionWrapper(local, output_field=DateTimeField())
