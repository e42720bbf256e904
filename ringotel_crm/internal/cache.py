"""Django's cache, made safe for the call path: a cache that fails or hangs does not fail a request.

No function here raises. Cache only built-in types: an entry that another version of the code has
written is a miss if it cannot be read, and its reader must accept any value. After an error of the
cache itself, it is skipped for :data:`BACKOFF_SECONDS`, because each request would otherwise wait
for its timeout. Then a single request tries it again while the others continue to skip it.
"""

from __future__ import annotations

import logging
import pickle
import time
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from django.core.cache import cache

logger = logging.getLogger(__name__)

BACKOFF_SECONDS = 10

# What pickle raises for an entry whose class does not exist, or is not the same, in this version.
UNREADABLE = (pickle.UnpicklingError, AttributeError, EOFError, ImportError, IndexError, TypeError)

Result = TypeVar("Result")

# Value of time.monotonic() until which the cache is skipped; 0 while it works.
_backoff_until = 0.0


def get(name: str) -> Any:
    """Return the cached value of ``name``, or ``None``."""
    return _call(lambda: cache.get(name), default=None)


def get_many(names: Sequence[str]) -> dict[str, Any]:
    """Return the cached values among ``names``."""
    return _call(lambda: cache.get_many(names), default={})


def set(name: str, value: object, seconds: int) -> None:
    """Cache ``value`` for ``seconds``."""
    _call(lambda: cache.set(name, value, seconds), default=None)


def add(name: str, seconds: int) -> bool:
    """Return whether this is the first call with ``name`` within ``seconds``; ``False`` if the
    cache is down.
    """
    return _call(lambda: cache.add(name, True, seconds), default=False)


def delete(name: str) -> None:
    """Delete the cached value of ``name``, if any."""
    _call(lambda: cache.delete(name), default=None)


def increment(name: str, seconds: int) -> int:
    """Increment and return a counter that expires after ``seconds``; 0 if the cache is down."""

    def incremented() -> int:
        try:
            return int(cache.incr(name))
        except ValueError:  # the counter does not exist yet
            cache.add(name, 0, seconds)
            return int(cache.incr(name))

    return _call(incremented, default=0)


def decrement(name: str) -> None:
    """Decrement the counter ``name``, if it exists."""
    _call(lambda: cache.decr(name), default=None)


def _call(operation: Callable[[], Result], *, default: Result) -> Result:
    global _backoff_until
    now = time.monotonic()
    if now < _backoff_until:
        return default
    if _backoff_until:
        _backoff_until = now + BACKOFF_SECONDS
    try:
        result = operation()
    except ValueError:  # the counter has expired
        return default
    except UNREADABLE:
        logger.info("An entry of the cache cannot be read: ignored.", exc_info=True)
        return default
    except Exception:  # cache backends have no common error class
        _backoff_until = time.monotonic() + BACKOFF_SECONDS
        logger.warning(
            "The cache is down: not used for %d seconds.", BACKOFF_SECONDS, exc_info=True
        )
        return default
    _backoff_until = 0.0
    return result
