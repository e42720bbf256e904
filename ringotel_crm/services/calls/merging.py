"""Merging of events into calls and call legs.

The functions set attributes of an unsaved row and return the names of those that changed. They do
not access the database. Values are merged so that every order of the same events gives the same
row: empty fields are filled in, the earliest start and the latest end and duration are kept, and
the status only advances. For example::

    status   cause  duration  end                 event
    ringing                                       the call is created
    missed   17     0         12:00:31            end: cause 17, duration 0, 12:00:31
    answered 16     27        12:00:31            end: cause 16, duration 27, 12:00:30
"""

from __future__ import annotations

import datetime as dt
from typing import Any, TypeVar

from django.db import models
from django.utils import timezone

from ...models import Activity, CallLeg
from ...records import CallEnd, CallNote, CallStart, ContactReference, Status, UserRecord

# Q.850 and SIP codes by which phone systems report why a call ended.
BUSY_CAUSES = frozenset("17 486 600 busy".split())
FAILED_CAUSES = frozenset(
    "1 2 3 5 22 27 28 34 38 41 42 44 47 58 63 102 111 127"
    " 400 401 403 404 405 410 484 488 500 502 503 504 603 604 failed".split()
)
NORMAL_CAUSES = frozenset("0 16 200".split())
VOICEMAIL_CAUSES = frozenset({"voicemail"})

START_FIELDS = ("direction", "caller_number", "caller_e164", "called_number", "called_e164")

Value = TypeVar("Value", int, dt.datetime)
# Names of the attributes that a function changed.
Changes = frozenset[str]


def set_values(row: models.Model, **values: Any) -> Changes:
    """Set attributes of ``row`` and return the names of those that changed."""
    changes = frozenset(name for name, value in values.items() if getattr(row, name) != value)
    for name in changes:
        setattr(row, name, values[name])
    return changes


def earliest(*times: dt.datetime | None) -> dt.datetime | None:
    """Return the earliest of the times that are known."""
    return min((time for time in times if time is not None), default=None)


def _largest(*values: Value | None) -> Value | None:
    return max((value for value in values if value is not None), default=None)


def apply_start(activity: Activity, start: CallStart, contact: ContactReference) -> Changes:
    """Merge the start of a call, and the contact unless the call has one. Does not set the agent.

    The numbers of ``start`` must be parsed. Without a time in ``start``, the call starts now.
    """
    values = {name: getattr(activity, name) or getattr(start, name) for name in START_FIELDS}
    began = earliest(activity.start, start.start) or earliest(timezone.now(), activity.end)
    changes = set_values(activity, **values, start=began)
    if contact.id and not activity.contact_confirmed and not activity.contact_id:
        changes |= apply_contact(activity, contact)
    note = CallNote(subject=start.subject, comment=start.comment)
    return changes | apply_notes(activity, note, only_first=True)


def apply_agent(activity: Activity, extension: str, agent: UserRecord | None) -> Changes:
    """Merge the extension of a call that has none, and its agent, ``None`` if unknown."""
    changes = set_values(activity, extension=activity.extension or extension)
    if agent and not activity.agent_id and extension in ("", activity.extension):
        changes |= set_values(activity, agent_id=agent.id, agent_name=agent.name[:255])
    return changes


def apply_contact(activity: Activity, contact: ContactReference) -> Changes:
    """Replace the contact of a call."""
    if activity.contact_reference == contact:
        return frozenset()
    activity.contact_reference = contact
    return frozenset({"contact_type_id", "contact_id", "contact_name"})


def apply_notes(activity: Activity, note: CallNote, *, only_first: bool = False) -> Changes:
    """Merge the subject and comment received from the phone.

    A text that was edited in the CRM since the phone last sent one is not overwritten.
    ``only_first``: ignore a text if the phone has already sent one.
    """
    changes: Changes = frozenset()
    for name in ("subject", "comment"):
        received = getattr(note, name)
        last = getattr(activity, f"last_received_{name}")
        if not received or received == last or (only_first and last):
            continue
        values = {f"last_received_{name}": received}
        if getattr(activity, name) == last:
            values[name] = received
        changes |= set_values(activity, **values)
    return changes


def apply_end(activity: Activity, end: CallEnd) -> Changes:
    """Merge the end of a call, closing it. Without a time in ``end``, the end stays unknown.

    The time at which the event was received is not used, because it could not be distinguished
    from a time in an event.
    """
    return _advance(activity, Status(activity.status), final_status(end), end)


def apply_leg_end(leg: CallLeg, end: CallEnd) -> Changes:
    """Merge the end of a call leg."""
    is_answered = final_status(end) == Status.ANSWERED
    status = CallLeg.Status.ANSWERED if is_answered else CallLeg.Status.NOT_ANSWERED
    return _advance(leg, CallLeg.Status(leg.status), status, end)


def _advance(row: Activity | CallLeg, old: Any, new: Any, end: CallEnd) -> Changes:
    # Status and cause are compared as a pair, so that the cause always belongs to the status.
    pairs = [(old, row.cause), (new, end.cause)]
    status, cause = max(pairs, key=lambda pair: (pair[0].rank, pair[1]))
    return set_values(
        row,
        status=status,
        cause=cause,
        duration=_largest(row.duration, end.duration),
        end=_largest(row.end, end.end),
    )


def final_status(end: CallEnd) -> Status:
    """Return the status of a call that ended like this. A call with talk time was answered."""
    cause = end.cause.lower()
    if cause in VOICEMAIL_CAUSES:
        return Status.VOICEMAIL
    if end.duration or (end.duration is None and cause in NORMAL_CAUSES):
        return Status.ANSWERED
    if cause in BUSY_CAUSES:
        return Status.BUSY
    if cause in FAILED_CAUSES:
        return Status.FAILED
    return Status.MISSED
