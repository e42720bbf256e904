"""Live states of Ringotel's users, by extension."""

from __future__ import annotations

import time
from collections.abc import Mapping

from ..conf import conf
from ..internal import cache
from ..records import Presence, RingotelUserRecord
from .api import Ringotel
from .transport import RingotelError

CACHE_KEY = "ringotel_crm:presence"
# States are read again after this many seconds, by one request at a time. The other requests see
# the last known states.
FRESH_SECONDS = 10
# Older states are not shown any more.
STALE_SECONDS = 60
TIMEOUT = 3


def get_presence() -> Mapping[str, Presence]:
    """Return the state of each user by extension, including attached ones. Empty if Ringotel is not
    configured, or cannot be reached."""
    if not (conf.RINGOTEL_API_KEY and conf.ORGANIZATION_ID):
        return {}
    cached = cache.get(CACHE_KEY)
    known: dict[str, Presence] = {}
    match cached:
        case {"at": float(at), "states": dict(states)}:
            values = set(map(int, Presence))
            known = {name: Presence(state) for name, state in states.items() if state in values}
            if time.time() - at < FRESH_SECONDS:
                return known
    if not cache.add(f"{CACHE_KEY}:reading", FRESH_SECONDS):
        return known
    try:
        users = Ringotel(timeout=TIMEOUT).get_users()
    except RingotelError:
        return known
    states = _states_by_extension(users)
    value = {"at": time.time(), "states": {name: int(state) for name, state in states.items()}}
    cache.set(CACHE_KEY, value, STALE_SECONDS)
    return states


def _states_by_extension(users: list[RingotelUserRecord]) -> dict[str, Presence]:
    """Return the states by extension; an attached extension has that of its owner."""
    states: dict[str, Presence] = {}
    for user in sorted(users, key=lambda user: bool(user.attached)):  # owners replace attached ones
        if user.is_person and user.presence is not None:
            states |= dict.fromkeys(user.extensions, user.presence)
    return states
