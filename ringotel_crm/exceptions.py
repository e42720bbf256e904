"""Exceptions. ``hooks.errors`` maps them to HTTP status codes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.exceptions import ImproperlyConfigured


class CRMError(Exception):
    """Base class of errors that a client or user may see.

    ``code`` is stable and machine-readable. ``message`` is a translated sentence. ``fields`` maps
    the names of invalid inputs to their messages: ``{"phone": ["Enter a valid phone number."]}``.
    """

    code = "error"

    def __init__(self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class InvalidInput(CRMError):
    """An input is missing or invalid."""

    code = "invalid"


class NotFound(CRMError):
    """No object visible to the user has this id."""

    code = "not_found"


class Unsupported(CRMError):
    """The backend does not support this operation."""

    code = "unsupported"


class TooLarge(CRMError):
    """A body or file exceeds the size limit."""

    code = "too_large"


class LengthRequired(CRMError):
    """Content-Length is missing, so truncation of the body could not be detected."""

    code = "length_required"


class UnsupportedMediaType(CRMError):
    """The content type of a body or file is not supported."""

    code = "unsupported_media_type"


class UnderLegalHold(CRMError):
    """A legal hold prevents deleting or replacing this object."""

    code = "legal_hold"


class FetchError(CRMError):
    """A file could not be downloaded from another server."""

    code = "fetch_failed"


class ServiceUnavailable(CRMError):
    """A dependency, such as the storage, failed. The same request may succeed later."""

    code = "unavailable"


class InvalidBackend(ImproperlyConfigured):
    """``RINGOTEL_CRM["BACKEND"]`` does not name a usable backend."""
