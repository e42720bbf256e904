"""The error envelope of the APIs, and the HTTP status of each
:class:`~ringotel_crm.exceptions.CRMError`.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

from django.db import InterfaceError, OperationalError
from django.utils.translation import gettext as _

from ..exceptions import (
    CRMError,
    FetchError,
    InvalidInput,
    LengthRequired,
    NotFound,
    ServiceUnavailable,
    TooLarge,
    UnderLegalHold,
    Unsupported,
    UnsupportedMediaType,
)

logger = logging.getLogger(__name__)

# Raised while the database is down, restarts, or aborts a transaction that can be repeated.
DATABASE_ERRORS = (OperationalError, InterfaceError)

# Seconds after which a client may repeat a request that was answered 503.
RETRY_AFTER = 5

STATUS_CODES: dict[type[CRMError], int] = {
    InvalidInput: 400,
    NotFound: 404,
    UnderLegalHold: 409,
    LengthRequired: 411,
    TooLarge: 413,
    UnsupportedMediaType: 415,
    Unsupported: 501,
    FetchError: 502,
    ServiceUnavailable: 503,
}


def status_code(exc: CRMError) -> int:
    """Return the HTTP status of ``exc``; a subclass has the status of its closest base in the
    table.

    Raises ``KeyError`` for a class without such a base.
    """
    base = next((base for base in type(exc).__mro__ if base in STATUS_CODES), type(exc))
    return STATUS_CODES[base]


def database_unavailable(exc: Exception) -> ServiceUnavailable:
    """Log one of :data:`DATABASE_ERRORS` and return the error to respond with."""
    logger.error("The database is not available.", exc_info=exc)
    return ServiceUnavailable(_("The database is not available. Try again later."))


def error_body(
    code: str, message: str, fields: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return ``{"error": {"code": ..., "message": ..., "fields": {name: [message, ...]}}}``."""
    return {"error": {"code": code, "message": message, "fields": dict(fields or {})}}
