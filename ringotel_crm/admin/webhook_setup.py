"""The page that creates a webhook."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from .. import databases
from ..backends.tenants import MAX_TENANTS, lacks_tenant, tenant_keys
from ..exceptions import CRMError
from ..models import Webhook
from ..onboarding import credentials
from .base import backend_for, render_page


class WebhookForm(forms.Form):
    """The options of ``ringotel_connect_webhook``.

    An administrator without a tenant chooses one, if the contacts belong to tenants.
    """

    name = forms.SlugField(
        label=gettext_lazy("Name"),
        max_length=credentials.MAX_NAME_LENGTH,
        help_text=gettext_lazy(
            "Becomes part of the URL. Use lower-case letters, digits and hyphens."
        ),
    )
    base_url = forms.CharField(
        label=gettext_lazy("URL of this site"),
        help_text=gettext_lazy("As reached from the internet, with https."),
    )

    def __init__(self, request: HttpRequest) -> None:
        origin = f"{request.scheme}://{request.get_host()}"
        data = request.POST if request.method == "POST" else None
        super().__init__(data, initial={"name": "ringotel", "base_url": origin})
        self.backend = backend_for(request)
        if lacks_tenant(self.backend):
            keys = tenant_keys(self.backend)
            field: forms.Field = forms.CharField()
            if len(keys) < MAX_TENANTS:
                field = forms.ChoiceField(choices=[(key, key) for key in keys])
            field.label = _("Tenant")
            self.fields["tenant"] = field

    def clean_name(self) -> str:
        """Refuse the name of an existing webhook, whose token would be replaced."""
        name: str = self.cleaned_data["name"]
        if Webhook.objects.filter(name=name).exists():
            raise forms.ValidationError(
                _("A webhook with this name exists. Issue one more token for it in the list.")
            )
        return name

    def clean_base_url(self) -> str:
        """Validate the URL as ``ringotel_connect_webhook`` does."""
        try:
            return credentials.clean_base_url(self.cleaned_data["base_url"])
        except CRMError as exc:
            raise forms.ValidationError(exc.message) from exc

    def create(self) -> dict[str, str] | None:
        """Create the webhook and return the values for Ringotel; None after adding an error."""
        data = self.cleaned_data
        tenant = data.get("tenant", self.backend.tenant)
        try:
            with databases.atomic():
                return credentials.issue_webhook_token(
                    base_url=data["base_url"], name=data["name"], tenant=tenant
                )
        except CRMError as exc:
            self.add_error(None, exc.message)
            return None


def create_webhook_view(request: HttpRequest, model_admin: Any) -> HttpResponse:
    """GET shows the form. POST creates the webhook and shows its URL and token once."""
    form = WebhookForm(request)
    context: dict[str, Any] = {"title": _("Add a webhook"), "submit": _("Create"), "form": form}
    if not form.is_valid() or (properties := form.create()) is None:
        return render_page(request, model_admin, "form_page.html", context)
    webhook = Webhook.objects.get(name=form.cleaned_data["name"])
    model_admin.log_addition(request, webhook, _("Created with a token."))
    context = {
        "title": _("Webhook %(name)s") % {"name": webhook.name},
        "properties": list(properties.items()),
        "is_out_of_reach": credentials.is_out_of_reach(form.cleaned_data["base_url"]),
    }
    return render_page(request, model_admin, "webhook_result.html", context)
