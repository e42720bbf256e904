"""Door 4: Ringotel's Admin and Messaging API."""

from __future__ import annotations

from .api import BadAnswer, NotConfigured, Refused, Rejected, Ringotel, RingotelError, Unreachable

__all__ = ["BadAnswer", "NotConfigured", "Refused", "Rejected", "Ringotel", "RingotelError", "Unreachable"]
