"""The timeline of calls, notes, follow-ups and messages on a contact's page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Exists, OuterRef, Prefetch, QuerySet

from ..models import Activity, FollowUp, Message
from ..services.recordings.store import recordings_playable_by
from .base import admin_url

# The time, the kind and the object.
Entry: TypeAlias = tuple[dt.datetime, str, Any]


def timeline(**kinds: Iterable[Any]) -> list[Entry]:
    """Return the objects of all kinds, such as ``call`` and ``note``, the latest first."""
    entries = [
        (time, kind, entry)
        for kind, objects in kinds.items()
        for entry in objects
        if (time := _time(entry))
    ]
    return sorted(entries, key=lambda entry: entry[0], reverse=True)


def _time(entry: Any) -> dt.datetime | None:
    match entry:
        case Activity():
            return entry.start or entry.created_at
        case Message():
            return entry.at
    time: dt.datetime = entry.created_at
    return time


def follow_ups_visible_to(user: Any) -> QuerySet[FollowUp]:
    """Return all follow-ups with their persons; none if ``user`` may not view follow-ups."""
    if not user.has_perm("ringotel_crm.view_followup"):
        return FollowUp.objects.none()
    return FollowUp.objects.select_related("assignee")


def follow_ups_of_calls(user: Any) -> Prefetch[Any]:
    """Load the follow-ups of calls into their attribute ``ringotel_follow_ups``."""
    return Prefetch("follow_ups", follow_ups_visible_to(user), to_attr="ringotel_follow_ups")


def with_recordings(calls: QuerySet[Activity], user: Any) -> QuerySet[Activity]:
    """Load recordings with the calls and annotate ``ringotel_playable``: ``user`` may play it."""
    playable = recordings_playable_by(user).filter(activity=OuterRef("pk"), deletion_started=False)
    return calls.select_related("recording").annotate(
        ringotel_playable=Exists(playable.select_related(None).values("pk"))
    )


def mark_hidden(calls: list[Activity], visible: QuerySet[Activity]) -> None:
    """Set ``ringotel_is_hidden`` of ``calls`` that the user sees, but whose page is not visible."""
    pks = {
        *visible.order_by().filter(pk__in=[call.pk for call in calls]).values_list("pk", flat=True)
    }
    for call in calls:
        call.ringotel_is_hidden = call.pk not in pks  # type: ignore[attr-defined]


def call_list_url(site: AdminSite, **query: Any) -> str:
    """Return the URL of the list of calls with these query parameters, "" without such a page."""
    url = admin_url(site, "ringotel_crm_activity_changelist")
    return f"{url}?{urlencode(query)}" if url else ""
