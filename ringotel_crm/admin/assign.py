"""Saying whose calls these are."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from ..exceptions import CRMError
from ..records import CallRef
from ..services.calls.lifecycle import assign_call
from .base import backend_for
from .contacts import add_contact_url, search_contacts

MAX_CALLS = 100
CONTACTS_OFFERED = 20


def assign_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Search a contact, choose it; on POST the calls point to it, or with no contact to nobody."""
    if not model_admin.has_change_permission(request):
        raise PermissionDenied
    given = request.POST if request.method == "POST" else request.GET
    ids = [id for id in given.getlist("id") if id.isdecimal() and len(id) < 19][:MAX_CALLS]
    calls = list(model_admin.get_queryset(request).filter(pk__in=ids))
    backend = backend_for(request)
    if request.method == "POST" and "contact" in request.POST:
        try:
            for call in calls:
                assign_call(backend, CallRef(activity_id=str(call.pk)), request.POST["contact"])
        except CRMError as exc:
            messages.error(request, exc.message)
        else:
            done = ngettext("%(count)d call assigned.", "%(count)d calls assigned.", len(calls))
            messages.success(request, done % {"count": len(calls)})
            return HttpResponseRedirect(reverse("admin:ringotel_crm_activity_changelist"))
    text = given.get("q", "")
    if not text and len(calls) == 1 and "q" not in given:
        text = calls[0].outside_number
    number = calls[0].outside_number if calls else ""
    found: list[Model] = []
    for rows in search_contacts(request, model_admin.admin_site, text):
        found += {contact.pk: contact for contact in rows[: CONTACTS_OFFERED * 2]}.values()
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Assign to a contact"),
        "opts": model_admin.opts,
        "calls": calls,
        "q": text,
        "found": [
            (backend.contacts.from_reference(type(contact), str(contact.pk)), contact)
            for contact in found[:CONTACTS_OFFERED]
        ],
        "new_contact_url": add_contact_url(request, model_admin.admin_site, number=number),
        "media": model_admin.media,
    }
    return render(request, "admin/ringotel_crm/assign.html", context)
