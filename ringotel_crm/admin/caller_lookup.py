"""The page "Who is this number?", which explains how a caller is identified."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from .. import phone
from ..conf import conf
from ..records import SharedNumberRule
from ..services.contacts.identify import CallerExplanation, explain_caller
from .base import backend_for, render_page
from .contact_search import contact_url

REFUSAL_MESSAGES = {
    phone.Refusal.EMPTY: gettext_lazy("No number was received."),
    phone.Refusal.WITHHELD: gettext_lazy("Caller ID withheld."),
    phone.Refusal.SHORT: gettext_lazy("This looks like an internal extension or a service number."),
    phone.Refusal.EMERGENCY: gettext_lazy("This is an emergency number."),
    phone.Refusal.NO_REGION: gettext_lazy(
        "The number has no country code, and the setting DEFAULT_REGION is empty."
    ),
    phone.Refusal.IMPOSSIBLE: gettext_lazy("This is not a valid phone number."),
    phone.Refusal.OWN: gettext_lazy(
        "This is one of the company's own numbers (setting COMPANY_NUMBERS)."
    ),
    phone.Refusal.IGNORED: gettext_lazy("This number is ignored (setting IGNORED_NUMBERS)."),
}


@require_safe
def caller_lookup_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Show the formats in which ``number`` was looked up, the contacts found and the result."""
    if not request.user.has_perm("ringotel_crm.view_phoneindex"):
        raise PermissionDenied
    number = request.GET.get("number", "")
    context: dict[str, Any] = {"title": _("Who is this number?"), "number": number}
    if number.strip():
        explanation = explain_caller(backend_for(request), number)
        context |= _explanation_context(request, model_admin.admin_site, explanation)
    return render_page(request, model_admin, "caller_lookup.html", context)


def _explanation_context(
    request: HttpRequest, site: Any, explanation: CallerExplanation
) -> dict[str, Any]:
    """Return the context of the result. ``lookups`` has a row per E.164 candidate: the candidate,
    its display format, and pairs of match and URL of the contact.
    """
    if explanation.refusal:
        return {"explanation": explanation, "refusal": REFUSAL_MESSAGES[explanation.refusal]}
    urls = {
        match.contact.id: contact_url(request, site, match.contact.id)
        for match in explanation.matches
    }
    lookups = [
        (
            candidate,
            phone.display(candidate),
            [(m, urls[m.contact.id]) for m in explanation.matches if m.number == candidate],
        )
        for candidate in explanation.candidates
    ]
    return {
        "explanation": explanation,
        "lookups": lookups,
        "is_shared": len(urls) > 1,
        "rule": SharedNumberRule(conf.SHARED_NUMBER_RULE).label,
        "winner_url": urls[explanation.winner.id] if explanation.winner else "",
    }
