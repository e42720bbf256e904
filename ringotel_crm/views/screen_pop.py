"""Screen pop: the page that Ringotel's desktop app opens when a call comes in."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from .. import databases, phone
from ..admin.base import MEDIA, backend_for
from ..admin.caller_lookup import REFUSAL_MESSAGES
from ..admin.contact_pages import contact_page, new_contact_page
from ..admin.ringing import ringing_context, ringing_state
from ..admin.sites import contact_site
from ..services.calls.access import VIEW_OWN_NAME, may_view_calls, whom_to_ask
from ..services.contacts.callers import explained_caller
from ..services.contacts.identify import explain_caller
from ..templatetags.ringotel import RING_STRIP

MAX_LENGTH = 250


@databases.fresh_reads()
@require_safe
@login_required
def pop(request: HttpRequest) -> HttpResponse:
    """Redirect to the page of the caller's contact, or to the form for a new contact.

    The query parameters are ``caller``, ``called`` and ``name``. Without a page to redirect to, if
    several contacts share the number, or if it is that of an organization, show a page with the
    calls on the user's phone instead. Never writes, and redirects only to pages of the CRM.
    """
    if not may_view_calls(request.user):
        message = whom_to_ask(VIEW_OWN_NAME)
        return render(request, "ringotel_crm/denied.html", {"message": message}, status=403)
    number, called, name = (
        request.GET.get(key, "")[:MAX_LENGTH] for key in ("caller", "called", "name")
    )
    backend = backend_for(request)
    explanation = explain_caller(backend, number)
    if explanation.refusal in (phone.Refusal.SHORT, phone.Refusal.OWN) and called.strip():
        explanation = explain_caller(backend, called)  # an outbound call
    caller = explained_caller(backend, explanation)
    people = [(contact, contact_page(request, contact.id)) for contact in caller.contacts]
    if caller.contact and (url := people[0][1]):
        return HttpResponseRedirect(url)
    number = explanation.candidates[0] if explanation.candidates else ""
    new_contact_url = new_contact_page(request, name=_clean_name(name), number=number)
    if new_contact_url and not people:
        return HttpResponseRedirect(new_contact_url)
    context = {
        "caller": caller,
        "people": people,
        "winner": explanation.winner,
        "number": phone.display(number),
        "refusal": REFUSAL_MESSAGES[explanation.refusal] if explanation.refusal else "",
        "new_contact_url": new_contact_url,
    }
    return _render(request, context)


def _render(request: HttpRequest, context: dict[str, Any]) -> HttpResponse:
    """Render the page in the admin, or outside of it for users who may not open the admin."""
    keys = [key for key, _updated_at in ringing_state(request)]
    context |= {"title": _("Incoming call"), "next": request.get_full_path()}
    context |= ringing_context(request, keys)
    site = contact_site(backend_for(request))
    if site is None or not site.has_permission(request):
        return render(request, "ringotel_crm/screen_pop.html", {**context, "media": RING_STRIP})
    request.current_app = site.name
    context = {**site.each_context(request), **context, "media": MEDIA}
    return render(request, "admin/ringotel_crm/screen_pop.html", context)


def _clean_name(name: str) -> str:
    """Return "" for a number in place of a name, and for an unresolved placeholder."""
    if phone.numbers(name) or name.startswith("$") or not any(map(str.isalpha, name)):
        return ""
    return name.strip()
