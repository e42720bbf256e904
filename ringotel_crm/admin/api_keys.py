"""API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..auth.service_users import require_api_permission
from ..exceptions import InvalidInput
from ..models import ApiKey
from .base import LargeTableAdmin, backend_for
from .connect import connect_view, document_view


class ApiKeyAdmin(LargeTableAdmin):
    """API keys. The token is shown once, in the message after saving."""

    tenant_lookup = "tenant"
    empty_message = _("“Connect to Ringotel” creates a key and the document that uses it.")
    list_display = (
        "name",
        "masked_token",
        "user",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("user",)
    fields = (
        "name",
        "user",
        "masked_token",
        "expires_at",
        "created_at",
        "last_used_at",
        "revoked_at",
    )
    raw_id_fields = ("user",)
    actions = ("revoke",)
    change_list_template = "admin/ringotel_crm/apikey/change_list.html"

    @admin.display(description=_("key"))
    def masked_token(self, key: ApiKey) -> str:
        return f"{key.hint}…" if key.hint else gettext("Shown once, after saving.")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """Fix the name after creation: ``ringotel_connect`` finds a key by its name."""
        read_only = ["masked_token", "created_at", "last_used_at", "revoked_at"]
        return [*read_only, "name"] if obj else read_only

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm[ApiKey], change: bool
    ) -> None:
        """Issue a token for a new key and show it in a message."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key, token = ApiKey.objects.issue(
            name=obj.name,
            user=obj.user,
            tenant=backend_for(request).tenant,
            expires_at=obj.expires_at,
        )
        obj.pk, obj.digest, obj.hint = key.pk, key.digest, key.hint
        text = gettext("Copy the key now. It is not shown again:")
        messages.warning(request, format_html("{} <code>{}</code>", text, token))
        try:
            require_api_permission(obj.user)
        except InvalidInput as exc:
            problem = gettext("Requests with this key will be refused:")
            messages.error(request, format_html("{}<pre>{}</pre>", problem, exc.message))

    def get_urls(self) -> list[URLPattern]:
        """Add the connect page and the download of the document."""

        def page(route: str, view: Any, name: str) -> Any:
            wrapped = self.admin_site.admin_view(view)
            return path(route, wrapped, {"model_admin": self}, name=f"ringotel_crm_apikey_{name}")

        return [
            page("connect/", connect_view, "connect"),
            page("connect/document/", document_view, "document"),
            *super().get_urls(),
        ]

    def log_connect(self, request: HttpRequest, auth: str, name: str) -> None:
        """Log the rotation of a key in its history. Other credentials have no history here."""
        if auth == "bearer":
            key = ApiKey.objects.get(name=name)
            self.log_change(request, key, gettext("New values for Ringotel."))

    @admin.action(description=_("Revoke selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """Revoke the keys with immediate effect."""
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        text = ngettext("%(count)d key revoked.", "%(count)d keys revoked.", count)
        self.message_user(request, text % {"count": count})
