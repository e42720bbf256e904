"""The calls of a contact, for the host's own pages and jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Max, Model, Q, QuerySet, Sum

from ...backends import Backend
from ...models import Activity
from ..contacts.references import object_reference
from .access import contact_calls, visible_calls

# Calls of a contact that are counted.
MAX_CALLS = 10_000


def activities_for(contact: Model) -> QuerySet[Activity]:
    """Return the calls of an instance of the host's contact model, the latest first."""
    return Activity.objects.filter(**object_reference(contact).lookup)


def move_calls(source: Model, target: Model) -> int:
    """Assign the calls of ``source`` to ``target`` and return their number.

    Call it before ``source`` is deleted, for example when the two are merged. The contact names
    stored with the calls are not changed.
    """
    return activities_for(source).update(**object_reference(target).lookup)


def calls_for_contacts(
    calls: QuerySet[Activity], references: QuerySet[Any] | list[Any], content_type_id: int
) -> QuerySet[Activity]:
    """Return the ``calls`` that refer to objects of one content type with these primary keys."""
    return calls.filter(
        contact_type=content_type_id, contact_id__in=[str(key) for key in references]
    )


def related_calls(calls: QuerySet[Activity], call: Activity) -> QuerySet[Activity]:
    """Return the other ``calls`` with the same contact, or with the same number if it has none."""
    if call.contact_id:
        related = calls.filter(**call.contact_reference.lookup)
    elif number := call.outside_e164:
        related = calls.filter(Q(caller_e164=number) | Q(called_e164=number))
    else:
        return calls.none()
    return related.exclude(pk=call.pk)


def earlier_calls(backend: Backend, user: Any, call: Activity) -> QuerySet[Activity]:
    """Return the :func:`related_calls` that ``user`` may view, the latest first."""
    calls = contact_calls if call.contact_id else visible_calls
    return related_calls(calls(backend, user), call).order_by("-start", "-pk")


@dataclass(frozen=True, kw_only=True, slots=True)
class CallTotals:
    """Number of calls, talk time in seconds, and start of the latest call.

    ``is_cut`` is set if there are more than :data:`MAX_CALLS`: the figures are those of the latest.
    """

    calls: int
    seconds: int
    last: dt.datetime | None
    is_cut: bool


def call_totals(calls: QuerySet[Activity]) -> CallTotals:
    """Return the totals of ``calls``. One query."""
    latest = calls.order_by("-start")[: MAX_CALLS + 1]
    totals = latest.aggregate(calls=Count("pk"), seconds=Sum("duration"), last=Max("start"))
    return CallTotals(
        calls=min(totals["calls"], MAX_CALLS),
        seconds=totals["seconds"] or 0,
        last=totals["last"],
        is_cut=totals["calls"] > MAX_CALLS,
    )
