"""One table from what went wrong to what is answered: ``{"error": {"code", "message", "fields"}}``."""

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

from .. import exceptions as crm
from ..auth import challenge

STATUS: dict[type[Exception], int] = {
    crm.InvalidInput: 400,
    crm.NotFound: 404,
    crm.UnderLegalHold: 409,
    crm.LengthRequired: 411,
    crm.TooLarge: 413,
    crm.UnsupportedMediaType: 415,
    crm.Unsupported: 501,
    crm.FetchError: 502,
    crm.ServiceUnavailable: 503,
}


def exception_handler(exc: Exception, context: Mapping[str, Any]) -> Response | None:
    """The answer to ``exc``; None for what nobody foresaw, which is then a 500 and Django's to report."""
    error = _known(exc)
    if error is None:
        return None
    status, code, message, fields = error
    set_rollback()
    headers = {}
    if status == 403:
        headers["WWW-Authenticate"] = challenge()
    if wait := getattr(exc, "wait", None):
        headers["Retry-After"] = str(math.ceil(wait))
    return Response(
        {"error": {"code": code, "message": message, "fields": fields}},
        status=status,
        headers=headers,
    )


def _known(exc: Exception) -> tuple[int, str, str, Mapping[str, Any]] | None:
    """Status, code, message and fields."""
    match exc:
        case crm.CRMError():
            status = next(STATUS[kind] for kind in type(exc).__mro__ if kind in STATUS)
            return status, exc.code, exc.message, exc.fields
        case drf.ValidationError():
            return 400, "invalid", _("Some fields are not as expected."), flatten(exc.detail)
        case (
            drf.NotAuthenticated()
            | drf.AuthenticationFailed()
            | drf.PermissionDenied()
            | PermissionDenied()
        ):
            # Ringotel knows two answers, 200 and 403: also for a caller without any credential.
            return (
                403,
                "forbidden",
                str(getattr(exc, "detail", "")) or _("You may not do this."),
                {},
            )
        case drf.APIException():
            return exc.status_code, str(exc.get_codes()), str(exc.detail), {}
        case Http404():
            return 404, "not_found", _("Not found."), {}
        case RequestDataTooBig():
            return 413, "too_large", _("The body is too long."), {}
        case SuspiciousOperation() | BadRequest() | UnreadablePostError():
            return 400, "invalid", _("The request cannot be read."), {}
    return None


def flatten(detail: Any, path: str = "") -> dict[str, list[str]]:
    """DRF's nested errors with one dotted name for each field."""
    if isinstance(detail, Mapping):
        flat: dict[str, list[str]] = {}
        for key, value in detail.items():
            flat |= flatten(
                value, path if key == "non_field_errors" else f"{path}.{key}".lstrip(".")
            )
        return flat
    if isinstance(detail, list):
        return {path or "body": [str(item) for item in detail]}
    return {path or "body": [str(detail)]}
