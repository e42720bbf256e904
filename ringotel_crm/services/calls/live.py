"""Live calls, and closing calls without an end."""

from __future__ import annotations

import datetime as dt

from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from ... import databases, signals
from ...conf import conf
from ...models import Activity, CallLeg
from ...records import Status
from .legs import close_from_finished_legs
from .lifecycle import OPEN_STATUSES

# Calls closed per transaction.
BATCH = 500


def stale_cutoff() -> dt.datetime:
    """Return the time before which a call that was not updated since is considered stale."""
    return timezone.now() - dt.timedelta(minutes=conf.STALE_CALL_MINUTES)


def live_calls(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    """Return the calls that are ringing or in progress."""
    return calls.filter(status__in=OPEN_STATUSES, updated_at__gte=stale_cutoff())


def live_fingerprint(calls: QuerySet[Activity]) -> str:
    """Return a text that changes whenever a live call changes. One query by the status index."""
    live = live_calls(calls).order_by().aggregate(count=Count("pk"), last=Max("updated_at"))
    return f"{live['count']}-{live['last'] and live['last'].timestamp()}"


@databases.fresh_reads()
def close_stale_calls() -> int:
    """Close the stale calls and return their number. An end received later replaces the status.

    The status of a ring group's call is derived from the legs that have ended.
    """
    closed, cutoff = 0, stale_cutoff()
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
