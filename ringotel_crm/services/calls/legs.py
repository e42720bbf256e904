"""Call legs: the phones of a ring group.

Ringotel sends the events of each phone separately, under one call id and in any order. Events are
merged into the leg, and the state of the call is derived from all of its legs:

* The call ends when a leg was answered and has ended, or when no leg is ringing. A phone that
  stops ringing while others ring does not make the call missed.
* If the phones ring one after the other, the next one reopens the call.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Sequence

from django.utils import timezone
from django.utils.translation import gettext as _

from ... import databases, phone
from ...backends import Backend
from ...conf import conf
from ...exceptions import InvalidInput
from ...models import Activity, CallLeg
from ...records import CallEnd, CallRef, CallStart, Status, UserRecord
from .. import locks
from ..sync.user_mapping import resolve_agent
from .lifecycle import OPEN_STATUSES, find_contact, lock_call, write_locked
from .merging import Changes, apply_end, apply_leg_end, apply_start, earliest, set_values
from .numbers import parse_numbers

LEG_FIELDS = ("direction", "caller_number", "called_number")


@databases.fresh_reads()
def log_leg(backend: Backend, start: CallStart, end: CallEnd | None = None) -> Activity:
    """Log an event of the phone ``start.extension``: its start, and with ``end`` its end.

    Raises ``InvalidInput`` without a call id.
    """
    if not start.call_id:
        message = _("This field is required.")
        raise InvalidInput(message, fields={"call_id": [message]})
    start = parse_numbers(start)
    agent = resolve_agent(backend, id=start.user_id, extension=start.extension)
    contact = find_contact(backend, start)

    def apply(activity: Activity) -> Changes:
        changes = apply_start(activity, start, contact)
        if start.extension:
            # The call is saved even if only the leg changed: it counts as updated.
            return changes | {"legs"} | _apply_leg(activity, start, end, agent)
        if end:
            changes |= apply_end(activity, end)
        return changes

    with databases.atomic():
        activity = lock_call(backend, CallRef(call_id=start.call_id))
        write_locked(activity, apply)
    return activity


@databases.fresh_reads()
def close_from_finished_legs(activity_id: int) -> bool:
    """Close an open call by its finished legs, when no further events are to come.

    Return whether the call was closed.
    """
    with databases.atomic():
        calls = Activity.objects.filter(pk=activity_id, status__in=OPEN_STATUSES)
        activity = locks.lock_row(calls, "updated_at")
        if activity is None:
            return False
        legs = activity.legs.exclude(status=CallLeg.Status.RINGING)
        ends = [_to_call_end(leg) for leg in legs]
        return bool(write_locked(activity, lambda activity: _apply_ends(activity, ends)))


def _apply_leg(
    activity: Activity, start: CallStart, end: CallEnd | None, agent: UserRecord | None
) -> Changes:
    """Merge an event into its leg and save that, then merge the legs into the locked call."""
    legs = {leg.extension: leg for leg in activity.legs.all()}
    leg = legs.setdefault(start.extension, CallLeg(activity=activity, extension=start.extension))
    _apply_event(leg, start, end, agent)
    leg.save()
    changes = _apply_answered_leg(activity, list(legs.values()))
    ends = _ends(list(legs.values()))
    if not ends and _reopens(leg, activity):
        reopened = {"status": Status.RINGING, "cause": "", "duration": None, "end": None}
        return changes | set_values(activity, **reopened)
    return changes | _apply_ends(activity, ends)


def _apply_event(
    leg: CallLeg, start: CallStart, end: CallEnd | None, agent: UserRecord | None
) -> None:
    if agent and not leg.agent_id:
        leg.agent_id, leg.agent_name = agent.id, agent.name[:255]
    for name in LEG_FIELDS:
        # Of two different values the same one is kept in whichever order they are received.
        setattr(leg, name, max(getattr(leg, name), getattr(start, name)))
    leg.start = earliest(leg.start, start.start)
    if end:
        apply_leg_end(leg, end)


def _apply_answered_leg(activity: Activity, legs: Sequence[CallLeg]) -> Changes:
    """Merge the answered leg, or else the one that rang first, into the call.

    While several phones ring, the call has no extension and no agent.
    """
    first = min(legs, key=_precedence)
    values = {name: getattr(first, name) or getattr(activity, name) for name in LEG_FIELDS}
    for side in ("caller", "called"):
        if values[f"{side}_number"] != getattr(activity, f"{side}_number"):
            values[f"{side}_e164"] = phone.e164(values[f"{side}_number"])
    if len(legs) > 1 and first.status != CallLeg.Status.ANSWERED:
        values |= {"extension": "", "agent_id": "", "agent_name": ""}
    elif first.agent_id or activity.extension != first.extension:
        values |= {name: getattr(first, name) for name in ("extension", "agent_id", "agent_name")}
    return set_values(activity, **values)


def _precedence(leg: CallLeg) -> tuple[bool, dt.datetime, str]:
    never = dt.datetime.max.replace(tzinfo=dt.UTC)
    return leg.status != CallLeg.Status.ANSWERED, leg.start or never, leg.extension


def _apply_ends(activity: Activity, ends: Iterable[CallEnd]) -> Changes:
    changes: Changes = frozenset()
    for end in ends:
        changes |= apply_end(activity, end)
    return changes


def _ends(legs: Sequence[CallLeg]) -> list[CallEnd]:
    """Return the ends that close the call; none while a phone may still be answered."""
    statuses = {leg.status for leg in legs}
    # A leg without an end must not keep the call open for ever.
    stale = timezone.now() - dt.timedelta(minutes=conf.STALE_CALL_MINUTES)
    is_ringing = any(
        leg.status == CallLeg.Status.RINGING and (leg.start is None or leg.start > stale)
        for leg in legs
    )
    if is_ringing and CallLeg.Status.ANSWERED not in statuses:
        return []
    return [_to_call_end(leg) for leg in legs if leg.status != CallLeg.Status.RINGING]


def _to_call_end(leg: CallLeg) -> CallEnd:
    return CallEnd(end=leg.end, duration=leg.duration, cause=leg.cause)


def _reopens(leg: CallLeg, activity: Activity) -> bool:
    """Return whether the phone started to ring after the call was closed as not answered."""
    is_unanswered = Status(activity.status).is_closed and activity.status not in (
        Status.ANSWERED,
        Status.VOICEMAIL,
    )
    return is_unanswered and bool(leg.start and activity.end and leg.start > activity.end)
