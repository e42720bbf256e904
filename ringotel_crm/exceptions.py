"""What can go wrong inside the CRM, in its own words.

Nothing here knows HTTP: ``framework.errors`` is where these become status codes.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.core.exceptions import ImproperlyConfigured


class CRMError(Exception):
    """A request that the CRM understood and did not carry out.

    ``code`` is a stable, machine-readable word. ``fields`` names the inputs that are to
    blame, each with sentences that say what was expected.
    """

    code = "error"

    def __init__(self, message: str, *, fields: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.fields = dict(fields or {})


class InvalidInput(CRMError):
    """An input is missing or cannot be read."""

    code = "invalid"


class NotFound(CRMError):
    """An id names nothing that this caller may see."""

    code = "not_found"


class Unsupported(CRMError):
    """The CRM behind the seam declares that it lacks this ability."""

    code = "unsupported"


class TooLarge(CRMError):
    """A body or file is longer than the settings allow."""

    code = "too_large"


class LengthRequired(CRMError):
    """A body came without saying how long it is, so that its end cannot be told from a broken line."""

    code = "length_required"


class UnsupportedMediaType(CRMError):
    """A body or file is of a kind that is not taken here."""

    code = "unsupported_media_type"


class UnderLegalHold(CRMError):
    """A legal hold forbids to delete or replace this."""

    code = "legal_hold"


class FetchError(CRMError):
    """Another server did not give the file that it was asked for."""

    code = "fetch_failed"


class ServiceUnavailable(CRMError):
    """Something that the CRM needs, such as its storage, fails at the moment: the same request may succeed later."""

    code = "unavailable"


class InvalidBackend(ImproperlyConfigured):
    """``RINGOTEL_CRM["BACKEND"]`` does not name a usable backend."""
