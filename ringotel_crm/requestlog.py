"""The last requests at each door, for people who set up the connection.

Kept in Django's cache and not in the database: a request must not pay a write for it. So each process shows its own
unless ``CACHES`` is shared.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from django.utils import timezone

from . import memory

SIZE = 50
WEEK = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """One request. ``user_id`` is "" for a stranger; ``number`` is masked; ``code`` and ``fields`` tell what failed."""

    door: str
    at: dt.datetime
    action: str
    status: int
    milliseconds: float
    user_id: str = ""
    number: str = ""
    code: str = ""
    fields: tuple[str, ...] = ()


def _keys(door: str) -> tuple[str, list[str]]:
    """The cache's names of the count of requests, and of the places that they take in turn."""
    count = f"ringotel_crm:requests:{door}"
    return count, [f"{count}:{place}" for place in range(SIZE)]


def note(door: str, action: str, status: int, milliseconds: float, **facts: object) -> None:
    """Keep this one, in the place of the oldest."""
    entry = Entry(door=door, at=timezone.now(), action=action, status=status, milliseconds=milliseconds, **facts)  # type: ignore[arg-type]
    count, places = _keys(door)
    if number := memory.count(count, WEEK):
        memory.put(places[number % SIZE], entry, WEEK)


def last(*doors: str) -> list[Entry]:
    """Those of these doors, the latest first."""
    entries: list[Entry] = list(memory.get_many([key for door in doors for key in _keys(door)[1]]).values())
    return sorted(entries, key=lambda entry: entry.at, reverse=True)
