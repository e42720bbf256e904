"""The page that assigns calls to a contact."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..exceptions import CRMError
from ..models import Activity
from ..records import CallRef
from ..services.calls.lifecycle import assign_call
from .base import admin_url, backend_for, render_page
from .contact_search import add_contact_url, find_contacts

MAX_CALLS = 100


def assign_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Search for a contact and, on POST, assign the calls to it.

    ``id`` (repeated) names the calls, ``q`` is the search text. On POST, ``contact`` is the id of
    the contact; an empty value removes the contact.
    """
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    data = request.POST if request.method == "POST" else request.GET
    ids = [id for id in data.getlist("id") if id.isdecimal() and len(id) < 19][:MAX_CALLS]
    calls = list(model_admin.get_queryset(request).filter(pk__in=ids))
    site = model_admin.admin_site
    is_assignment = request.method == "POST" and "contact" in request.POST
    if is_assignment and _assign_calls(request, calls, request.POST["contact"]):
        return HttpResponseRedirect(admin_url(site, "ringotel_crm_activity_changelist"))
    text = data.get("q", "")
    if "q" not in data and len(calls) == 1:
        text = calls[0].outside_number
    number = calls[0].outside_number if calls else ""
    context = {
        "title": _("Assign to a contact"),
        "calls": calls,
        "q": text,
        "contacts": find_contacts(request, site, text),
        "has_contact": any(call.contact_id for call in calls),
        "new_contact_url": add_contact_url(request, site, number=number),
    }
    return render_page(request, model_admin, "assign.html", context)


def _assign_calls(request: HttpRequest, calls: list[Activity], contact_id: str) -> bool:
    """Assign the calls and report the result as a message. Returns whether it succeeded."""
    backend = backend_for(request)
    try:
        for call in calls:
            assign_call(backend, CallRef(activity_id=str(call.pk)), contact_id)
    except CRMError as exc:
        messages.error(request, exc.message)
        return False
    text = ngettext("%(count)d call assigned.", "%(count)d calls assigned.", len(calls))
    messages.success(request, text % {"count": len(calls)})
    return True
