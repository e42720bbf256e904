"""Screen pop: the page that Ringotel's desktop app opens when a call comes in."""

from __future__ import annotations

from django.contrib.auth.decorators import login_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import databases, phone
from ..admin.base import MEDIA, backend_for, default_admin_site
from ..admin.caller_lookup import REFUSAL_MESSAGES
from ..admin.contact_search import add_contact_url
from ..services.calls.access import may_view_calls
from ..services.contacts.identify import explain_caller

MAX_LENGTH = 250


@databases.fresh_reads()
@require_safe
@login_required
def pop(request: HttpRequest) -> HttpResponse:
    """Redirect to the page of the caller's contact, or to the form for a new contact.

    The query parameters are ``caller``, ``called`` and ``name``. If several contacts share the
    number, or the caller cannot be identified, show a page instead. Never writes, and redirects
    only to pages of the CRM.
    """
    if not may_view_calls(request.user):
        raise PermissionDenied
    caller, called, name = (
        request.GET.get(key, "")[:MAX_LENGTH] for key in ("caller", "called", "name")
    )
    backend = backend_for(request)
    explanation = explain_caller(backend, caller)
    if explanation.refusal in (phone.Refusal.SHORT, phone.Refusal.OWN) and called.strip():
        explanation = explain_caller(backend, called)  # an outbound call
    contacts = {match.contact.id: match.contact for match in explanation.matches}
    choices = [(contact, backend.contacts.url(id)) for id, contact in contacts.items()]
    if len(choices) == 1 and choices[0][1]:
        return HttpResponseRedirect(choices[0][1])
    number = explanation.candidates[0] if explanation.candidates else ""
    site = default_admin_site()
    new_contact_url = ""
    if number:
        new_contact_url = add_contact_url(request, site, name=_clean_name(name), number=number)
    if new_contact_url and not choices:
        return HttpResponseRedirect(new_contact_url)
    context = {
        **site.each_context(request),
        "title": _("Incoming call"),
        "media": MEDIA,
        "choices": choices,
        "winner": explanation.winner,
        "number": phone.display(number),
        "refusal": REFUSAL_MESSAGES[explanation.refusal] if explanation.refusal else "",
        "new_contact_url": new_contact_url,
    }
    return render(request, "admin/ringotel_crm/screen_pop.html", context)


def _clean_name(name: str) -> str:
    """Return "" for a number in place of a name, and for an unresolved placeholder."""
    if phone.numbers(name) or name.startswith("$") or not any(map(str.isalpha, name)):
        return ""
    return name.strip()
