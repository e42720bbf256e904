"""Django's cache, for what may be forgotten: one that is down, or hangs, must not cost a call.

Nothing in here raises. After a failure the cache is left alone for :data:`REST` seconds, because otherwise each request
waited for its time-out. Then one request asks it again, and the others still go on without.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.cache import cache

logger = logging.getLogger(__name__)

BACKOFF_SECONDS = 10

Result = TypeVar("Result")

_backoff_until = 0.0


def get(name: str) -> Any:
    """What is remembered under ``name``, or None."""
    return _call(lambda: cache.get(name), None)


def get_many(names: Sequence[str]) -> dict[str, Any]:
    """Those of ``names`` that are remembered."""
    return _call(lambda: cache.get_many(names), {})


def set(name: str, value: object, seconds: int) -> None:
    """Remember for so long."""
    _call(lambda: cache.set(name, value, seconds), None)


def add(name: str, seconds: int) -> bool:
    """Whether nobody has asked this within so many seconds; False if the cache is down."""
    return _call(lambda: cache.add(name, True, seconds), False)


def delete(name: str) -> None:
    """Remember it no longer."""
    _call(lambda: cache.delete(name), None)


def increment(name: str, seconds: int) -> int:
    """How many there are, with this one, if the first was within so many seconds; 0 if the cache is down."""

    def counted() -> int:
        try:
            return int(cache.incr(name))
        except ValueError:  # nearly always there is one
            cache.add(name, 0, seconds)
            return int(cache.incr(name))

    return _call(counted, 0)


def decrement(name: str) -> None:
    """One less."""
    _call(lambda: cache.decr(name), None)


def _call(operation: Callable[[], Result], otherwise: Result) -> Result:
    global _backoff_until
    now = time.monotonic()
    if now < _backoff_until:
        return otherwise
    if _backoff_until:
        _backoff_until = now + BACKOFF_SECONDS
    try:
        result = operation()
    except ValueError:  # what was to be counted is gone already
        return otherwise
    except Exception:  # each cache has its own errors
        _backoff_until = time.monotonic() + BACKOFF_SECONDS
        logger.warning(
            "The cache is down: for %d seconds nothing is remembered or counted.",
            BACKOFF_SECONDS,
            exc_info=True,
        )
        return otherwise
    _backoff_until = 0.0
    return result
