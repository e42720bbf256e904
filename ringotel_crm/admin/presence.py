"""Live states of the agents' phones."""

from __future__ import annotations

from ..records import Presence
from .html import badge


def presence_badge(presence: Presence | None) -> str:
    """Return the state as a badge; "" if it is not known."""
    if presence is None:
        return ""
    if not presence.can_ring:
        kind = "offline"
    elif presence in (Presence.BUSY, Presence.DIALING, Presence.RINGING, Presence.CONNECTED):
        kind = "busy"
    else:
        kind = "online"
    return badge(kind, str(presence.label))
