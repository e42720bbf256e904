"""Limits on failed authentications and on requests, counted per minute in Django's cache.

Failures count by IP address, and by IP address and username together; not by username alone, which
would let anyone lock out a user. Nothing is counted for valid keys, valid tokens and cached
passwords.
"""

from __future__ import annotations

import hashlib
import ipaddress
import time
from typing import Any

from django.http import HttpRequest
from rest_framework.exceptions import Throttled
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle

from ..conf import conf
from ..internal import cache

# Seconds.
WINDOW = 60


class LoginAttempt:
    """An authentication attempt. Counted as a failure up front, so that concurrent attempts cannot
    slip through.

    Nothing is counted or throttled while the cache is down. ``by_ip=False`` counts by IP address
    and username together only.
    """

    def __init__(
        self, request: Request | HttpRequest, username: str = "", *, by_ip: bool = True
    ) -> None:
        ip = client_ip(request)
        # Cache key and limit of each counter.
        self.counters: list[tuple[str, int]] = []
        if by_ip:
            self.counters.append((_cache_key("ip", ip), conf.AUTH_FAILURES_PER_MINUTE_BY_IP))
        if username:
            key = _cache_key("username", ip, username)
            self.counters.append((key, conf.AUTH_FAILURES_PER_MINUTE_BY_USERNAME))

    def is_blocked(self) -> bool:
        """Return whether there were too many failures, without counting this attempt."""
        return any(limit and int(cache.get(key) or 0) >= limit for key, limit in self.counters)

    def check_and_count(self) -> None:
        """Count this attempt as a failure. Raises ``Throttled`` after too many failures."""
        for key, limit in self.counters:  # a blocked IP address creates no counters of usernames
            if limit and cache.increment(key, 2 * WINDOW) > limit:
                raise Throttled(seconds_left())

    def forgive(self) -> None:
        """Undo the count: the attempt succeeded."""
        for key, limit in self.counters:
            if limit:
                cache.decrement(key)


class CallerThrottle(BaseThrottle):
    """Allow ``REQUESTS_PER_MINUTE`` for each API key, or for each user without a key."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Count this request."""
        key = _cache_key("caller", request.user.pk, getattr(request.auth, "pk", ""))
        return cache.increment(key, 2 * WINDOW) <= conf.REQUESTS_PER_MINUTE

    def wait(self) -> float:
        """Return the seconds until the next minute."""
        return seconds_left()


def client_ip(request: Request | HttpRequest) -> str:
    """Return the IP address of the client; for IPv6 its /64 network, every address of which one
    client can use.

    With ``NUM_PROXIES`` it is read from ``X-Forwarded-For``, that many entries from the end.
    """
    entries = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # Entries before those of our own proxies can be forged by the client.
    forwarded = entries[-min(conf.NUM_PROXIES, len(entries))].strip() if conf.NUM_PROXIES else ""
    text: str = forwarded or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # a Unix socket has no address
        return text
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def seconds_left() -> int:
    """Return the seconds until the next minute, in which counting starts again."""
    return WINDOW - int(time.time() % WINDOW)


def _cache_key(*parts: object) -> str:
    # The key contains the minute, because some caches extend the lifetime of a counter when it is
    # incremented.
    minute = int(time.time() // WINDOW)
    digest = hashlib.sha256(repr((minute, parts)).encode(errors="replace")).hexdigest()
    return f"ringotel_crm.auth.throttling.{digest}"
