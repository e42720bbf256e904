"""The latest requests to each integration, for the people who set up the connection, and a line in
the log for each.

Kept in Django's cache rather than the database, so that logging a request costs no query. Without a
shared cache in ``CACHES``, each process shows its own requests only.
"""

from __future__ import annotations

import datetime as dt
import logging
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from . import cache

logger = logging.getLogger("ringotel_crm.requests")

LINE = (
    "%(integration)s %(action)s status=%(status)d milliseconds=%(milliseconds).0f "
    "user_id=%(user_id)s number=%(number)s code=%(code)s fields=%(fields)s"
)

# Requests kept for each integration.
MAX_ENTRIES = 50

# Seconds.
TIMEOUT = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True)
class Entry:
    """A request. ``user_id`` is "" if it was not authenticated; ``number`` is masked; ``code`` and
    ``fields`` are those of the error.
    """

    integration: str
    at: dt.datetime
    action: str
    status: int
    milliseconds: float
    user_id: str = ""
    number: str = ""
    code: str = ""
    fields: tuple[str, ...] = ()


def record(
    integration: str, action: str, status: int, milliseconds: float, **details: object
) -> None:
    """Log a request, replacing the oldest one. ``details``: further fields of :class:`Entry`."""
    entry = Entry(
        integration=integration,
        at=timezone.now(),
        action=action,
        status=status,
        milliseconds=milliseconds,
        **details,  # type: ignore[arg-type]
    )
    if logger.isEnabledFor(logging.INFO):
        logger.info(LINE, vars(entry), extra=vars(entry))
    if number := cache.increment(_counter_key(integration), TIMEOUT):
        cache.set(_entry_key(integration, number), vars(entry), TIMEOUT)


def recent(*integrations: str) -> list[Entry]:
    """Return the logged requests to ``integrations``, latest first."""
    keys = [
        _entry_key(integration, number)
        for integration in integrations
        for number in range(MAX_ENTRIES)
    ]
    entries = [entry for value in cache.get_many(keys).values() if (entry := _parse_entry(value))]
    return sorted(entries, key=lambda entry: entry.at, reverse=True)


def _parse_entry(value: Any) -> Entry | None:
    """Return a cached entry, ``None`` for one of a version with other fields."""
    try:
        return Entry(**value)
    except TypeError:
        return None


def _counter_key(integration: str) -> str:
    return f"ringotel_crm:request_log:{integration}"


def _entry_key(integration: str, number: int) -> str:
    """Return the cache key of request ``number``; keys are reused after :data:`MAX_ENTRIES`
    requests.
    """
    return f"{_counter_key(integration)}:{number % MAX_ENTRIES}"
