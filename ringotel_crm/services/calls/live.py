"""What a call desk asks of the calls: which one may be seen, which are running, what is known of a caller."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models import Count, Max, Q, QuerySet, Sum
from django.utils import timezone

from ... import phone, signals
from ...backends import Backend
from ...conf import conf
from ...models import Activity, CallLeg
from ...records import ContactRecord, Status
from ..contacts.identify import identify
from .legs import close_from_finished_legs
from .lifecycle import OPEN_STATUSES

VIEW_ALL = "ringotel_crm.view_activity"
VIEW_OWN = "ringotel_crm.view_own_activity"
BATCH = 500


def may_view_calls(user: Any) -> bool:
    """Whether ``user`` may see any calls at all."""
    return bool(user.has_perm(VIEW_ALL) or user.has_perm(VIEW_OWN))


def visible_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """The calls that ``user`` may see: all of the tenant's, only those he or she took, or none."""
    calls = Activity.objects.all()
    if backend.tenant:
        calls = calls.filter(tenant=backend.tenant)
    if user.has_perm(VIEW_ALL):
        return calls
    return (
        calls.filter(agent_id__in=backend.users.user_ids_for([user]))
        if user.has_perm(VIEW_OWN)
        else calls.none()
    )


def calls_for_contacts(
    calls: QuerySet[Activity], references: QuerySet[Any] | list[Any], content_type_id: int
) -> QuerySet[Activity]:
    """Those of ``calls`` that point to one of these objects, given by their keys."""
    return calls.filter(
        contact_type=content_type_id, contact_id__in=[str(key) for key in references]
    )


def related_calls(calls: QuerySet[Activity], call: Activity) -> QuerySet[Activity]:
    """The others of ``calls`` with the same contact, or else with the same number."""
    if call.contact_id:
        found = calls.filter(contact_type=call.contact_type_id, contact_id=call.contact_id)
    elif number := call.outside_e164:
        found = calls.filter(Q(caller_e164=number) | Q(called_e164=number))
    else:
        return calls.none()
    return found.exclude(pk=call.pk)


@dataclass(frozen=True, kw_only=True, slots=True)
class CallTotals:
    """How many calls, how many seconds of talk, and when the last one was."""

    calls: int
    seconds: int
    last: dt.datetime | None


def call_totals(calls: QuerySet[Activity]) -> CallTotals:
    """In one query."""
    found = calls.order_by().aggregate(
        calls=Count("pk"), seconds=Sum("duration"), last=Max("start")
    )
    return CallTotals(calls=found["calls"], seconds=found["seconds"] or 0, last=found["last"])


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
                transaction.on_commit(
                    partial(signals.call_stopped.send_robust, sender=Activity, activity=call)
                )
    return closed


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerMatch:
    """A contact who has this number, or is reached by the number of his or her company."""

    number: str
    contact: ContactRecord
    by_company: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class CallerExplanation:
    """Why a number names this contact, or nobody."""

    candidates: tuple[str, ...] = ()
    refusal: phone.Refusal | None = None
    matches: tuple[CallerMatch, ...] = ()
    winner: ContactRecord | None = None


def explain_caller(backend: Backend, text: str) -> CallerExplanation:
    """Every step of :func:`~ringotel_crm.services.contacts.identify.identify`."""
    reading = phone.explain(text)
    if reading.refusal:
        return CallerExplanation(refusal=reading.refusal)
    pairs = backend.contacts.find(reading.candidates)
    by_company = not pairs
    pairs = pairs or backend.contacts.find_by_organization(reading.candidates)
    matches = (
        CallerMatch(number=number, contact=contact, by_company=by_company)
        for number, contact in pairs
    )
    return CallerExplanation(
        candidates=reading.candidates,
        matches=tuple(sorted(matches, key=lambda match: reading.candidates.index(match.number))),
        winner=identify(backend, text),
    )
