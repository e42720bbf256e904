"""Filling gaps in the call log from Ringotel's history, which has no call ids.

A past call is a known one if it went the same way, with the same number outside, at the same time give or take
:data:`TOLERANCE`, and was not another user's; or if it is when a phone of the known call began to ring. What fits
several known calls is left alone and reported.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Iterator, Sequence
from enum import StrEnum

from ... import phone
from ...backends import Backend
from ...models import Activity, CallLeg
from ...records import CallEnd, CallHistoryEntry, CallStart, Direction, Status
from .legs import log_leg
from .lifecycle import ERASED_ID_PREFIX

TOLERANCE = dt.timedelta(seconds=60)
CLOCK_SKEW = dt.timedelta(seconds=3)
"""As near as two clocks are when they tell of one start."""
MAX_HUNT = dt.timedelta(minutes=10)
"""For how long the phones of a ring group may ring one after the other."""
HISTORY_ID_PREFIX = "history-"
"""How the ids of calls begin that were logged from the history."""


class HistoryResult(StrEnum):
    """What became of a past call."""

    KNOWN = "known"
    COMPLETED = "completed"
    ADDED = "added"
    AMBIGUOUS = "ambiguous"


def merge_history(
    backend: Backend, history: Sequence[CallHistoryEntry]
) -> Iterator[tuple[CallHistoryEntry, HistoryResult]]:
    """Find each call in the log, end it if its end is not known, and log it if it is not there. Can be repeated."""
    taken: set[int] = set()
    rest: list[CallHistoryEntry] = []
    # Who redials within a minute has made two calls: those that fit to the second come first.
    for past in sorted(history, key=lambda past: past.start):
        if exact := [
            call for call in _candidates(backend, past) if _distance(call, past) <= CLOCK_SKEW
        ]:
            taken.update(call.pk for call in exact)
            yield past, _merge(backend, past, exact)
        else:
            rest.append(past)
    for past in rest:
        fitting = _candidates(backend, past)
        exact = [
            call for call in fitting if _distance(call, past) <= CLOCK_SKEW
        ]  # logged a moment ago, by another phone's row
        found = exact or [call for call in fitting if call.pk not in taken]
        if len(found) == 1:
            taken.add(found[0].pk)
        yield past, _merge(backend, past, found)


def _merge(backend: Backend, past: CallHistoryEntry, found: Sequence[Activity]) -> HistoryResult:
    found = _prefer_real_call(found)
    if len(found) > 1:
        return HistoryResult.AMBIGUOUS
    extension = _extension(past)
    end = CallEnd(
        end=past.start + dt.timedelta(seconds=past.duration),
        duration=past.duration,
        cause=past.cause,
    )
    if found:
        call = found[0]
        legs = {leg.extension: leg.status for leg in call.legs.all()}
        is_closed = Status(call.status).is_closed and call.status != Status.UNKNOWN
        if is_closed and (
            not legs or not extension or legs.get(extension, "") not in ("", CallLeg.Status.RINGING)
        ):
            return HistoryResult.KNOWN
        log_leg(backend, CallStart(call_id=call.call_id, extension=extension), end)
        return HistoryResult.COMPLETED
    direction = Direction.OUTBOUND if past.is_outgoing else Direction.INBOUND
    start = CallStart(
        call_id=_derived_id(past),
        direction=Direction.INTERNAL
        if backend.users.resolve(extension=_outside(past))
        else direction,
        caller_number=past.caller_number,
        called_number=past.called_number,
        start=past.start,
        extension=extension,
    )
    log_leg(backend, start, end)
    return HistoryResult.ADDED


def _prefer_real_call(found: Sequence[Activity]) -> Sequence[Activity]:
    """Who was logged from here, and is told of after all, is there twice: the one that has Ringotel's id stays.

    Unless people have worked with the other one.
    """
    told = [call for call in found if not call.call_id.startswith(HISTORY_ID_PREFIX)]
    stand_ins = [call for call in found if call not in told]
    if len(told) != 1 or any(_is_worked_with(call) for call in stand_ins):
        return found
    for call in stand_ins:
        call.delete()
    return told


def _is_worked_with(call: Activity) -> bool:
    by_hand = (call.contact_confirmed, call.subject, call.comment, call.follow_up, call.legal_hold)
    return any(by_hand) or hasattr(call, "recording")


def _candidates(backend: Backend, past: CallHistoryEntry) -> list[Activity]:
    """The known calls that this may be."""
    side = "called" if past.is_outgoing else "caller"
    outside = _outside(past)
    e164 = phone.e164(outside)
    number = {f"{side}_e164": e164} if e164 else {f"{side}_e164": "", f"{side}_number": outside}
    direction = Direction.OUTBOUND if past.is_outgoing else Direction.INBOUND
    calls = Activity.objects.filter(
        tenant=backend.tenant, direction__in=["", direction, Direction.INTERNAL]
    )
    calls = calls.order_by("start", "pk").prefetch_related("legs")
    found = [
        call
        for call in calls.filter(
            start__range=(past.start - MAX_HUNT, past.start + TOLERANCE), **number
        )
        if (distance := _distance(call, past)) <= CLOCK_SKEW
        or (distance <= TOLERANCE and _may_be_of_same_user(call, past))
    ]
    if found:
        return found
    # A call that was erased has no number any more, and shall not get it back from here.
    erased = calls.filter(
        start__range=(past.start - CLOCK_SKEW, past.start + CLOCK_SKEW),
        call_id__startswith=ERASED_ID_PREFIX,
    )
    return [call for call in erased if _may_be_of_same_user(call, past)]


def _may_be_of_same_user(call: Activity, past: CallHistoryEntry) -> bool:
    extensions = {call.extension, *(leg.extension for leg in call.legs.all())} - {""}
    return not extensions or _extension(past) in {"", *extensions}


def _outside(past: CallHistoryEntry) -> str:
    return past.called_number if past.is_outgoing else past.caller_number


def _extension(past: CallHistoryEntry) -> str:
    """The phone of our user, "" if the history has a number in its place."""
    inside = past.caller_number if past.is_outgoing else past.called_number
    return "" if phone.e164(inside) else inside


def _distance(call: Activity, past: CallHistoryEntry) -> dt.timedelta:
    """In time, from when the call began, or the same phone began to ring."""
    starts = [
        call.start,
        *(leg.start for leg in call.legs.all() if leg.extension == _extension(past)),
    ]
    return min(abs(start - past.start) for start in starts if start)


def _derived_id(past: CallHistoryEntry) -> str:
    """The same for a past call that is read again."""
    outside = _outside(past)
    identity = (past.is_outgoing, phone.e164(outside) or outside, past.start.isoformat())
    return f"{HISTORY_ID_PREFIX}{hashlib.sha256(repr(identity).encode()).hexdigest()}"
