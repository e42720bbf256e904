"""The timeline of calls, notes and messages on a contact's page."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from typing import Any, TypeAlias
from urllib.parse import urlencode

from django.contrib.admin import AdminSite
from django.db.models import Exists, OuterRef, QuerySet

from ..models import Activity, Message, Note
from ..services.recordings.store import recordings_playable_by
from .base import admin_url

# The time, followed by exactly one of the three objects.
Entry: TypeAlias = tuple[dt.datetime, Activity | None, Note | None, Message | None]


def timeline(
    calls: Iterable[Activity], notes: Iterable[Note], messages: Iterable[Message]
) -> list[Entry]:
    """Return calls, notes and messages in one list, the latest first."""
    entries: list[Entry] = [
        *((call.start or call.created_at, call, None, None) for call in calls),
        *((note.created_at, None, note, None) for note in notes),
        *((message.at, None, None, message) for message in messages if message.at),
    ]
    return sorted(entries, key=lambda entry: entry[0], reverse=True)


def with_recordings(calls: QuerySet[Activity], user: Any) -> QuerySet[Activity]:
    """Load recordings with the calls and annotate ``ringotel_playable``: ``user`` may play it."""
    playable = recordings_playable_by(user).filter(activity=OuterRef("pk"), deletion_started=False)
    return calls.select_related("recording").annotate(
        ringotel_playable=Exists(playable.select_related(None).values("pk"))
    )


def call_list_url(site: AdminSite, **query: Any) -> str:
    """Return the URL of the list of calls with these query parameters, "" without such a page."""
    url = admin_url(site, "ringotel_crm_activity_changelist")
    return f"{url}?{urlencode(query)}" if url else ""
