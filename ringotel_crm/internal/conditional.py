"""Responses that are sent only if they differ from the last one."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language


def conditional_response(
    request: HttpRequest, state: object, respond: Callable[[], HttpResponseBase]
) -> HttpResponseBase:
    """Return status 304 if the client has the response to ``state``, else call ``respond``.

    ``state`` identifies the data of the response by its ``repr()``. The response may also depend
    on the user and the language.
    """
    shown = repr((state, request.user.pk, get_language()))
    etag = f'"{hashlib.sha256(shown.encode()).hexdigest()}"'
    response = get_conditional_response(request, etag=etag) or respond()
    if response.status_code in (200, 304):
        response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response
