"""The calls of a contact, for the host's own pages and jobs."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass
from typing import Any

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count, Max, Model, Q, QuerySet, Sum

from ...models import Activity


def activities_for(contact: Model) -> QuerySet[Activity]:
    """The calls that point to this instance of the host's contact model, the latest first."""
    kind = ContentType.objects.get_for_model(contact)
    return Activity.objects.filter(contact_type=kind, contact_id=str(contact.pk))


def move_calls(source: Model, target: Model) -> int:
    """Point the calls of ``source`` to ``target``, as when the two are merged; call it before ``source`` is deleted.

    The names that the calls show stay as they are. Returns how many calls were moved.
    """
    kind = ContentType.objects.get_for_model(target)
    return activities_for(source).update(contact_type=kind, contact_id=str(target.pk))


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
