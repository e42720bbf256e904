"""The life of a call.

Requests come twice, late, and before the ones they follow. So the row of a call is made by whichever comes
first, under the unique (tenant, call id), and each function merges what it was told into what is there: blanks
are filled, times and durations only grow, a status only moves forward. Any order ends in the same row.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from contextlib import nullcontext, suppress
from dataclasses import replace
from operator import attrgetter
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, router, transaction
from django.db.models.sql import Query
from django.utils import timezone

from ... import phone, signals
from ...backends import Backend
from ...exceptions import InvalidInput, NotFound
from ...internal.compiled_queries import CompiledQuery, update
from ...models import Activity, Conversation
from ...records import CallEnd, CallNote, CallRef, CallStart, ContactRecord, Direction, Status
from .. import locks
from ..contacts.identify import identify
from ..sync.user_mapping import resolve_agent

# Why a call ended: Q.850 and SIP codes, as PBXs write them. A call with talking time was answered whatever they say.
BUSY_CAUSES = {"17", "486", "600", "busy"}
FAILED_CAUSES = {
    *(
        "1",
        "2",
        "3",
        "5",
        "22",
        "27",
        "28",
        "34",
        "38",
        "41",
        "42",
        "44",
        "47",
        "58",
        "63",
        "102",
        "111",
        "127",
    ),
    *(
        "400",
        "401",
        "403",
        "404",
        "405",
        "410",
        "484",
        "488",
        "500",
        "502",
        "503",
        "504",
        "603",
        "604",
        "failed",
    ),
}
NORMAL_CAUSES = {"0", "16", "200"}
VOICEMAIL_CAUSES = {"voicemail"}

OPEN_STATUSES = (Status.RINGING, Status.IN_PROGRESS)
END_FIELDS = ("status", "cause", "duration", "end")
END_VALUES = attrgetter(*END_FIELDS)

ERASED_ID_PREFIX = "erased-"
"""With what the id of a call begins once the person in it is erased."""

MAX_EXTENSION_DIGITS = 6
"""Digits."""


def lock_call(backend: Backend, ref: CallRef) -> Activity:
    """The row of this call, locked until the transaction ends; made if only Ringotel's id is known.

    Must come first in the transaction. Raises ``NotFound`` for an activity id that names none of this tenant's calls.
    """
    calls = Activity.objects.filter(tenant=backend.tenant)
    if (key := _key(ref)) and (found := locks.lock_row(calls.filter(pk=key), "updated_at")):
        return found
    if not ref.call_id:
        raise NotFound("There is no such call.", fields={"id": ["No activity has this id."]})
    calls = calls.filter(call_id=ref.call_id)
    if found := locks.lock_row(calls, "updated_at"):
        return found
    locks.upsert(
        Activity(tenant=backend.tenant, call_id=ref.call_id),
        key=["tenant", "call_id"],
        update_field="updated_at",
    )
    return calls.get()


def find_call(backend: Backend, ref: CallRef) -> Activity | None:
    """The row of this call as it is at this moment."""
    using = router.db_for_read(Activity)
    for query, value in ((CALL_BY_ID, _key(ref)), (CALL_BY_CALL_ID, ref.call_id)):
        statement = query.statement(using, backend.tenant, value) if value else None
        for activity in Activity.objects.using(using).raw(*statement) if statement else ():
            return activity
    return None


CALL_BY_ID = CompiledQuery(
    lambda tenant, id: Activity.objects.order_by().filter(tenant=tenant, pk=id)
)
CALL_BY_CALL_ID = CompiledQuery(
    lambda tenant, id: Activity.objects.order_by().filter(tenant=tenant, call_id=id)
)


def _close(pk: int, seen_at: dt.datetime, now: dt.datetime, *end: Any) -> Query:
    """Write the end of a call whose row has not been written since."""
    # By what no index has: MariaDB would lock the index of states before the row, as others do after it.
    return update(
        Activity.objects.filter(pk=pk, updated_at=seen_at),
        **dict(zip(END_FIELDS, end, strict=True)),
        updated_at=now,
    )


CLOSE = CompiledQuery(_close)


def _key(ref: CallRef) -> int:
    """The primary key that the activity id is, or 0, which no row has."""
    id = ref.activity_id
    return int(id) if id.isascii() and id.isdecimal() and len(id) < 19 else 0


def start_call(backend: Backend, start: CallStart) -> Activity:
    """Log a call, once for each ``call_id``."""
    call_id = start.call_id or _derived_id(start)
    direction = start.direction or _guess_direction(start)
    start = replace(
        start, direction=direction, extension=start.extension or _own_extension(start, direction)
    )
    agent = resolve_agent(
        backend, id=start.user_id, extension=start.extension, email=start.user_email
    )
    contact = resolve_contact(backend, start)

    def tell(activity: Activity) -> None:
        was_known = activity.start is not None
        _merge_start(activity, start, backend, contact)
        # Who took the call of a ring group, or that nobody did, is told by its phones, where they are known.
        if activity.extension or not (was_known and activity.legs.exists()):
            activity.extension = activity.extension or start.extension
            if agent and not activity.agent_id and start.extension in ("", activity.extension):
                activity.agent_id, activity.agent_name = agent.id, agent.name[:255]

    # Nearly always the call is new: then its row is written once, and neither locked nor read.
    activity = Activity(tenant=backend.tenant, call_id=call_id)
    tell(activity)
    inside = (
        transaction.get_connection().in_atomic_block
    )  # else the one statement needs no transaction
    with suppress(IntegrityError), transaction.atomic() if inside else nullcontext():
        activity.save(force_insert=True)
        _send_started(activity)
        return activity
    with transaction.atomic():
        activity = lock_call(backend, CallRef(call_id=call_id))
        if not _has_begun(activity):
            _send_started(activity)
        tell(activity)
        activity.save()
        return activity


def resolve_contact(backend: Backend, start: CallStart) -> ContactRecord | None:
    """The contact that is named, else the one whose number it is."""
    contact = backend.contacts.get(start.contact_id) if start.contact_id else None
    if contact is None and start.direction != Direction.INTERNAL:
        outside = (
            start.called_number if start.direction == Direction.OUTBOUND else start.caller_number
        )
        contact = identify(backend, outside)
    return contact


def merge_start(
    activity: Activity, start: CallStart, backend: Backend, contact: ContactRecord | None
) -> None:
    """What is said of the beginning, into a locked row, which is still to be saved; but for who took the call."""
    if not _has_begun(activity):
        _send_started(activity)
    _merge_start(activity, start, backend, contact)


def _has_begun(activity: Activity) -> bool:
    return bool(activity.start or activity.caller_number or activity.called_number)


def _send_started(activity: Activity) -> None:
    signals.send_on_commit(signals.call_started, Activity, activity=activity)


def _merge_start(
    activity: Activity, start: CallStart, backend: Backend, contact: ContactRecord | None
) -> None:
    said = {
        "direction": start.direction,
        "caller_number": start.caller_number,
        "caller_e164": phone.e164(start.caller_number),
        "called_number": start.called_number,
        "called_e164": phone.e164(start.called_number),
    }
    for name, value in said.items():
        if not getattr(activity, name):
            setattr(activity, name, value)
    if contact and not activity.contact_confirmed and not activity.contact_id:
        set_contact(activity, backend, contact)
    if start.start and activity.start:
        activity.start = min(start.start, activity.start)
    else:
        activity.start = (
            activity.start or start.start or min(timezone.now(), activity.end or timezone.now())
        )
    _merge_notes(activity, CallNote(subject=start.subject, comment=start.comment), first=True)


def assign_call(backend: Backend, ref: CallRef, contact_id: str) -> Activity:
    """Point the call to this contact, or with "" to none. Raises ``NotFound``."""
    contact = backend.contacts.get(contact_id) if contact_id else None
    if contact_id and contact is None:
        raise NotFound(
            "There is no such contact.", fields={"contact_id": ["No contact has this id."]}
        )
    with transaction.atomic():
        activity = lock_call(backend, ref)
        previous = (activity.contact_type, activity.contact_id)
        activity.contact_confirmed = True
        set_contact(activity, backend, contact)
        activity.save()
        if previous != (activity.contact_type, activity.contact_id):
            signals.send_on_commit(
                signals.call_assigned, Activity, activity=activity, previous=previous
            )
    return activity


def update_notes(backend: Backend, ref: CallRef, note: CallNote) -> Activity:
    """Write subject and comment, unless a person has changed them in the CRM since the phone wrote last."""
    with transaction.atomic():
        activity = lock_call(backend, ref)
        if _merge_notes(activity, note):
            activity.save()
            signals.send_on_commit(signals.call_updated, Activity, activity=activity)
    return activity


def stop_call(backend: Backend, ref: CallRef, end: CallEnd) -> Activity:
    """Close the call. Said again it changes nothing but what it knows better."""
    # Nearly always nobody else writes of the end at the same moment: then it takes no lock.
    if activity := find_call(backend, ref):
        was_open = not Status(activity.status).is_closed
        seen = END_VALUES(activity)
        _merge_end(activity, end)
        said = END_VALUES(activity)
        facts = (activity.pk, activity.updated_at, timezone.now(), *said)
        if said == seen or CLOSE.change(router.db_for_write(Activity), *facts):
            if was_open:
                _send_stopped(activity)
            return activity
    with transaction.atomic():
        activity = lock_call(backend, ref)
        merge_end(activity, end)
        activity.save()
        return activity


def merge_end(activity: Activity, end: CallEnd) -> None:
    """What is said of the end, into a locked row, which is still to be saved."""
    if not Status(activity.status).is_closed:
        _send_stopped(activity)
    _merge_end(activity, end)


def _send_stopped(activity: Activity) -> None:
    signals.send_on_commit(signals.call_stopped, Activity, activity=activity)


def _merge_end(activity: Activity, end: CallEnd) -> None:
    # A pair that only grows, so that the cause always belongs to the status, in whatever order stops come.
    new = (final_status(end), end.cause)
    old = (Status(activity.status), activity.cause)
    activity.status, activity.cause = max(old, new, key=lambda pair: (pair[0].rank, pair[1]))
    if end.duration is not None:
        activity.duration = max(end.duration, activity.duration or 0)
    if end.end:  # if no stop says when, the end stays unknown: a time of arrival could not be told from a said one
        activity.end = max(end.end, activity.end or end.end)


def final_status(end: CallEnd) -> Status:
    """How the call went."""
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


def set_contact(
    activity: Activity | Conversation, backend: Backend, contact: ContactRecord | None
) -> None:
    """Let the row, which is not saved, refer to this contact."""
    model, key = backend.contacts.to_reference(contact.id) if contact else (None, "")
    activity.contact_type = ContentType.objects.get_for_model(model) if model else None
    activity.contact_id = key
    activity.contact_name = contact.name[:255] if contact else ""


def _merge_notes(activity: Activity, note: CallNote, *, first: bool = False) -> bool:
    """Whether anything was written. ``first``: only where the phone has not written anything yet."""
    written = False
    for name in ("subject", "comment"):
        new, phone_name = getattr(note, name), f"last_received_{name}"
        last = getattr(activity, phone_name)
        if not new or new == last or (first and last):
            continue
        if getattr(activity, name) == last:
            setattr(activity, name, new)
        setattr(activity, phone_name, new)
        written = True
    return written


def _guess_direction(start: CallStart) -> str:
    """The side that has an outside number is the stranger's: extensions and the company's own numbers are none."""
    caller, called = (
        bool(phone.candidates(text)) for text in (start.caller_number, start.called_number)
    )
    if caller == called:
        return ""
    return Direction.INBOUND if caller else Direction.OUTBOUND


def _own_extension(start: CallStart, direction: str) -> str:
    """The number of the company's side, where it is an extension."""
    own = start.caller_number if direction == Direction.OUTBOUND else start.called_number
    return own if own.isdecimal() and len(own) <= MAX_EXTENSION_DIGITS else ""


def _derived_id(start: CallStart) -> str:
    """An id for a call that came without one: the same call sent again gets the same."""
    if not (start.start and (start.caller_number or start.called_number)):
        raise InvalidInput(
            "Without a call id, a call can only be told from others by its start and its numbers.",
            fields={"call_id": ["Give the call's id, or its start and at least one number."]},
        )
    identity = (start.start.isoformat(), start.caller_number, start.called_number, start.extension)
    return f"derived-{hashlib.sha256(repr(identity).encode()).hexdigest()}"
