"""The error envelope of the APIs, and the HTTP status of each
:class:`~ringotel_crm.exceptions.CRMError`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

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


def error_body(
    code: str, message: str, fields: Mapping[str, Sequence[str]] | None = None
) -> dict[str, Any]:
    """Return ``{"error": {"code": ..., "message": ..., "fields": {name: [message, ...]}}}``."""
    return {"error": {"code": code, "message": message, "fields": dict(fields or {})}}
