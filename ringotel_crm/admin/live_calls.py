"""The board of calls that ring or run now."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..internal import cache
from ..models import Activity
from ..services.calls.access import visible_calls
from ..services.calls.live import close_stale_calls, live_calls, live_fingerprint
from .base import backend_for
from .html import admin_change_url, display_number

MAX_CALLS = 100
TIDY_SECONDS = 60


@require_safe
def live_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The page; its script fetches the calls every two seconds."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Live calls"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "calls": board(request),
    }
    return render(request, "admin/ringotel_crm/live.html", context)


@require_safe
def live_calls_view(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """The rows. When nothing changed: 304, after one query by index."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    if cache.add("ringotel_crm:tidied", TIDY_SECONDS):
        close_stale_calls()
    state = live_fingerprint(visible_calls(backend_for(request), request.user))
    etag = f'"{hashlib.sha256(f"{state} {request.user.pk} {get_language()}".encode()).hexdigest()}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        response = render(request, "admin/ringotel_crm/live_calls.html", {"calls": board(request)})
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


def board(request: HttpRequest) -> list[tuple[Activity, str, str]]:
    """Each call with its number for people and the page of its contact."""
    calls = live_calls(visible_calls(backend_for(request), request.user))[:MAX_CALLS]
    return [
        (
            call,
            display_number(call),
            admin_change_url(call.contact_type_id, call.contact_id) if call.contact_id else "",
        )
        for call in calls
    ]
