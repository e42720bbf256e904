"""The page that connects Ringotel and lists its latest requests."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib.auth import get_user_model
from django.core.exceptions import BadRequest, PermissionDenied
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_safe

from ..conf import conf
from ..exceptions import CRMError
from ..hooks.document import PROPERTIES, build
from ..internal import request_log
from ..onboarding import credentials, self_test
from ..onboarding.account import check_account, get_page_urls
from .base import backend_for, render_page

# Seconds for each of Ringotel's responses, while the page is loading.
ACCOUNT_TIMEOUT = 4
AUTHENTICATION_METHODS = [
    ("bearer", gettext_lazy("API key")),
    ("basic", gettext_lazy("User name and password")),
    ("oauth2", gettext_lazy("OAuth2")),
]


class ConnectForm(forms.Form):
    """The options of ``ringotel_connect``."""

    auth = forms.ChoiceField(
        label=gettext_lazy("Authentication"),
        choices=AUTHENTICATION_METHODS,
        widget=forms.RadioSelect,
    )
    name = forms.SlugField(
        label=gettext_lazy("Credential name"),
        max_length=60,
        help_text=gettext_lazy("Reusing a name replaces its values; the old ones stop working."),
    )
    base_url = forms.CharField(
        label=gettext_lazy("URL of this site"),
        help_text=gettext_lazy("As reached from the internet, with https."),
    )
    redirect_uri = forms.CharField(
        label=gettext_lazy("Redirect URI"),
        required=False,
        help_text=gettext_lazy("Required for OAuth2; provided by Ringotel."),
    )

    def clean_base_url(self) -> str:
        """Validate the URL as ``ringotel_connect`` does."""
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
    """GET shows the form. POST creates the credential and shows its values once, with the document.

    POST with ``self_test`` calls each hook with the given values instead and shows the results.
    """
    _require_permission(request)
    if request.method == "POST" and "self_test" in request.POST:
        context = {"title": _("Test of the connection"), **_self_test_context(request)}
        return render_page(request, model_admin, "connect_self_test.html", context)
    origin = f"{request.scheme}://{request.get_host()}"
    initial = {"auth": "bearer", "name": "ringotel", "base_url": origin}
    data = request.POST if request.method == "POST" else None
    form = ConnectForm(data, initial=initial)
    title = _("Connect to Ringotel")
    if form.is_valid() and (result := _create_connection(form)):
        model_admin.log_connect(request, form.cleaned_data["auth"], form.cleaned_data["name"])
        return render_page(request, model_admin, "connect_result.html", {"title": title, **result})
    context = {
        "title": title,
        "form": form,
        "requests": _recent_requests(),
    }
    if conf.RINGOTEL_API_KEY:
        context["findings"] = check_account(
            backend_for(request), base_url=origin, timeout=ACCOUNT_TIMEOUT
        )
    return render_page(request, model_admin, "connect.html", context)


def _create_connection(form: ConnectForm) -> dict[str, Any] | None:
    """Create the credential. Returns the context of the result, or None after adding an error."""
    data = form.cleaned_data
    auth, base_url = data["auth"], data["base_url"]
    try:
        connection = credentials.create_connection(
            auth, base_url=base_url, name=data["name"], redirect_uri=data["redirect_uri"]
        )
    except CRMError as exc:
        form.add_error(None, exc.message)
        return None
    return {
        "properties": list(connection.properties.items()),
        "document": json.dumps(connection.document, indent=2, ensure_ascii=False),
        "auth": auth,
        "base_url": base_url,
        "is_out_of_reach": credentials.is_out_of_reach(base_url),
        "page_urls": list(get_page_urls(base_url).items()),
    }


def _self_test_context(request: HttpRequest) -> dict[str, Any]:
    """Run the self-test. Returns ``results``, pairs of result and hint, or ``problem``."""
    auth = request.POST.get("auth", "")
    if auth not in PROPERTIES:
        raise BadRequest
    try:
        base_url = credentials.clean_base_url(request.POST.get("base_url", ""))
        connection = credentials.Connection(
            document=build(auth, base_url),  # type: ignore[arg-type]
            properties={label: request.POST.get(label, "") for label in PROPERTIES[auth]},
        )
        results = self_test.run_self_test(connection, user=request.user)
    except CRMError as exc:
        return {"problem": exc.message}
    return {
        "results": [
            (result, "" if result.ok else self_test.troubleshooting_hint(result.status))
            for result in results
        ],
        "has_passed": all(result.ok for result in results),
    }


def _recent_requests() -> list[tuple[request_log.Entry, str, str]]:
    """Return the latest requests with the user name and a hint for those that failed."""
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
    """Return the document as a file. It contains placeholders instead of secrets."""
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
