"""My desk: what concerns a user, on one page, or on the index of an admin site."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.admin import AdminSite
from django.core.exceptions import PermissionDenied
from django.db.models import Count, Q, QuerySet, Sum
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from ..backends import Backend
from ..internal import cache, request_log
from ..models import Activity
from ..records import Status
from ..services.calls.access import VIEW_ALL, all_calls, may_view_calls, visible_calls
from ..services.calls.live import live_calls
from ..services.calls.states import MISSED
from ..services.follow_ups import due_follow_ups
from ..services.status import MAX_COUNT, get_status
from .base import admin_url, backend_for, render_page
from .callbacks import CHANGE, callback_rows
from .filters import start_of_day
from .html import object_url

# Rows per section.
MAX_ROWS = 10
# From this number of calls on, the numbers of the day are cached, and for how many seconds:
# counting 50,000 calls takes 10 ms, a fifth of the time of the page.
MANY_CALLS = 5000
TODAY_SECONDS = 30


@require_safe
def desk_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show the desk as a page of its own."""
    site = model_admin.admin_site
    desk = desk_context(request, site)
    if not desk:
        raise PermissionDenied
    return render_page(request, model_admin, "desk_page.html", {"title": _("My desk"), **desk})


def desk_context(request: HttpRequest, site: AdminSite) -> dict[str, Any]:
    """Return the context of ``desk.html``; empty if the user may not view calls."""
    user = request.user
    if not may_view_calls(user) or not admin_url(site, "ringotel_crm_activity_changelist"):
        return {}
    backend = backend_for(request)
    taken = all_calls(backend).filter(agent_id__in=backend.users.user_ids_for([user]))
    follow_ups = due_follow_ups(backend, user).select_related("activity", "assignee")
    return {
        "live": _with_names(live_calls(visible_calls(backend, user))[:MAX_ROWS], site),
        "rows": callback_rows(request, site, limit=MAX_ROWS),
        "may_change": user.has_perm(CHANGE),
        "follow_ups": _with_names(follow_ups[:MAX_ROWS], site),
        "may_mark_done": user.has_perm("ringotel_crm.change_followup"),
        "last_calls": _with_names(taken.order_by("-start", "-pk")[:MAX_ROWS], site),
        "shows_all": user.has_perm(VIEW_ALL),
        "today": _count_all_today(backend) if user.has_perm(VIEW_ALL) else _count_today(taken),
        "connection": _connection() if user.has_perm("ringotel_crm.view_webhookevent") else None,
    }


def _count_all_today(backend: Backend) -> dict[str, Any]:
    """Return the numbers of :func:`_count_today` for all calls. From :data:`MANY_CALLS` on, they
    are cached for :data:`TODAY_SECONDS`.
    """
    name = f"ringotel_crm:today:{backend.tenant}:{start_of_day().isoformat()}"
    cached = cache.get(name)
    if isinstance(cached, dict):
        return cached
    numbers = _count_today(all_calls(backend))
    if numbers["calls"] >= MANY_CALLS:
        cache.set(name, numbers, TODAY_SECONDS)
    return numbers


def _count_today(calls: QuerySet[Activity]) -> dict[str, Any]:
    """Return the numbers of today's calls, and the seconds of talk time."""
    today = calls.filter(start__gte=start_of_day()).order_by()
    numbers: dict[str, Any] = today.aggregate(
        calls=Count("pk"),
        answered=Count("pk", filter=Q(status=Status.ANSWERED)),
        missed=Count("pk", filter=MISSED),
        seconds=Sum("duration"),
    )
    return numbers


def _with_names(rows: Iterable[Any], site: AdminSite) -> list[tuple[Any, str, str]]:
    """Return calls or follow-ups with the name of the contact, or the number, and its URL."""
    described = []
    for row in rows:
        call = row if isinstance(row, Activity) else row.activity
        about = call or row
        name = about.contact_name or (call.display_number if call else "")
        has_page = about.contact_id and about.contact_type_id
        url = object_url(site, about.contact_type_id, about.contact_id) if has_page else ""
        described.append((row, name, url))
    return described


def _connection() -> dict[str, Any]:
    """Return the failed requests of those that are kept, and what waits to be done."""
    requests = request_log.recent("hooks", "webhooks")
    return {
        "requests": len(requests),
        "failed": sum(entry.status >= 400 for entry in requests),
        "status": get_status(),
        "max_count": MAX_COUNT,
    }
