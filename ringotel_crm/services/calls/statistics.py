"""Statistics of calls. Each function takes one grouped query and leaves out internal calls."""

from __future__ import annotations

from typing import Any

from django.db.models import Avg, Count, DurationField, ExpressionWrapper, F, Max, Q, QuerySet, Sum
from django.db.models.functions import ExtractHour, TruncDate

from ...models import Activity
from ...records import Direction, Status

# Agents or contacts per table.
MAX_ROWS = 12

Rows = list[dict[str, Any]]

ANSWERED = Count("pk", filter=Q(status=Status.ANSWERED))
MISSED = Count(
    "pk", filter=Q(status__in=(Status.MISSED, Status.BUSY, Status.FAILED, Status.VOICEMAIL))
)


def _outside(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    return calls.exclude(direction=Direction.INTERNAL).order_by()


def per_day(calls: QuerySet[Activity]) -> Rows:
    """Return rows with ``day``, ``answered``, ``missed`` and ``ring``.

    ``ring`` is the average time to answer in seconds, ``None`` if unknown. It is computed from the
    start, end and talk time of answered calls, because the time of the answer is not sent.
    """
    lasted = ExpressionWrapper(F("end") - F("start"), output_field=DurationField())
    known = Q(status=Status.ANSWERED, end__isnull=False, duration__isnull=False)
    rows = _outside(calls).annotate(day=TruncDate("start")).values("day").order_by("day")
    counted: Any = rows.annotate(
        answered=ANSWERED,
        missed=MISSED,
        lasted=Avg(lasted, filter=known),
        talked=Avg("duration", filter=known),
    )
    days: Rows = list(counted)
    for row in days:
        lasted, talked = row.pop("lasted"), row.pop("talked")
        row["ring"] = None if lasted is None else max(0.0, lasted.total_seconds() - float(talked))
    return days


def per_hour(calls: QuerySet[Activity]) -> Rows:
    """Return rows with ``hour`` (0-23 in the current time zone), ``answered`` and ``missed``."""
    rows = _outside(calls).annotate(hour=ExtractHour("start")).values("hour").order_by("hour")
    counted: Any = rows.annotate(answered=ANSWERED, missed=MISSED)
    return list(counted)


def per_agent(calls: QuerySet[Activity]) -> Rows:
    """Return rows with ``agent_id``, ``name``, ``answered``, ``missed`` and talk ``seconds``.

    The agents with the most calls come first.
    """
    rows = _outside(calls).exclude(agent_id="").values("agent_id")
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
    rows = _outside(calls).exclude(contact_id="").values("contact_type", "contact_id")
    counted: Any = rows.annotate(
        name=Max("contact_name"), answered=ANSWERED, missed=MISSED, calls=Count("pk")
    )
    return list(counted.order_by("-calls", "contact_id")[:MAX_ROWS])
