"""API keys."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import ApiKey
from .base import LargeTableAdmin
from .connect import connect_view, document_view


@admin.register(ApiKey)
class ApiKeyAdmin(LargeTableAdmin):
    """Keys: made here or by ``ringotel_connect``; the token is shown once."""

    empty_message = _("“Connect to Ringotel” makes a key, and the document that goes with it.")
    list_display = (
        "name",
        "masked",
        "user",
        "created_at",
        "expires_at",
        "last_used_at",
        "revoked_at",
    )
    list_select_related = ("user",)
    fields = ("name", "user", "masked", "expires_at", "created_at", "last_used_at", "revoked_at")
    raw_id_fields = ("user",)
    actions = ("revoke",)
    change_list_template = "admin/ringotel_crm/apikey/change_list.html"

    @admin.display(description=_("key"))
    def masked(self, key: ApiKey) -> str:
        """How it begins."""
        return f"{key.hint}…" if key.hint else gettext("Shown once, when you save.")

    def get_readonly_fields(self, request: HttpRequest, obj: ApiKey | None = None) -> list[str]:
        """The name is what ``ringotel_connect`` knows a key by."""
        return ["masked", "created_at", "last_used_at", "revoked_at"] + (["name"] if obj else [])

    def save_model(
        self, request: HttpRequest, obj: ApiKey, form: forms.ModelForm[ApiKey], change: bool
    ) -> None:
        """A new key's token is shown in the message above the page, and nowhere else."""
        if change:
            super().save_model(request, obj, form, change)
            return
        key, token = ApiKey.objects.issue(name=obj.name, user=obj.user, expires_at=obj.expires_at)
        obj.pk, obj.digest, obj.hint = key.pk, key.digest, key.hint
        note = gettext("Copy the key now, it is not shown again:")
        messages.warning(request, format_html("{} <code>{}</code>", note, token))

    def get_urls(self) -> list[URLPattern]:
        """With the page that does what ``ringotel_connect`` does."""

        def page(route: str, view: Any, name: str) -> Any:
            wrapped = self.admin_site.admin_view(view)
            return path(route, wrapped, {"model_admin": self}, name=f"ringotel_crm_apikey_{name}")

        return [
            page("connect/", connect_view, "connect"),
            page("connect/document/", document_view, "document"),
            *super().get_urls(),
        ]

    def log_connect(self, request: HttpRequest, auth: str, name: str) -> None:
        """In the history of the key, if it is one."""
        if auth == "bearer":
            key = ApiKey.objects.get(name=name)
            self.log_change(request, key, gettext("New values for Ringotel."))

    @admin.action(description=_("Revoke the selected keys"), permissions=["change"])
    def revoke(self, request: HttpRequest, queryset: Any) -> None:
        """They stop working with the next request."""
        count = queryset.filter(revoked_at=None).update(revoked_at=timezone.now())
        self.message_user(request, gettext("%(count)d keys revoked.") % {"count": count})
