"""Completing the call log from Ringotel's call history, which has no call ids.

A history entry is a logged call if direction and outside number are the same, the start differs by
at most :data:`TOLERANCE` (from the start of the call, or of one of its phones), and the call was
not another user's. An entry that fits several calls is left alone and reported. Example, with an
inbound call that rang on two phones::

    log        c1  +4420...01 to 500 and 501, 12:00:00, answered by 501
    history    +4420...01 to 500, 12:00:01, not answered    known: a phone of c1
               +4420...01 to 501, 12:00:01, 27 seconds      known: a phone of c1
               +4420...01 to 500, 12:05:00, 12 seconds      added: a call of its own
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from ... import phone
from ...backends import Backend
from ...models import Activity, CallLeg
from ...records import (
    CallEnd,
    CallHistoryEntry,
    CallStart,
    Direction,
    RingotelConnection,
    RingotelUserRecord,
    RingotelUserStatus,
    Status,
)
from ..sync.user_mapping import resolve_agent
from .legs import log_leg
from .lifecycle import ERASED_ID_PREFIX, OPEN_STATUSES

TOLERANCE = dt.timedelta(seconds=60)
# How far two clocks differ that report the same start.
CLOCK_SKEW = dt.timedelta(seconds=3)
# How long the phones of a ring group may ring one after the other.
MAX_HUNT = dt.timedelta(minutes=10)
# Start of the ids of calls that were logged from the history.
HISTORY_ID_PREFIX = "history-"


class MatchResult(StrEnum):
    """What was done with a history entry."""

    KNOWN = "known"
    COMPLETED = "completed"
    ADDED = "added"
    AMBIGUOUS = "ambiguous"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Machines:
    """Extensions that belong to no person: ``slots`` for parked calls, and ``ai_agents``."""

    slots: frozenset[str] = field(default_factory=frozenset)
    ai_agents: frozenset[str] = field(default_factory=frozenset)

    @classmethod
    def among(cls, users: Iterable[RingotelUserRecord]) -> Machines:
        """Return the extensions of the parking slots and AI agents in Ringotel's list of users."""
        users = list(users)
        slots = (user for user in users if user.status == RingotelUserStatus.PARKING_SLOT)
        return cls(
            slots=frozenset(user.extension for user in slots) - {""},
            ai_agents=frozenset(user.extension for user in users if user.is_ai_agent) - {""},
        )


@dataclass(frozen=True, slots=True)
class MergedEntry:
    """A history entry, what was done with it, and the call; None if the entry is ambiguous or
    ignored."""

    past: CallHistoryEntry
    result: MatchResult
    call: Activity | None = None


def merge_history(
    backend: Backend, history: Sequence[CallHistoryEntry], machines: Machines | None = None
) -> Iterator[MergedEntry]:
    """Find each entry in the log, close the call if its end is missing, and log the call if it is
    missing.

    Idempotent. Entries of parking slots are ignored, and calls of AI agents belong to no user.
    """
    machines = machines or Machines()
    taken: set[int] = set()
    rest: list[CallHistoryEntry] = []
    # Two calls within a minute may be a redial: entries that fit to the second come first.
    for past in sorted(history, key=lambda past: past.start):
        if {past.caller_number, past.called_number} & machines.slots:
            yield MergedEntry(past, MatchResult.IGNORED)
            continue
        exact = [call for call in _candidates(backend, past) if _distance(call, past) <= CLOCK_SKEW]
        if exact:
            taken.update(call.pk for call in exact)
            yield _merge(backend, past, exact, machines)
        else:
            rest.append(past)
    for past in rest:
        fitting = _candidates(backend, past)
        # Logged a moment ago, from the entry of another phone.
        exact = [call for call in fitting if _distance(call, past) <= CLOCK_SKEW]
        found = exact or [call for call in fitting if call.pk not in taken]
        if len(found) == 1:
            taken.add(found[0].pk)
        yield _merge(backend, past, found, machines)


def _merge(
    backend: Backend, past: CallHistoryEntry, found: Sequence[Activity], machines: Machines
) -> MergedEntry:
    found = _prefer_real_call(found)
    if len(found) > 1:
        return MergedEntry(past, MatchResult.AMBIGUOUS)
    extension = _extension(past)
    if extension in machines.ai_agents:
        extension = ""
    end = CallEnd(
        end=past.start + dt.timedelta(seconds=past.duration),
        duration=past.duration,
        cause=past.cause,
    )
    if found:
        call = found[0]
        legs = {leg.extension: leg.status for leg in call.legs.all()}
        is_closed = Status(call.status).is_closed and call.status != Status.UNKNOWN
        is_leg_closed = legs.get(extension, "") not in ("", CallLeg.Status.RINGING)
        if is_closed and (not legs or not extension or is_leg_closed):
            return MergedEntry(past, MatchResult.KNOWN, call)
        start = CallStart(call_id=call.call_id, extension=extension)
        return MergedEntry(past, MatchResult.COMPLETED, log_leg(backend, start, end))
    start = CallStart(
        call_id=_derived_id(past),
        direction=_direction(backend, past, machines),
        caller_number=past.caller_number,
        called_number=past.called_number,
        start=past.start,
        extension=extension,
    )
    return MergedEntry(past, MatchResult.ADDED, log_leg(backend, start, end))


def _direction(backend: Backend, past: CallHistoryEntry, machines: Machines) -> Direction:
    outside = _outside(past)
    if outside in machines.ai_agents or resolve_agent(backend, extension=outside):
        return Direction.INTERNAL
    return Direction.OUTBOUND if past.is_outgoing else Direction.INBOUND


def _prefer_real_call(found: Sequence[Activity]) -> Sequence[Activity]:
    """Drop, and delete, a call that was logged from the history, if the call with Ringotel's id has
    been logged since.

    Keeps both if staff have worked with the former.
    """
    reported = [call for call in found if not call.call_id.startswith(HISTORY_ID_PREFIX)]
    stand_ins = [call for call in found if call not in reported]
    if len(reported) != 1 or any(_is_worked_with(call) for call in stand_ins):
        return found
    for call in stand_ins:
        call.delete()
    return reported


def _is_worked_with(call: Activity) -> bool:
    by_hand = (call.contact_confirmed, call.subject, call.comment, call.legal_hold)
    return any(by_hand) or hasattr(call, "recording") or call.follow_ups.exists()


def _candidates(backend: Backend, past: CallHistoryEntry) -> list[Activity]:
    """Return the logged calls that this entry may be."""
    side = "called" if past.is_outgoing else "caller"
    outside = _outside(past)
    e164 = phone.e164(outside)
    number = {f"{side}_e164": e164} if e164 else {f"{side}_e164": "", f"{side}_number": outside}
    direction = Direction.OUTBOUND if past.is_outgoing else Direction.INBOUND
    directions = ["", direction, Direction.INTERNAL]
    calls = Activity.objects.filter(tenant=backend.tenant, direction__in=directions)
    calls = calls.order_by("start", "pk").prefetch_related("legs")
    around = (past.start - MAX_HUNT, past.start + TOLERANCE)
    found = []
    for call in calls.filter(start__range=around, **number):
        distance = _distance(call, past)
        if distance <= CLOCK_SKEW or (distance <= TOLERANCE and _may_be_of_same_user(call, past)):
            found.append(call)
    if found:
        return found
    # An erased call has no number, and must not get it back.
    around = (past.start - CLOCK_SKEW, past.start + CLOCK_SKEW)
    erased = calls.filter(start__range=around, call_id__startswith=ERASED_ID_PREFIX)
    return [call for call in erased if _may_be_of_same_user(call, past)]


def _may_be_of_same_user(call: Activity, past: CallHistoryEntry) -> bool:
    extensions = {call.extension, *(leg.extension for leg in call.legs.all())} - {""}
    return not extensions or _extension(past) in {"", *extensions}


def _outside(past: CallHistoryEntry) -> str:
    return past.called_number if past.is_outgoing else past.caller_number


def _extension(past: CallHistoryEntry) -> str:
    """Return the extension of our user; "" if the entry has an outside number instead."""
    inside = past.caller_number if past.is_outgoing else past.called_number
    return "" if phone.e164(inside) else inside


def _distance(call: Activity, past: CallHistoryEntry) -> dt.timedelta:
    """Return the time between the start of the entry and that of the call, or of the same phone."""
    extension = _extension(past)
    legs = (leg for leg in call.legs.all() if leg.extension == extension)
    starts = [call.start, *(leg.start for leg in legs)]
    return min(abs(start - past.start) for start in starts if start)


def _derived_id(past: CallHistoryEntry) -> str:
    """Return a call id that is the same whenever the entry is read."""
    outside = _outside(past)
    identity = (past.is_outgoing, phone.e164(outside) or outside, past.start.isoformat())
    return f"{HISTORY_ID_PREFIX}{hashlib.sha256(repr(identity).encode()).hexdigest()}"


def find_gaps(
    backend: Backend,
    began: dt.datetime,
    ended: tuple[dt.datetime, dt.datetime],
    matched: Collection[int],
    connections: Sequence[RingotelConnection],
) -> tuple[list[Activity], int]:
    """Return the logged calls that the history lacks, and how many more the options of the
    connections explain.

    Only calls that began at or after ``began`` and ended within ``ended`` are looked at.
    ``matched`` has the primary keys of the calls that the history has. A connection may be set not
    to log missed calls, or calls that were answered elsewhere.
    """
    calls = Activity.objects.filter(tenant=backend.tenant, start__gte=began, end__range=ended)
    calls = calls.exclude(status__in=OPEN_STATUSES).exclude(call_id__startswith=HISTORY_ID_PREFIX)
    calls = calls.exclude(call_id__startswith=ERASED_ID_PREFIX).order_by("start", "pk")
    lost, explained = [], 0
    for call in calls.prefetch_related("legs"):
        if call.pk in matched:
            continue
        if _is_explained(call, connections):
            explained += 1
        else:
            lost.append(call)
    return lost, explained


def _is_explained(call: Activity, connections: Sequence[RingotelConnection]) -> bool:
    if call.direction == Direction.OUTBOUND:
        return False
    if call.status != Status.ANSWERED:
        return not all(connection.logs_missed for connection in connections)
    is_answered_here = any(leg.status == CallLeg.Status.ANSWERED for leg in call.legs.all())
    logs_elsewhere = all(connection.logs_answered_elsewhere for connection in connections)
    return not is_answered_here and not logs_elsewhere
