"""The page of live calls."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..client.presence import get_presence
from ..internal.conditional import conditional_response
from ..models import Activity
from ..records import CallState, Presence
from ..services.calls.access import VIEW_ALL, visible_calls
from ..services.calls.live import live_calls, live_fingerprint
from ..services.calls.states import is_overdue, live_states
from .base import backend_for, render_page
from .html import object_url
from .presence import presence_badge
from .ringing import kept_state, ringing_context, ringing_state

MAX_CALLS = 100


@require_safe
def live_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show the live calls. The page's script reloads them every three seconds."""
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    live = _live_context(request, model_admin, get_presence())
    context = {"title": _("Live calls"), **live}
    return render_page(request, model_admin, "live.html", context)


@require_safe
def live_calls_view(request: HttpRequest, model_admin: Any) -> HttpResponseBase:
    """Return the table of live calls and the rows of the strip, or 304 after a single query if no
    call has changed.
    """
    if not model_admin.has_view_permission(request):
        raise PermissionDenied
    fingerprint = live_fingerprint(visible_calls(backend_for(request), request.user))
    presence = {} if fingerprint.startswith("0-") else get_presence()
    kept = kept_state(request)

    def respond() -> HttpResponse:
        keys = {key for key, _updated_at in [*ringing_state(request), *kept]}
        context = _live_context(request, model_admin, presence) | ringing_context(request, keys)
        return render(request, "admin/ringotel_crm/live_update.html", context)

    return conditional_response(request, (fingerprint, sorted(presence.items()), kept), respond)


@dataclass(frozen=True, kw_only=True, slots=True)
class LiveCall:
    """A call as the page shows it. ``contact_url`` and ``presence`` may be ""."""

    call: Activity
    state: CallState
    is_overdue: bool
    number: str
    contact_url: str
    presence: str


def _live_context(
    request: HttpRequest, model_admin: Any, presence: Mapping[str, Presence]
) -> dict[str, Any]:
    """``calls``: the :class:`LiveCall` objects that the user may see."""
    calls = live_calls(visible_calls(backend_for(request), request.user)).prefetch_related("legs")
    site = model_admin.admin_site
    return {
        "calls": [
            _live_call(call, state, presence.get(call.extension), site)
            for call, state in live_states(calls[:MAX_CALLS], presence)
        ],
        "shows_all": request.user.has_perm(VIEW_ALL),
    }


def _live_call(
    call: Activity, state: CallState, presence: Presence | None, site: AdminSite
) -> LiveCall:
    contact_url = ""
    if call.contact_id:
        contact_url = object_url(site, call.contact_type_id, call.contact_id)
    return LiveCall(
        call=call,
        state=state,
        is_overdue=state is CallState.LIVE and is_overdue(call),
        number=call.display_number,
        contact_url=contact_url,
        presence=presence_badge(presence),
    )
