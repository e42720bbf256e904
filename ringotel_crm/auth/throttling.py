"""How often somebody may be wrong, and how often somebody may ask: counted in Django's cache, for one minute each.

Failures count by address, and by address and user name together. Not by user name alone, or anybody could lock a
customer out from anywhere. Nothing is counted for a valid key, a valid token and a password that is remembered.
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

WINDOW = 60  # seconds


class LoginAttempt:
    """An attempt to authenticate. It counts as a failure from its beginning, so that none of many at once slips by.

    With the cache down nothing is counted and nobody is kept out. ``by_address``: whether it counts against whoever
    else has this address, too.
    """

    def __init__(
        self, request: Request | HttpRequest, username: str = "", *, by_address: bool = True
    ) -> None:
        address = client_ip(request)
        self.counters = (
            [(_name("address", address), conf.AUTH_FAILURES_PER_MINUTE_BY_IP)] if by_address else []
        )
        if username:
            self.counters.append(
                (_name("username", address, username), conf.AUTH_FAILURES_PER_MINUTE_BY_USERNAME)
            )

    def is_blocked(self) -> bool:
        """Whether there were too many failures before."""
        return any(limit and int(cache.get(name) or 0) >= limit for name, limit in self.counters)

    def check_and_count(self) -> None:
        """Raises ``Throttled`` after too many failures."""
        for name, limit in self.counters:  # a blocked address makes no counters of user names
            if limit and cache.increment(name, 2 * WINDOW) > limit:
                raise Throttled(seconds_left())

    def forgive(self) -> None:
        """It was none."""
        for name, limit in self.counters:
            if limit:
                cache.decrement(name)


class CallerThrottle(BaseThrottle):
    """At most ``REQUESTS_PER_MINUTE`` for each key, or user."""

    def allow_request(self, request: Request, view: Any) -> bool:
        """Counts this one."""
        caller = (request.user.pk, getattr(request.auth, "pk", ""))
        return cache.increment(_name("caller", *caller), 2 * WINDOW) <= conf.REQUESTS_PER_MINUTE

    def wait(self) -> float:
        """Seconds until the next minute begins."""
        return seconds_left()


def client_ip(request: Request | HttpRequest) -> str:
    """The client's address; of IPv6 the network, because a single customer has more addresses than can be counted."""
    given = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    # What stands further left than our own proxies wrote is the client's invention.
    forwarded = given[-min(conf.NUM_PROXIES, len(given))].strip() if conf.NUM_PROXIES else ""
    text: str = forwarded or request.META.get("REMOTE_ADDR", "")
    try:
        address = ipaddress.ip_address(text)
    except ValueError:  # behind a Unix socket there is none
        return text
    if isinstance(address, ipaddress.IPv6Address):
        mapped = address.ipv4_mapped
        return str(mapped or ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def _name(*facts: object) -> str:
    # With the number of the minute, because some caches forget at a count when the counter ends.
    minute = int(time.time() // WINDOW)
    return f"ringotel_crm.auth.throttling.{hashlib.sha256(repr((minute, facts)).encode(errors='replace')).hexdigest()}"


def seconds_left() -> int:
    """Until the minute is over in which failures are counted."""
    return WINDOW - int(time.time() % WINDOW)
