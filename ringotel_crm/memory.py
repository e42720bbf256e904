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

REST = 10

Result = TypeVar("Result")

_resting_until = 0.0


def get(name: str) -> Any:
    """What is remembered under ``name``, or None."""
    return _ask(lambda: cache.get(name), None)


def get_many(names: Sequence[str]) -> dict[str, Any]:
    """Those of ``names`` that are remembered."""
    return _ask(lambda: cache.get_many(names), {})


def put(name: str, value: object, seconds: int) -> None:
    """Remember for so long."""
    _ask(lambda: cache.set(name, value, seconds), None)


def is_first(name: str, seconds: int) -> bool:
    """Whether nobody has asked this within so many seconds; False if the cache is down."""
    return _ask(lambda: cache.add(name, True, seconds), False)


def forget(name: str) -> None:
    """Remember it no longer."""
    _ask(lambda: cache.delete(name), None)


def count(name: str, seconds: int) -> int:
    """How many there are, with this one, if the first was within so many seconds; 0 if the cache is down."""

    def counted() -> int:
        try:
            return int(cache.incr(name))
        except ValueError:  # nearly always there is one
            cache.add(name, 0, seconds)
            return int(cache.incr(name))

    return _ask(counted, 0)


def uncount(name: str) -> None:
    """One less."""
    _ask(lambda: cache.decr(name), None)


def _ask(operation: Callable[[], Result], otherwise: Result) -> Result:
    global _resting_until
    now = time.monotonic()
    if now < _resting_until:
        return otherwise
    if _resting_until:
        _resting_until = now + REST
    try:
        result = operation()
    except ValueError:  # what was to be counted is gone already
        return otherwise
    except Exception:  # each cache has its own errors
        _resting_until = time.monotonic() + REST
        logger.warning("The cache is down: for %d seconds nothing is remembered or counted.", REST, exc_info=True)
        return otherwise
    _resting_until = 0.0
    return result
