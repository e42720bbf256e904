"""Live calls, and closing calls without an end."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db.models import Count, Exists, Max, OuterRef, Q, QuerySet
from django.utils import timezone

from ... import databases, signals
from ...backends import Backend
from ...models import Activity, CallLeg
from ...records import CallState, Status
from .access import all_calls
from .legs import close_from_finished_legs
from .lifecycle import OPEN_STATUSES
from .states import MAX_RING, OVERDUE_AFTER, stale_cutoff, state_filter

# Calls closed per transaction.
BATCH = 500


def live_calls(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    """Return the calls without an end, apart from stale ones."""
    return calls.filter(state_filter(CallState.LIVE))


def ringing_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the live calls on the phones of ``user``.

    A call that rang on them and was answered by another phone is left out.
    """
    ids = backend.users.user_ids_for([user])
    legs = CallLeg.objects.filter(activity=OuterRef("pk"), agent_id__in=ids)
    on_phone = Exists(legs.exclude(status=CallLeg.Status.NOT_ANSWERED))
    return live_calls(all_calls(backend).filter(Q(agent_id__in=ids) | on_phone))


def live_fingerprint(calls: QuerySet[Activity]) -> str:
    """Return a text that changes whenever a live call changes. One query by the status index."""
    now = timezone.now()
    live = (
        live_calls(calls)
        .order_by()
        .aggregate(
            count=Count("pk"),
            last=Max("updated_at"),
            # States that change by time alone.
            ringing=Count("pk", filter=Q(start__gt=now - MAX_RING)),
            overdue=Count("pk", filter=Q(start__lt=now - OVERDUE_AFTER)),
        )
    )
    last = live["last"] and live["last"].timestamp()
    return f"{live['count']}-{last}-{live['ringing']}-{live['overdue']}"


@databases.fresh_reads()
def close_stale_calls(cutoff: dt.datetime | None = None) -> int:
    """Close the open calls that were not updated since ``cutoff``, by default the stale ones.

    Returns their number. An end received later replaces the status.

    The status of a ring group's call is derived from the legs that have ended.
    """
    closed, cutoff = 0, cutoff or stale_cutoff()
    stale = Activity.objects.filter(status__in=OPEN_STATUSES, updated_at__lt=cutoff).order_by()
    while ids := list(stale.values_list("pk", flat=True)[:BATCH]):
        ended = CallLeg.objects.filter(activity__in=ids).exclude(status=CallLeg.Status.RINGING)
        with_ended_legs = ended.order_by().values_list("activity", flat=True).distinct()
        closed += sum(map(close_from_finished_legs, with_ended_legs))
        with databases.atomic():
            # An end may have been received since. For filtering by time and not by status, see
            # lifecycle._close_query().
            unchanged = Activity.objects.filter(pk__in=ids, updated_at__lt=cutoff)
            closed += unchanged.update(status=Status.UNKNOWN, updated_at=timezone.now())
            for call in Activity.objects.filter(pk__in=ids, status=Status.UNKNOWN):
                signals.send_on_commit(signals.call_stopped, Activity, activity=call)
    return closed
