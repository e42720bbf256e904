"""Calls in numbers: one grouped query for each picture."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Q, QuerySet, Sum
from django.db.models.functions import ExtractHour, TruncDate

from ...models import Activity
from ...records import Direction, Status

MAX_ROWS = 12

Rows = list[dict[str, Any]]

# No internal calls: nobody outside waited for these.
ANSWERED = Count("pk", filter=Q(status=Status.ANSWERED))
MISSED = Count(
    "pk", filter=Q(status__in=(Status.MISSED, Status.BUSY, Status.FAILED, Status.VOICEMAIL))
)


def _outside(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    return calls.exclude(direction=Direction.INTERNAL).order_by()


def per_day(calls: QuerySet[Activity]) -> Rows:
    """``day``, ``answered``, ``missed``, and ``ring``: how long an answered call rang on average, where that is known.

    A call's start, end and talking time tell it; the PBX does not send when it was picked up.
    """
    waited = ExpressionWrapper(F("end") - F("start"), output_field=DurationField())
    known = Q(status=Status.ANSWERED, end__isnull=False, duration__isnull=False)
    rows = _outside(calls).annotate(day=TruncDate("start")).values("day").order_by("day")
    counted: Any = rows.annotate(
        answered=ANSWERED,
        missed=MISSED,
        lasted=Avg(waited, filter=known),
        talked=Avg("duration", filter=known),
    )
    found: Rows = list(counted)
    for row in found:
        lasted, talked = row.pop("lasted"), row.pop("talked")
        row["ring"] = None if lasted is None else max(0.0, lasted.total_seconds() - float(talked))
    return found


def per_hour(calls: QuerySet[Activity]) -> Rows:
    """``hour`` of the day in the current zone, ``answered``, ``missed``."""
    rows = _outside(calls).annotate(hour=ExtractHour("start")).values("hour").order_by("hour")
    found: Any = rows.annotate(answered=ANSWERED, missed=MISSED)
    return list(found)


def per_agent(calls: QuerySet[Activity]) -> Rows:
    """``agent_id``, ``name``, ``answered``, ``missed`` and ``seconds`` of talk; those with the most calls first."""
    rows = _outside(calls).exclude(agent_id="").values("agent_id")
    found: Any = rows.annotate(
        name=Max("agent_name"),
        answered=ANSWERED,
        missed=MISSED,
        seconds=Sum("duration"),
        calls=Count("pk"),
    )
    return list(found.order_by("-calls", "agent_id")[:MAX_ROWS])


def per_contact(calls: QuerySet[Activity]) -> Rows:
    """``contact_type``, ``contact_id``, ``name``, ``answered``, ``missed``; those with the most calls first."""
    rows = _outside(calls).exclude(contact_id="").values("contact_type", "contact_id")
    found: Any = rows.annotate(
        name=Max("contact_name"), answered=ANSWERED, missed=MISSED, calls=Count("pk")
    )
    return list(found.order_by("-calls", "contact_id")[:MAX_ROWS])
