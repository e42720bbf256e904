"""Call lifecycle.

Ringotel may deliver the events of a call more than once, late, or out of order. Each function
creates the call on first contact, keyed by (tenant, call id), and merges the event into it. Every
delivery order produces the same row; :mod:`.merging` has the rules.

A call is written in one of two ways. The optimistic writers, ``_insert()`` and ``_close()``, take
one statement without a lock and fail if another request has written the call. The other,
:func:`write_locked`, always succeeds. Both send the signals of the call's transitions.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any, TypeAlias

from django.contrib.contenttypes.models import ContentType
from django.db import IntegrityError, router, transaction
from django.db.models.sql import Query
from django.dispatch import Signal
from django.utils import timezone
from django.utils.translation import gettext as _

from ... import databases, signals
from ...backends import Backend
from ...exceptions import InvalidInput, NotFound
from ...internal.compiled_queries import CompiledQuery, update
from ...internal.parsing import parse_key
from ...models import Activity
from ...records import (
    CallEnd,
    CallNote,
    CallRef,
    CallStart,
    ContactReference,
    Status,
)
from .. import locks
from ..contacts.identify import identify_numbers
from ..contacts.references import record_reference
from ..sync.user_mapping import resolve_agent
from .merging import Changes, apply_agent, apply_contact, apply_end, apply_notes, apply_start
from .numbers import guess_missing, parse_numbers

OPEN_STATUSES = (Status.RINGING, Status.IN_PROGRESS)
END_FIELDS = ("status", "cause", "duration", "end")

# Prefix of the call id after the caller's personal data has been erased.
ERASED_ID_PREFIX = "erased-"

Transitions: TypeAlias = dict[Signal, bool]


@databases.fresh_reads()
def start_call(backend: Backend, start: CallStart) -> Activity:
    """Log the start of a call.

    Without a call id, the call is recognized by its start and numbers; raises ``InvalidInput`` if
    these are missing too.
    """
    call_id = start.call_id or _derive_id(start)
    start = guess_missing(parse_numbers(start))
    agent = resolve_agent(
        backend, id=start.user_id, extension=start.extension, email=start.user_email
    )
    contact = find_contact(backend, start)

    def apply(activity: Activity) -> Changes:
        # In a ring group, the legs determine the agent.
        has_legs = not activity.extension and activity.start and activity.legs.exists()
        changes = apply_start(activity, start, contact)
        return changes if has_legs else changes | apply_agent(activity, start.extension, agent)

    # A call is nearly always new.
    activity = Activity(tenant=backend.tenant, call_id=call_id)
    apply(activity)
    if _insert(activity):
        return activity
    with databases.atomic():
        activity = lock_call(backend, CallRef(call_id=call_id))
        write_locked(activity, apply)
    return activity


@databases.fresh_reads()
def assign_call(backend: Backend, ref: CallRef, contact_id: str) -> Activity:
    """Assign a call to a contact, or to none if ``contact_id`` is "". Raises ``NotFound``."""
    contact = backend.contacts.get(contact_id) if contact_id else None
    if contact_id and contact is None:
        raise NotFound(
            _("Contact not found."), fields={"contact_id": [_("No contact has this id.")]}
        )
    reference = record_reference(backend, contact)
    with databases.atomic():
        activity = lock_call(backend, ref)
        previous = activity.contact_reference
        activity.contact_confirmed = True
        apply_contact(activity, reference)
        activity.save()
        if previous.lookup != reference.lookup:
            type_id = previous.type_id
            signals.send_on_commit(
                signals.call_assigned,
                Activity,
                activity=activity,
                previous=(type_id and ContentType.objects.get_for_id(type_id), previous.id),
            )
    return activity


def update_notes(backend: Backend, ref: CallRef, note: CallNote) -> Activity:
    """Set subject and comment, unless they were edited in the CRM since the phone sent them.

    Raises ``NotFound``.
    """
    with databases.atomic():
        activity = lock_call(backend, ref)
        if write_locked(activity, lambda activity: apply_notes(activity, note)):
            signals.send_on_commit(signals.call_updated, Activity, activity=activity)
    return activity


@databases.fresh_reads()
def stop_call(backend: Backend, ref: CallRef, end: CallEnd) -> Activity:
    """Close a call. A repeated end only adds more complete data. Raises ``NotFound``."""
    # Concurrent ends of a call are rare.
    activity = find_call(backend, ref)
    if activity and _close(activity, end):
        return activity
    with databases.atomic():
        activity = lock_call(backend, ref)
        write_locked(activity, lambda activity: apply_end(activity, end))
    return activity


def find_call(backend: Backend, ref: CallRef) -> Activity | None:
    """Return the call without locking it."""
    using = router.db_for_read(Activity)
    for query, value in ((CALL_BY_ID, parse_key(ref.activity_id)), (CALL_BY_CALL_ID, ref.call_id)):
        if value:
            statement = query.statement(using, backend.tenant, value)
            for activity in Activity.objects.using(using).raw(*statement):
                return activity
    return None


def lock_call(backend: Backend, ref: CallRef) -> Activity:
    """Return the call, locked until the transaction ends; created if only its call id is known.

    Must be the first query of the transaction. Raises ``NotFound`` if the tenant has no activity
    with the id and the call id is missing.
    """
    calls = Activity.objects.filter(tenant=backend.tenant)
    if (key := parse_key(ref.activity_id)) and (
        activity := locks.lock_row(calls.filter(pk=key), "updated_at")
    ):
        return activity
    if not ref.call_id:
        raise NotFound(_("Call not found."), fields={"id": [_("No activity has this id.")]})
    calls = calls.filter(call_id=ref.call_id)
    if activity := locks.lock_row(calls, "updated_at"):
        return activity
    locks.upsert(
        Activity(tenant=backend.tenant, call_id=ref.call_id),
        key=["tenant", "call_id"],
        update_field="updated_at",
    )
    return calls.get()


def write_locked(activity: Activity, apply: Callable[[Activity], Changes]) -> Changes:
    """Apply changes to a locked call, save it if there are any, and send the signals.

    Must run in the transaction that holds the lock.
    """
    before = _transitions(activity)
    changes = apply(activity)
    if changes:
        activity.save()
        _send_signals(activity, before)
    return changes


def _insert(activity: Activity) -> bool:
    """Insert a call. Return False if the call exists."""
    # Outside a transaction the statement needs none: an error does not affect later statements.
    in_transaction = transaction.get_connection(using=databases.write_alias()).in_atomic_block
    savepoint = databases.atomic() if in_transaction else nullcontext()
    try:
        with savepoint:
            activity.save(force_insert=True)
    except IntegrityError:
        return False
    _send_signals(activity, {})
    return True


def _close(activity: Activity, end: CallEnd) -> bool:
    """Write the end of a call. Return False if the call was written since it was read."""
    before = _transitions(activity)
    if apply_end(activity, end):
        values = [getattr(activity, name) for name in END_FIELDS]
        facts = (activity.pk, activity.updated_at, timezone.now(), *values)
        if not CLOSE.change(router.db_for_write(Activity), *facts):
            return False
    _send_signals(activity, before)
    return True


def _close_query(pk: int, read_at: dt.datetime, now: dt.datetime, *values: Any) -> Query:
    # Filter on unindexed columns only: MariaDB would otherwise lock the status index before the
    # row, while other writers lock in the opposite order (deadlock).
    return update(
        Activity.objects.filter(pk=pk, updated_at=read_at),
        **dict(zip(END_FIELDS, values, strict=True)),
        updated_at=now,
    )


CLOSE = CompiledQuery(_close_query)
CALL_BY_ID = CompiledQuery(
    lambda tenant, id: Activity.objects.order_by().filter(tenant=tenant, pk=id)
)
CALL_BY_CALL_ID = CompiledQuery(
    lambda tenant, id: Activity.objects.order_by().filter(tenant=tenant, call_id=id)
)


def _transitions(activity: Activity) -> Transitions:
    """Return which of the signals of a call's transitions have been sent."""
    has_started = activity.start or activity.caller_number or activity.called_number
    return {
        signals.call_started: bool(has_started),
        signals.call_stopped: Status(activity.status).is_closed,
    }


def _send_signals(activity: Activity, before: Transitions) -> None:
    for signal, is_due in _transitions(activity).items():
        if is_due and not before.get(signal):
            signals.send_on_commit(signal, Activity, activity=activity)


def find_contact(backend: Backend, start: CallStart) -> ContactReference:
    """Return the contact with ``start.contact_id``, or else the one with the outside number."""
    contact = backend.contacts.get(start.contact_id) if start.contact_id else None
    if contact is None:
        contact = identify_numbers(backend, start.outside_candidates)
    return record_reference(backend, contact)


def _derive_id(start: CallStart) -> str:
    """Return a call id that is the same whenever the same start is sent."""
    if not (start.start and (start.caller_number or start.called_number)):
        message = _("Enter the call id, or the start and at least one number.")
        raise InvalidInput(message, fields={"call_id": [message]})
    identity = (start.start.isoformat(), start.caller_number, start.called_number, start.extension)
    return f"derived-{hashlib.sha256(repr(identity).encode()).hexdigest()}"
