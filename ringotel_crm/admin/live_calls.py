"""The board of calls that ring or run now."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..client.presence import get_presence
from ..internal import cache
from ..models import Activity
from ..records import Presence, Status
from ..services.calls.access import visible_calls
from ..services.calls.live import close_stale_calls, live_calls, live_fingerprint
from .base import backend_for
from .html import admin_change_url, display_number
from .presence import presence_badge

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
        "calls": board(request, get_presence()),
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
    presence = {} if state.startswith("0-") else get_presence()
    shown = f"{state} {sorted(presence.items())} {request.user.pk} {get_language()}"
    etag = f'"{hashlib.sha256(shown.encode()).hexdigest()}"'
    response = get_conditional_response(request, etag=etag)
    if response is None:
        context = {"calls": board(request, presence)}
        response = render(request, "admin/ringotel_crm/live_calls.html", context)
    response["ETag"] = etag
    response["Cache-Control"] = "private, no-cache"
    return response


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveCall:
    """A call as the page shows it: its number, the URL of its contact, and the state of the agent's phone."""

    call: Activity
    status: Status
    number: str
    url: str
    presence: str


def board(request: HttpRequest, presence: Mapping[str, Presence]) -> list[LiveCall]:
    """Return the live calls that the user may see.

    The log learns of the end of a call, not of its answer: a call is in progress, too, if its agent's phone is
    connected.
    """
    calls = live_calls(visible_calls(backend_for(request), request.user))[:MAX_CALLS]
    found = []
    for call in calls:
        state = presence.get(call.extension)
        is_connected = state is Presence.CONNECTED and call.status == Status.RINGING
        found.append(
            LiveCall(
                call=call,
                status=Status.IN_PROGRESS if is_connected else Status(call.status),
                number=display_number(call),
                url=admin_change_url(call.contact_type_id, call.contact_id)
                if call.contact_id
                else "",
                presence=presence_badge(state),
            )
        )
    return found
