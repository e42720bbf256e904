"""The page that Ringotel's desktop app opens while the phone rings."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import phone
from ..admin.base import MEDIA, backend_for
from ..admin.connect import REFUSALS
from ..admin.contacts import add_contact_url
from ..services.calls.access import may_view_calls
from ..services.contacts.identify import explain_caller

MAX_LENGTH = 250


@require_safe
@login_required
def pop(request: HttpRequest) -> HttpResponse:
    """``?caller=&name=&called=``: to the contact's page, or a choice of several, or the form for a new one.

    Never writes, and leads nowhere but to pages of the CRM, whatever the query says.
    """
    if not may_view_calls(request.user):
        raise PermissionDenied
    caller, called, name = (
        request.GET.get(key, "")[:MAX_LENGTH] for key in ("caller", "called", "name")
    )
    backend = backend_for(request)
    found = explain_caller(backend, caller)
    if found.refusal in (phone.Refusal.SHORT, phone.Refusal.OWN) and called.strip():
        found = explain_caller(backend, called)  # one of us calls somebody outside
    people = list({match.contact.id: match.contact for match in found.matches}.values())
    urls = [(person, backend.contacts.url(person.id)) for person in people]
    if len(urls) == 1 and urls[0][1]:
        return HttpResponseRedirect(urls[0][1])
    number = found.candidates[0] if found.candidates else ""
    new = (
        add_contact_url(request, admin.site, name=_real_name(name), number=number) if number else ""
    )
    if not people and new:
        return HttpResponseRedirect(new)
    context = {
        **admin.site.each_context(request),
        "title": _("Incoming call"),
        "media": MEDIA,
        "people": urls,
        "winner": found.winner,
        "number": phone.display(number),
        "refusal": REFUSALS[found.refusal] if found.refusal else "",
        "new_contact_url": new,
    }
    return render(request, "admin/ringotel_crm/screen_pop.html", context)


def _real_name(name: str) -> str:
    """Phones show the number where there is no name, and an unfilled variable arrives as it is."""
    return (
        ""
        if phone.numbers(name) or name.startswith("$") or not any(map(str.isalpha, name))
        else name.strip()
    )
