"""The phones of a call.

A ring group tells of each of its phones by itself, under one call id and in any order. Each phone's own facts are
merged into its row; what the call is, follows from all rows. It is over when one phone was answered and is done, or
when none rings any more: a phone that gives up while others ring has not missed anything. Where the phones of a group
ring one after the other, the next one opens the call again.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import phone
from ...backends import Backend
from ...conf import conf
from ...exceptions import InvalidInput
from ...models import Activity, CallLeg
from ...records import CallEnd, CallRef, CallStart, Status, UserRecord
from .. import locks
from ..sync.user_mapping import resolve_agent
from .lifecycle import (
    OPEN_STATUSES,
    final_status,
    lock_call,
    merge_end,
    merge_start,
    resolve_contact,
)

LEG_FIELDS = ("direction", "caller_number", "called_number")


def log_leg(backend: Backend, start: CallStart, end: CallEnd | None = None) -> Activity:
    """Log what the phone with ``start.extension`` tells of a call: that it rings, or with ``end`` that it is done.

    Raises ``Invalid`` without a call id.
    """
    if not start.call_id:
        raise InvalidInput(
            _("A call id is expected."), fields={"call_id": [_("A call id is expected.")]}
        )
    agent = resolve_agent(backend, id=start.user_id, extension=start.extension)
    contact = resolve_contact(backend, start)
    with transaction.atomic():
        activity = lock_call(backend, CallRef(call_id=start.call_id))
        merge_start(activity, start, backend, contact)
        ends = [end] if end else []
        if start.extension:
            legs = {leg.extension: leg for leg in activity.legs.all()}
            leg = legs.setdefault(
                start.extension, CallLeg(activity=activity, extension=start.extension)
            )
            _merge(leg, start, end, agent)
            leg.save()
            _apply_answered_leg(activity, list(legs.values()))
            ends = _ends(list(legs.values()))
            if not ends and _rings_after(leg, activity):
                activity.status, activity.cause = Status.RINGING, ""
                activity.duration = activity.end = None
        for end in ends:
            merge_end(activity, end)
        activity.save()
    return activity


def close_from_finished_legs(activity_id: int) -> bool:
    """Close an open call by those of its phones that are done, if there are any: no end of the others will come."""
    with transaction.atomic():
        activity = locks.lock_row(
            Activity.objects.filter(pk=activity_id, status__in=OPEN_STATUSES), "updated_at"
        )
        ends = (
            [_end_of(leg) for leg in activity.legs.exclude(status=CallLeg.Status.RINGING)]
            if activity
            else []
        )
        if not activity or not ends:
            return False
        for end in ends:
            merge_end(activity, end)
        activity.save()
    return True


def _merge(leg: CallLeg, start: CallStart, end: CallEnd | None, agent: UserRecord | None) -> None:
    """What this phone said, into its row."""
    if agent and not leg.agent_id:
        leg.agent_id, leg.agent_name = agent.id, agent.name[:255]
    for name in LEG_FIELDS:
        # Of two that differ the same one stays, whichever came first.
        setattr(leg, name, max(getattr(leg, name), getattr(start, name)))
    if start.start:
        leg.start = min(start.start, leg.start or start.start)
    if end:
        answered = final_status(end) == Status.ANSWERED
        new = (CallLeg.Status.ANSWERED if answered else CallLeg.Status.NOT_ANSWERED, end.cause)
        old = (CallLeg.Status(leg.status), leg.cause)
        leg.status, leg.cause = max(old, new, key=lambda pair: (pair[0].rank, pair[1]))
        if end.duration is not None:
            leg.duration = max(end.duration, leg.duration or 0)
        if end.end:
            leg.end = max(end.end, leg.end or end.end)


def _apply_answered_leg(activity: Activity, legs: Sequence[CallLeg]) -> None:
    """What the phones say differently is taken from the one that was answered, else from the one that rang first."""
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    order = sorted(
        legs,
        key=lambda leg: (leg.status != CallLeg.Status.ANSWERED, leg.start or never, leg.extension),
    )
    first = order[0]
    for name in LEG_FIELDS:
        setattr(activity, name, getattr(first, name) or getattr(activity, name))
    activity.caller_e164, activity.called_e164 = (
        phone.e164(activity.caller_number),
        phone.e164(activity.called_number),
    )
    if len(legs) > 1 and first.status != CallLeg.Status.ANSWERED:
        activity.extension = activity.agent_id = activity.agent_name = (
            ""  # several ring: it is nobody's call yet
        )
    elif first.agent_id or activity.extension != first.extension:
        activity.extension = first.extension
        activity.agent_id, activity.agent_name = first.agent_id, first.agent_name


def _ends(legs: Sequence[CallLeg]) -> list[CallEnd]:
    """What closes the call; nothing as long as a phone may still be answered."""
    statuses = {leg.status for leg in legs}
    # A phone whose end was never told must not keep the call open for ever.
    stale = timezone.now() - dt.timedelta(minutes=conf.STALE_CALL_MINUTES)
    ringing = any(
        leg.status == CallLeg.Status.RINGING and (leg.start is None or leg.start > stale)
        for leg in legs
    )
    if ringing and CallLeg.Status.ANSWERED not in statuses:
        return []
    return [_end_of(leg) for leg in legs if leg.status != CallLeg.Status.RINGING]


def _end_of(leg: CallLeg) -> CallEnd:
    return CallEnd(end=leg.end, duration=leg.duration, cause=leg.cause)


def _rings_after(leg: CallLeg, activity: Activity) -> bool:
    """Whether this phone began to ring when the call seemed to be over, and nobody had answered it."""
    is_over = Status(activity.status).is_closed and activity.status not in (
        Status.ANSWERED,
        Status.VOICEMAIL,
    )
    return is_over and bool(leg.start and activity.end and leg.start > activity.end)
