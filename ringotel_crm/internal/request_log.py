"""The last requests at each integration, for people who set up the connection.

Kept in Django's cache and not in the database: a request must not pay a write for it. So each process shows its own
unless ``CACHES`` is shared.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from . import cache

MAX_ENTRIES = 50
TIMEOUT = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One request. ``user_id`` is "" for a stranger; ``number`` is masked; ``code`` and ``fields`` tell what failed."""

    integration: str
    at: dt.datetime
    action: str
    status: int
    milliseconds: float
    user_id: str = ""
    number: str = ""
    code: str = ""
    fields: tuple[str, ...] = ()


def _counter_key(integration: str) -> str:
    """The cache's name of the count of requests."""
    return f"ringotel_crm:requests:{integration}"


def _entry_key(integration: str, number: int) -> str:
    """The cache's name of the place that the request with this number takes."""
    return f"{_counter_key(integration)}:{number % MAX_ENTRIES}"


def record(
    integration: str, action: str, status: int, milliseconds: float, **facts: object
) -> None:
    """Keep this one, in the place of the oldest."""
    entry = Entry(
        integration=integration,
        at=timezone.now(),
        action=action,
        status=status,
        milliseconds=milliseconds,
        **facts,  # type: ignore[arg-type]
    )
    if number := cache.increment(_counter_key(integration), TIMEOUT):
        cache.set(_entry_key(integration, number), entry, TIMEOUT)


def recent(*integrations: str) -> list[Entry]:
    """Those of these integrations, the latest first."""
    places = [
        _entry_key(integration, number)
        for integration in integrations
        for number in range(MAX_ENTRIES)
    ]
    entries: list[Entry] = list(cache.get_many(places).values())
    return sorted(entries, key=lambda entry: entry.at, reverse=True)
