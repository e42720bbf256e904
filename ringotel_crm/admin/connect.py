"""The pages that connect Ringotel, and that show what it asked."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.apps import apps
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from .. import phone
from ..conf import conf
from ..exceptions import CRMError
from ..hooks.document import PROPERTIES, build
from ..internal import request_log
from ..onboarding import credentials, self_test
from ..onboarding.account import check_account, get_page_urls
from ..records import SharedNumberRule
from ..services.contacts.identify import explain_caller
from .base import backend_for

# Seconds for each of Ringotel's answers, while the page is loading.
ACCOUNT_TIMEOUT = 4
AUTHS = [
    ("bearer", gettext_lazy("API key")),
    ("basic", gettext_lazy("User name and password")),
    ("oauth2", gettext_lazy("OAuth2")),
]
REFUSALS = {
    phone.Refusal.EMPTY: gettext_lazy("There is no number."),
    phone.Refusal.WITHHELD: gettext_lazy("The caller hides the number."),
    phone.Refusal.SHORT: gettext_lazy(
        "This short is an extension or a service, never a person outside."
    ),
    phone.Refusal.EMERGENCY: gettext_lazy("This is an emergency number."),
    phone.Refusal.NO_REGION: gettext_lazy("It has no country code, and DEFAULT_REGION is not set."),
    phone.Refusal.IMPOSSIBLE: gettext_lazy("No telephone number looks like this."),
    phone.Refusal.OWN: gettext_lazy("This is one of COMPANY_NUMBERS, the company's own."),
    phone.Refusal.IGNORED: gettext_lazy("This is one of IGNORED_NUMBERS."),
}


class ConnectForm(forms.Form):
    """What ``ringotel_connect`` asks for."""

    auth = forms.ChoiceField(
        label=gettext_lazy("Ringotel logs in with"), choices=AUTHS, widget=forms.RadioSelect
    )
    name = forms.SlugField(
        label=gettext_lazy("Name of the credential"),
        max_length=60,
        help_text=gettext_lazy(
            "With a name that is there already, the credential gets new values and the old ones stop working."
        ),
    )
    base_url = forms.CharField(
        label=gettext_lazy("Address of this site"),
        help_text=gettext_lazy("As Ringotel reaches it from the internet, with https."),
    )
    redirect_uri = forms.CharField(
        label=gettext_lazy("Redirect URI"),
        required=False,
        help_text=gettext_lazy("For OAuth2 only; Ringotel tells you which."),
    )

    def clean_base_url(self) -> str:
        """Checked as the command does."""
        try:
            return credentials.clean_base_url(self.cleaned_data["base_url"])
        except CRMError as exc:
            raise forms.ValidationError(exc.message) from exc


def _require_permission(request: HttpRequest) -> None:
    if not request.user.has_perm("ringotel_crm.add_apikey"):
        raise PermissionDenied


@never_cache
@sensitive_post_parameters()
def connect_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """GET: the form. POST: the values, shown this once, and the document; with ``try``, what each hook gave."""
    _require_permission(request)
    origin = f"{request.scheme}://{request.get_host()}"
    context: dict[str, Any] = {
        **model_admin.admin_site.each_context(request),
        "title": _("Connect to Ringotel"),
        "opts": model_admin.opts,
        "media": model_admin.media,
    }
    if request.method == "POST" and "try" in request.POST:
        return render(
            request,
            "admin/ringotel_crm/connect_self_test.html",
            context | _self_test_results(request),
        )
    form = ConnectForm(
        request.POST if request.method == "POST" else None,
        initial={"auth": "bearer", "name": "ringotel", "base_url": origin},
    )
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = credentials.create_connection(
                data["auth"],
                base_url=data["base_url"],
                name=data["name"],
                redirect_uri=data["redirect_uri"],
            )
        except CRMError as exc:
            form.add_error(None, exc.message)
        else:
            model_admin.log_connect(request, data["auth"], data["name"])
            context |= {
                "properties": list(made.properties.items()),
                "document": json.dumps(made.document, indent=2, ensure_ascii=False),
                "auth": data["auth"],
                "base_url": data["base_url"],
                "is_out_of_reach": credentials.is_out_of_reach(data["base_url"]),
                "page_urls": list(get_page_urls(data["base_url"]).items()),
            }
            return render(request, "admin/ringotel_crm/connect_result.html", context)
    context |= {
        "form": form,
        "requests": _requests(),
        "has_oauth2": apps.is_installed("oauth2_provider"),
    }
    if conf.RINGOTEL_API_KEY:
        context["findings"] = check_account(
            backend_for(request), base_url=origin, timeout=ACCOUNT_TIMEOUT
        )
    return render(request, "admin/ringotel_crm/connect.html", context)


def _self_test_results(request: HttpRequest) -> dict[str, Any]:
    auth = request.POST.get("auth", "")
    if auth not in PROPERTIES:
        raise BadRequest
    try:
        base_url = credentials.clean_base_url(request.POST.get("base_url", ""))
        properties = {label: request.POST.get(label, "") for label in PROPERTIES[auth]}
        document = build(auth, base_url)  # type: ignore[arg-type]
        verdicts = self_test.run_self_test(
            credentials.Connection(document=document, properties=properties), user=request.user
        )
    except CRMError as exc:
        return {"problem": exc.message}
    return {
        "verdicts": [
            (verdict, "" if verdict.ok else self_test.troubleshooting_hint(verdict.status))
            for verdict in verdicts
        ],
        "is_good": all(verdict.ok for verdict in verdicts),
    }


def _requests() -> list[tuple[request_log.Entry, str, str]]:
    """The last ones with who asked, and what to do about it."""
    entries = request_log.recent("hooks", "webhooks")
    users = get_user_model()._default_manager.in_bulk(
        {entry.user_id for entry in entries if entry.user_id}
    )
    names = {str(pk): user.get_username() for pk, user in users.items()}
    return [
        (
            entry,
            names.get(entry.user_id, ""),
            self_test.troubleshooting_hint(entry.status, entry.integration),
        )
        for entry in entries
    ]


@require_safe
def document_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """The document as a file. It has no secrets: the values take the place of its ``$labels$`` at Ringotel."""
    _require_permission(request)
    form = ConnectForm({**request.GET.dict(), "name": "document"})
    if not form.is_valid():
        return HttpResponse(
            form.errors.as_text(), status=400, content_type="text/plain; charset=utf-8"
        )
    document = build(form.cleaned_data["auth"], form.cleaned_data["base_url"])
    response = JsonResponse(document, json_dumps_params={"indent": 2, "ensure_ascii": False})
    response["Content-Disposition"] = 'attachment; filename="ringotel.json"'
    return response


@require_safe
def who_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """Who is this number? The forms tried, what matched, and why one won."""
    if not request.user.has_perm("ringotel_crm.view_phoneindex"):
        raise PermissionDenied
    number = request.GET.get("number", "")
    backend = backend_for(request)
    context = {
        **model_admin.admin_site.each_context(request),
        "title": _("Who is this number?"),
        "opts": model_admin.opts,
        "media": model_admin.media,
        "number": number,
    }
    if number.strip():
        found = explain_caller(backend, number)
        context |= {
            "found": found,
            "refusal": REFUSALS[found.refusal] if found.refusal else "",
            "tried": [
                (
                    candidate,
                    phone.display(candidate),
                    [
                        (match, backend.contacts.url(match.contact.id))
                        for match in found.matches
                        if match.number == candidate
                    ],
                )
                for candidate in found.candidates
            ],
            "is_shared": bool(found.rule),
            "rule": SharedNumberRule(found.rule).label if found.rule else "",
            "winner_url": found.winner and backend.contacts.url(found.winner.id),
        }
    return render(request, "admin/ringotel_crm/caller_lookup.html", context)
