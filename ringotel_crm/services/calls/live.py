"""Live calls, and closing those whose end was never received."""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import Count, Max, QuerySet
from django.utils import timezone

from ... import signals
from ...conf import conf
from ...models import Activity, CallLeg
from ...records import Status
from .legs import close_from_finished_legs
from .lifecycle import OPEN_STATUSES

BATCH = 500


def stale_cutoff() -> dt.datetime:
    """What was last heard of before this will not be heard of again."""
    return timezone.now() - dt.timedelta(minutes=conf.STALE_CALL_MINUTES)


def live_calls(calls: QuerySet[Activity]) -> QuerySet[Activity]:
    """Those that ring or run now."""
    return calls.filter(status__in=OPEN_STATUSES, updated_at__gte=stale_cutoff())


def live_fingerprint(calls: QuerySet[Activity]) -> str:
    """A text that changes whenever one of the :func:`live_calls` does. One query, by the index on the status."""
    state = live_calls(calls).order_by().aggregate(count=Count("pk"), last=Max("updated_at"))
    return f"{state['count']}-{state['last'] and state['last'].timestamp()}"


def close_stale_calls() -> int:
    """Close the calls whose end never came, and say how many there were. A real end that comes later replaces this.

    Of a ring group, the phones whose end did come tell how it went.
    """
    closed, before = 0, stale_cutoff()
    stale = Activity.objects.filter(status__in=OPEN_STATUSES, updated_at__lt=before).order_by()
    while ids := list(stale.values_list("pk", flat=True)[:BATCH]):
        done = CallLeg.objects.filter(activity__in=ids).exclude(status=CallLeg.Status.RINGING)
        closed += sum(
            map(
                close_from_finished_legs,
                done.order_by().values_list("activity", flat=True).distinct(),
            )
        )
        with transaction.atomic():
            # Meanwhile the end may have come after all; why not by status, see calls._close().
            still_open = Activity.objects.filter(pk__in=ids, updated_at__lt=before)
            closed += still_open.update(status=Status.UNKNOWN, updated_at=timezone.now())
            for call in Activity.objects.filter(pk__in=ids, status=Status.UNKNOWN):
                signals.send_on_commit(signals.call_stopped, Activity, activity=call)
    return closed
