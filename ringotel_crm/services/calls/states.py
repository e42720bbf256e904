"""The state of a call, as far as it is known.

Ringotel reports the end of a call but not its answer. A call is therefore *live* until its end is
received. Where its legs or the states of the phones show more, it is *ringing* or *in progress*::

    legs (cause)                        phone        state
    500 ringing                                      live
    500 ringing, 501 ringing                         ringing (for at most two minutes)
    500 ringing, 501 not answered (26)               in progress: 26 is "answered elsewhere"
    500 ringing                         connected    in progress
    500 ringing                         calling      ringing

Only an unanswered inbound call is *missed*. Any other unanswered call has *no answer*.
"""

from __future__ import annotations

import datetime as dt
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from django.db.models import Q
from django.utils import timezone

from ...conf import conf
from ...models import Activity, CallLeg
from ...records import CallState, Direction, Presence, Status
from .lifecycle import OPEN_STATUSES

# The statuses of a call that ended without a conversation.
UNANSWERED_STATUSES = (Status.MISSED, Status.BUSY, Status.FAILED, Status.VOICEMAIL)
MISSED = Q(direction=Direction.INBOUND, status__in=UNANSWERED_STATUSES)
# Q.850 cause of a phone that stops ringing because another phone was answered.
ANSWERED_ELSEWHERE = "26"
# No group of phones rings for longer.
MAX_RING = dt.timedelta(minutes=2)
# A live call that started earlier is shown as overdue.
OVERDUE_AFTER = dt.timedelta(minutes=10)


def stale_cutoff() -> dt.datetime:
    """Return the time before which a call that was not updated since is considered stale."""
    return timezone.now() - dt.timedelta(minutes=conf.STALE_CALL_MINUTES)


def call_state(
    call: Activity, legs: Sequence[CallLeg] = (), presence: Mapping[str, Presence] | None = None
) -> CallState:
    """Return the state of ``call``. ``legs`` and ``presence``, by extension, refine a live one."""
    if Status(call.status).is_closed:
        is_missed = call.status == Status.MISSED and call.direction != Direction.INBOUND
        return CallState.NO_ANSWER if is_missed else CallState(call.status)
    if call.updated_at < stale_cutoff():
        return CallState.UNKNOWN
    if call.status == Status.IN_PROGRESS:
        return CallState.IN_PROGRESS
    if any(leg.cause == ANSWERED_ELSEWHERE for leg in legs):
        return CallState.IN_PROGRESS
    phones = open_phones(call, legs)
    states = {presence.get(extension) for extension in phones} if presence else set()
    if len(phones) == 1 and Presence.CONNECTED in states:
        return CallState.IN_PROGRESS
    is_new = call.start is not None and timezone.now() - call.start < MAX_RING
    if states & {Presence.DIALING, Presence.RINGING} or (len(phones) > 1 and is_new):
        return CallState.RINGING
    return CallState.LIVE


def live_states(
    calls: Iterable[Activity], presence: Mapping[str, Presence]
) -> list[tuple[Activity, CallState]]:
    """Return the live ``calls`` with their states.

    Load the calls with ``prefetch_related("legs")``. The state of a phone with several live calls
    is not used: it could be that of any of them.
    """
    legs = {call: list(call.legs.all()) for call in calls}
    used = Counter(phone for call in legs for phone in open_phones(call, legs[call]))
    known = {extension: state for extension, state in presence.items() if used[extension] == 1}
    return [(call, call_state(call, legs[call], known)) for call in legs]


def open_phones(call: Activity, legs: Sequence[CallLeg]) -> list[str]:
    """Return the extensions of the phones whose end has not been received."""
    if not legs:
        return [call.extension]
    return [leg.extension for leg in legs if leg.status == CallLeg.Status.RINGING]


def is_overdue(call: Activity) -> bool:
    """Return whether an end of this live call should have been received by now."""
    return call.start is not None and call.start < timezone.now() - OVERDUE_AFTER


def state_filter(state: CallState) -> Q:
    """Return the condition for the calls in ``state``, for lists.

    *Missed* and *no answer* include voicemail, busy and failed, which can also be filtered alone.
    """
    is_open = Q(status__in=OPEN_STATUSES)
    match state:
        case CallState.LIVE:
            return is_open & Q(updated_at__gte=stale_cutoff())
        case CallState.UNKNOWN:
            return Q(status=Status.UNKNOWN) | is_open & Q(updated_at__lt=stale_cutoff())
        case CallState.MISSED:
            return MISSED
        case CallState.NO_ANSWER:
            return Q(status__in=UNANSWERED_STATUSES) & ~Q(direction=Direction.INBOUND)
    return Q(status=state.value)
