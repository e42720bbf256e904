"""Callers to call back.

The list is derived from the calls whenever it is read, because their events arrive late, repeated
and out of order. A caller is listed while an inbound call of the last
:setting:`CALLBACK_DAYS` days is missed, no user has spoken with the number since, in either
direction, and the call is not done::

    09:00  missed                         listed: 1 call
    09:05  missed                         listed: 2 calls
    09:10  outbound, answered             not listed
    11:00  missed                         listed: 1 call
    11:05  a user selects "Done"          not listed

Only who is on a caller, and which calls are done, is stored, as :class:`Callback`.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Any, TypeAlias

from django.db.models import Exists, OuterRef, Q, QuerySet, Subquery
from django.utils import timezone

from ... import databases
from ...backends import Backend
from ...conf import conf
from ...internal import cache
from ...models import Activity, Callback, CallLeg
from ...models.search import first_keys
from ...records import Status
from .. import locks
from .access import VIEW_ALL, VIEW_OWN, all_calls, own_conditions, visible_calls
from .states import MISSED

# Calls per caller whose phones, voicemail and comment are read.
MAX_CALLS = 10
MAX_DONE = 20
# Age of the comments that are shown.
COMMENT_DAYS = 90
# The latest missed calls among which a number of callers is sought, for each of them.
MISSED_PER_CALLER = 20
# Missed calls that the list consists of, at most: the latest ones.
MAX_WAITING = 1000
# The menu shows "99+" for more.
MAX_COUNT = 99
COUNT_SECONDS = 30

CallerKey: TypeAlias = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class MissedCaller:
    """A caller to call back, with all missed calls counted and the latest ``calls``.

    ``phones`` are the agents whose phones rang, by name, else their extensions. ``last_comment`` is
    that of the latest call with the number, answered or not. ``taken_by`` is None if no user is on
    it.
    """

    count: int
    calls: list[Activity]
    phones: list[str]
    last_comment: str
    taken_by: Any

    @property
    def last_call(self) -> Activity:
        return self.calls[0]

    @property
    def number(self) -> str:
        """The caller's number in E.164."""
        return self.last_call.caller_e164

    @property
    def voicemail(self) -> Activity | None:
        """The latest voicemail among the calls."""
        return next((call for call in self.calls if call.status == Status.VOICEMAIL), None)


def callers_to_call_back(
    backend: Backend, user: Any, *, limit: int, offset: int = 0
) -> list[MissedCaller]:
    """Return the callers that ``user`` may see, the latest first."""
    waiting = list(islice(_first_callers(backend, user, offset + limit).items(), offset, None))
    keys = [pk for _key, found in waiting for pk, _start in found[:MAX_CALLS]]
    calls = Activity.objects.prefetch_related("legs").in_bulk(keys)
    # A call may have been deleted since.
    waiting = [(key, found) for key, found in waiting if found[0][0] in calls]
    comments = _last_comments(visible_calls(backend, user), [found[0][0] for _, found in waiting])
    rows = Callback.objects.filter(e164__in=[number for (_, number), _ in waiting])
    states = {(row.tenant, row.e164): row for row in rows.select_related("taken_by")}
    return [
        MissedCaller(
            count=len(found),
            calls=(latest := [calls[pk] for pk, _start in found[:MAX_CALLS] if pk in calls]),
            phones=_phones(latest),
            last_comment=comments.get(key, ""),
            taken_by=_taker(states.get(key), first=found[-1][1]),
        )
        for key, found in waiting
    ]


def count_callers(backend: Backend, user: Any) -> int:
    """Return the number of callers that ``user`` may see, at most :data:`MAX_COUNT` + 1.

    Cached for :data:`COUNT_SECONDS`.
    """
    name = _cache_name(backend, user)
    count = cache.get(name)
    if not isinstance(count, int):
        count = min(len(_waiting_callers(backend, user)), MAX_COUNT + 1)
        cache.set(name, count, COUNT_SECONDS)
    return count


def count_without_number(backend: Backend, user: Any) -> int:
    """Return the number of missed calls without a phone number, at most :data:`MAX_COUNT` + 1."""
    calls = _missed_calls(backend, user).filter(caller_e164="").order_by()
    return _first(backend, user, calls, MAX_COUNT + 1).count()


def find_missed_call(backend: Backend, user: Any, pk: int) -> Activity | None:
    """Return a missed call that ``user`` may see in the list, waiting or not."""
    return _missed_calls(backend, user).exclude(caller_e164="").filter(pk=pk).first()


def take(backend: Backend, user: Any, call: Activity, *, replace: bool = False) -> Any:
    """Record that ``user`` is on the caller of ``call``.

    Returns the user who is: another one, if that user was first and ``replace`` is not set. None if
    the caller has left the list.
    """
    waiting = _waiting_calls(backend, user).filter(tenant=call.tenant, caller_e164=call.caller_e164)
    first = waiting.order_by("start").values_list("start", flat=True).first()
    if first is None:
        return None

    def write(row: Callback) -> Any:
        taker = _taker(row, first=first)
        if taker is None or replace:
            row.taken_by, row.taken_at = user, timezone.now()
        return row.taken_by

    return _write(backend, user, call, write)


def release(backend: Backend, user: Any, call: Activity) -> None:
    """Undo :func:`take`, if ``user`` is on the caller of ``call``."""

    def write(row: Callback) -> None:
        if row.taken_by == user:
            row.taken_by = row.taken_at = None

    _write(backend, user, call, write)


def mark_done(backend: Backend, user: Any, call: Activity) -> None:
    """Take the caller of ``call`` off the list, up to this call: a later one is listed again."""

    def write(row: Callback) -> None:
        if call.start and (row.done_until is None or call.start > row.done_until):
            row.done_until_before, row.done_until = row.done_until, call.start
            row.done_by, row.done_at = user, timezone.now()

    _write(backend, user, call, write)


def reopen(backend: Backend, user: Any, call: Activity) -> None:
    """Undo :func:`mark_done` of ``call``."""

    def write(row: Callback) -> None:
        if row.done_until == call.start:
            row.done_until, row.done_until_before = row.done_until_before, None
            row.done_by = row.done_at = None

    _write(backend, user, call, write)


def done_calls(backend: Backend, user: Any) -> list[tuple[Callback, Activity]]:
    """Return the latest callers that were marked as done, each with the last call that is done."""
    rows = Callback.objects.filter(done_until__gte=_cutoff()).select_related("done_by")
    if backend.tenant:
        rows = rows.filter(tenant=backend.tenant)
    latest = list(rows.order_by("-done_at")[:MAX_DONE])
    numbers, starts = {row.e164 for row in latest}, {row.done_until for row in latest}
    calls = _missed_calls(backend, user).filter(caller_e164__in=numbers, start__in=starts)
    found = {(call.tenant, call.caller_e164, call.start): call for call in calls}
    keyed = [(row, found.get((*_key(row), row.done_until))) for row in latest]
    return [(row, call) for row, call in keyed if call]


def spoken_since(start: dt.datetime) -> tuple[Exists, Exists]:
    """Return conditions for calls: a user has spoken with the caller after the call.

    The conversations started after ``start``, which must be before all of the calls.
    """
    spoken = Activity.objects.filter(
        tenant=OuterRef("tenant"),
        status=Status.ANSWERED,
        start__gt=OuterRef("start"),
    ).filter(start__gt=start)
    number = OuterRef("caller_e164")
    return Exists(spoken.filter(caller_e164=number)), Exists(spoken.filter(called_e164=number))


def _key(row: Callback) -> CallerKey:
    return row.tenant, row.e164


def _cutoff() -> dt.datetime:
    return timezone.now() - dt.timedelta(days=conf.CALLBACK_DAYS)


def _missed_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the latest missed calls of the tenant; for a user who may view own calls only, those
    for which the user's phone rang."""
    calls = all_calls(backend).filter(MISSED, start__gte=_cutoff())
    if user.has_perm(VIEW_ALL):
        return calls
    if not user.has_perm(VIEW_OWN):
        return calls.none()
    ids = backend.users.user_ids_for([user])
    legs = CallLeg.objects.filter(activity=OuterRef("pk"), agent_id__in=ids)
    return calls.filter(Q(agent_id__in=ids) | Exists(legs))


def _waiting_calls(backend: Backend, user: Any) -> QuerySet[Activity]:
    """Return the missed calls that the list consists of."""
    inbound, outbound = spoken_since(_cutoff())
    done = Callback.objects.filter(
        tenant=OuterRef("tenant"), e164=OuterRef("caller_e164"), done_until__gte=OuterRef("start")
    )
    calls = _missed_calls(backend, user).exclude(caller_e164="")
    return calls.filter(~inbound, ~outbound, ~Exists(done))


def _first_callers(
    backend: Backend, user: Any, limit: int
) -> dict[CallerKey, list[tuple[int, Any]]]:
    """Return the first ``limit`` of :func:`_waiting_callers`.

    Of all calls, they are sought among the latest missed ones. Then only the other calls of these
    callers are read, or all calls if these callers are too few.
    """
    limit = min(limit, MAX_WAITING)
    if not user.has_perm(VIEW_ALL):
        return dict(islice(_waiting_callers(backend, user).items(), limit))
    missed = _missed_calls(backend, user).exclude(caller_e164="").order_by("-start", "-pk")
    keys = list(missed.values_list("pk", flat=True)[: MISSED_PER_CALLER * limit])
    found = _waiting_callers(backend, user, Q(pk__in=keys))
    if len(keys) == MISSED_PER_CALLER * limit:  # there are more
        numbers = [number for _tenant, number in islice(found, limit)]
        if len(numbers) == limit:
            every = _waiting_callers(backend, user, Q(caller_e164__in=numbers))
            found = {key: every[key] for key in found if key in every}
        else:
            found = _waiting_callers(backend, user)
    return dict(islice(found.items(), limit))


def _waiting_callers(
    backend: Backend, user: Any, among: Q | None = None
) -> dict[CallerKey, list[tuple[int, Any]]]:
    """Return primary key and start of the missed calls of each caller, the latest first; of those
    calls that meet the condition ``among``, or of all.

    They are grouped here, because SQLite would read the whole table for a GROUP BY.
    """
    waiting = _waiting_calls(backend, user).order_by("-start", "-pk").filter(among or Q())
    calls = _first(backend, user, waiting, MAX_WAITING)
    callers: dict[CallerKey, list[tuple[int, Any]]] = {}
    for tenant, e164, pk, start in calls.values_list("tenant", "caller_e164", "pk", "start"):
        callers.setdefault((tenant, e164), []).append((pk, start))
    return callers


def _first(
    backend: Backend, user: Any, calls: QuerySet[Activity], limit: int
) -> QuerySet[Activity]:
    """Return the first ``limit`` of ``calls``. Those of a user are looked up by index."""
    if conditions := own_conditions(backend, user, since=_cutoff()):
        calls = calls.filter(pk__in=first_keys(calls, conditions, limit))
    return calls[:limit]


def _last_comments(calls: QuerySet[Activity], keys: list[int]) -> dict[CallerKey, str]:
    """Return the latest comment among ``calls`` for the caller of each call in ``keys``.

    Comments of more than :data:`COMMENT_DAYS` days ago are left out: a frequent caller may have
    many calls without a comment.
    """
    since = timezone.now() - dt.timedelta(days=COMMENT_DAYS)
    commented = calls.filter(tenant=OuterRef("tenant"), start__gte=since).exclude(comment="")
    number = OuterRef("caller_e164")
    inbound, outbound = commented.filter(caller_e164=number), commented.filter(called_e164=number)
    found = list(
        Activity.objects.filter(pk__in=keys)
        .annotate(
            inbound=Subquery(inbound.order_by("-start").values("pk")[:1]),
            outbound=Subquery(outbound.order_by("-start").values("pk")[:1]),
        )
        .values_list("tenant", "caller_e164", "inbound", "outbound")
    )
    latest = Activity.objects.filter(pk__in=[pk for row in found for pk in row[2:] if pk])
    rows = latest.values_list("pk", "start", "comment")
    comments = {pk: (start, comment) for pk, start, comment in rows}
    return {
        (tenant, e164): max(comments[pk] for pk in pks if pk in comments)[1]
        for tenant, e164, *pks in found
        if any(pk in comments for pk in pks)
    }


def _phones(calls: Iterable[Activity]) -> list[str]:
    """Return the agents whose phones rang, by name or extension, without repetition."""
    names = [leg.agent_name or leg.extension for call in calls for leg in call.legs.all()]
    names += [call.agent_name or call.extension for call in calls if not call.legs.all()]
    return list(dict.fromkeys(filter(None, names)))


def _taker(row: Callback | None, *, first: dt.datetime) -> Any:
    """Return the user who is on the caller: one of an earlier series of calls is not."""
    return row.taken_by if row and row.taken_at and row.taken_at >= first else None


def _write(backend: Backend, user: Any, call: Activity, change: Callable[[Callback], Any]) -> Any:
    """Change the locked row of the caller of ``call``, and return what ``change`` returns."""
    with databases.atomic():
        key = {"tenant": call.tenant, "e164": call.caller_e164}
        locks.upsert(Callback(**key), key=[*key], update_field="updated_at")
        row = Callback.objects.select_related("taken_by").get(**key)
        result = change(row)
        row.save()
    cache.delete(_cache_name(backend, user))
    return result


def _cache_name(backend: Backend, user: Any) -> str:
    """Return the name of the count in the cache: one for all users who may view all calls."""
    viewer = "all" if user.has_perm(VIEW_ALL) else user.pk
    return f"ringotel_crm:callbacks:{backend.tenant}:{viewer}"
