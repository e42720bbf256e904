"""Client for Ringotel's Admin and Messaging API."""

from __future__ import annotations

from .api import Ringotel
from .transport import (
    InvalidResponse,
    NotConfigured,
    RingotelApiError,
    RingotelAuthenticationError,
    RingotelConnectionError,
    RingotelError,
)

__all__ = [
    "InvalidResponse",
    "NotConfigured",
    "Ringotel",
    "RingotelApiError",
    "RingotelAuthenticationError",
    "RingotelConnectionError",
    "RingotelError",
]
