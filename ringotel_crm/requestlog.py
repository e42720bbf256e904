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


def _name(door: str) -> str:
    """The cache's name of the count of requests."""
    return f"ringotel_crm:requests:{door}"


def _place(door: str, number: int) -> str:
    """The cache's name of the place that the request with this number takes."""
    return f"{_name(door)}:{number % SIZE}"


def note(door: str, action: str, status: int, milliseconds: float, **facts: object) -> None:
    """Keep this one, in the place of the oldest."""
    entry = Entry(door=door, at=timezone.now(), action=action, status=status, milliseconds=milliseconds, **facts)  # type: ignore[arg-type]
    if number := memory.count(_name(door), WEEK):
        memory.put(_place(door, number), entry, WEEK)


def last(*doors: str) -> list[Entry]:
    """Those of these doors, the latest first."""
    places = [_place(door, number) for door in doors for number in range(SIZE)]
    entries: list[Entry] = list(memory.get_many(places).values())
    return sorted(entries, key=lambda entry: entry.at, reverse=True)
