"""Statistics of calls. Each function takes one grouped query and leaves out internal calls.

Days and hours are those of the current time zone. Its offsets come from Python, because MariaDB
and MySQL convert times only if their time zone tables are loaded.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from typing import Any

from django.db.models import (
    Avg,
    Case,
    Count,
    DateTimeField,
    DurationField,
    ExpressionWrapper,
    F,
    Max,
    Q,
    QuerySet,
    Sum,
    When,
)
from django.db.models.functions import ExtractHour, TruncDate
from django.utils import timezone

from ...models import Activity
from ...records import Direction, Status

# Agents or contacts per table.
MAX_ROWS = 12
MINUTES_PER_DAY = 24 * 60

Rows = list[dict[str, Any]]

ANSWERED = Count("pk", filter=Q(status=Status.ANSWERED))
MISSED_STATUSES = (Status.MISSED, Status.BUSY, Status.FAILED, Status.VOICEMAIL)
MISSED = Count("pk", filter=Q(status__in=MISSED_STATUSES))


def _external(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    return calls.exclude(direction=Direction.INTERNAL).order_by()


def per_day(calls: QuerySet[Activity], begin: dt.datetime, end: dt.datetime) -> Rows:
    """Return rows with ``day``, ``answered``, ``missed`` and ``ring``.

    ``calls`` must start at or after ``begin`` and before ``end``.

    ``ring`` is the average time to answer in seconds, ``None`` if unknown. It is computed from the
    start, end and talk time of answered calls, because the time of the answer is not sent.
    """
    lasted = ExpressionWrapper(F("end") - F("start"), output_field=DurationField())
    known = Q(status=Status.ANSWERED, end__isnull=False, duration__isnull=False)
    day = TruncDate(_local_start(begin, end), tzinfo=dt.UTC)
    rows = _external(calls).annotate(day=day).values("day").order_by("day")
    counted: Any = rows.annotate(
        answered=ANSWERED,
        missed=MISSED,
        lasted=Avg(lasted, filter=known),
        talked=Avg("duration", filter=known),
    )
    days: Rows = list(counted)
    for row in days:
        lasted, talked = row.pop("lasted"), row.pop("talked")
        row["ring"] = None
        if lasted is not None:
            row["ring"] = max(0.0, lasted.total_seconds() - float(talked))
    return days


def per_hour(calls: QuerySet[Activity], begin: dt.datetime, end: dt.datetime) -> Rows:
    """Return rows with ``hour`` (0-23), ``answered`` and ``missed``.

    ``calls`` must start at or after ``begin`` and before ``end``.
    """
    rows: Any = with_hour(_external(calls), begin, end).values("hour").order_by("hour")
    return list(rows.annotate(answered=ANSWERED, missed=MISSED))


def with_hour(calls: QuerySet[Activity], begin: dt.datetime, end: dt.datetime) -> QuerySet[Any]:
    """Annotate ``calls`` with ``hour`` (0-23).

    ``calls`` must start at or after ``begin`` and before ``end``.
    """
    return calls.annotate(hour=ExtractHour(_local_start(begin, end), tzinfo=dt.UTC))


def per_agent(calls: QuerySet[Activity]) -> Rows:
    """Return rows with ``agent_id``, ``name``, ``answered``, ``missed`` and talk ``seconds``.

    The agents with the most calls come first.
    """
    rows = _external(calls).exclude(agent_id="").values("agent_id")
    counted: Any = rows.annotate(
        name=Max("agent_name"),
        answered=ANSWERED,
        missed=MISSED,
        seconds=Sum("duration"),
        calls=Count("pk"),
    )
    return list(counted.order_by("-calls", "agent_id")[:MAX_ROWS])


def per_contact(calls: QuerySet[Activity]) -> Rows:
    """Return rows with ``contact_type``, ``contact_id``, ``name``, ``answered`` and ``missed``.

    The contacts with the most calls come first.
    """
    rows = _external(calls).exclude(contact_id="").values("contact_type", "contact_id")
    counted: Any = rows.annotate(
        name=Max("contact_name"), answered=ANSWERED, missed=MISSED, calls=Count("pk")
    )
    return list(counted.order_by("-calls", "contact_id")[:MAX_ROWS])


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
