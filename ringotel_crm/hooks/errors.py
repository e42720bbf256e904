"""The exception handler of the hooks: every error becomes a response with the envelope of
``internal.errors``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from django.core.exceptions import (
    BadRequest,
    PermissionDenied,
    RequestDataTooBig,
    SuspiciousOperation,
)
from django.http import Http404, UnreadablePostError
from django.utils.translation import gettext as _
from rest_framework import exceptions as drf
from rest_framework.response import Response
from rest_framework.views import set_rollback

from ..auth import challenge
from ..exceptions import CRMError
from ..internal.errors import (
    DATABASE_ERRORS,
    RETRY_AFTER,
    database_unavailable,
    error_body,
    status_code,
)

# Status, code, message, and messages by field.
_Error = tuple[int, str, str, Mapping[str, Any]]


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """Return the response to ``exc``, or ``None`` for an unexpected one, which Django reports as a
    500.
    """
    if isinstance(exc, DATABASE_ERRORS):
        exc = database_unavailable(exc)
    error = _convert(exc)
    if error is None:
        return None
    status, code, message, fields = error
    set_rollback()
    headers = {}
    if status == 403:
        headers["WWW-Authenticate"] = challenge()
    if wait := getattr(exc, "wait", RETRY_AFTER if status == 503 else None):
        headers["Retry-After"] = str(math.ceil(wait))
    return Response(error_body(code, message, fields), status=status, headers=headers)


def _convert(exc: Exception) -> _Error | None:
    match exc:
        case CRMError():
            return status_code(exc), exc.code, exc.message, exc.fields
        case drf.ValidationError():
            return 400, "invalid", _("Validation failed."), flatten(exc.detail)
        case (
            drf.NotAuthenticated()
            | drf.AuthenticationFailed()
            | drf.PermissionDenied()
            | PermissionDenied()
        ):
            # Also for a request without credentials: Ringotel supports the statuses 200 and 403
            # only.
            message = str(getattr(exc, "detail", "")) or _("Permission denied.")
            return 403, "forbidden", message, {}
        case drf.APIException():
            return exc.status_code, str(exc.get_codes()), str(exc.detail), {}
        case Http404():
            return 404, "not_found", _("Not found."), {}
        case RequestDataTooBig():
            return 413, "too_large", _("The body is too large."), {}
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return 400, "invalid", _("The request cannot be read."), {}
    return None


def flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """Return the nested errors of Django REST framework by the dotted name of each field.

    ``{"organization": {"name": ["Too long."]}}`` becomes ``{"organization.name": ["Too long."]}``.
    """
    if isinstance(detail, Mapping):
        errors: dict[str, list[str]] = {}
        for key, value in detail.items():
            inner = path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
            errors |= flatten(value, inner)
        return errors
    messages = detail if isinstance(detail, list) else [detail]
    return {path or "body": [str(message) for message in messages]}
