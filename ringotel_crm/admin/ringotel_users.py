"""Ringotel's users, and the list of call subjects."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import RingotelUser
from .base import LargeTableAdmin, backend_for


class RingotelUserAdmin(LargeTableAdmin):
    """Matches of Ringotel's users: proposed by ``ringotel_map_users``, confirmed here."""

    tenant_lookup = "tenant"
    empty_message = _(
        "“manage.py ringotel_map_users” reads Ringotel's users. It needs the account's key in the "
        "settings."
    )
    list_display = ("name", "extension", "email", "agent", "matched_by", "confirmed", "owner")
    list_filter = ("confirmed", "matched_by")
    list_select_related = ("owner",)
    search_fields = ("name", "email", "extension", "agent_name")
    fields = (
        "name",
        "extension",
        "email",
        "ringotel_id",
        "owner",
        "agent_id",
        "agent",
        "matched_by",
        "confirmed",
    )
    readonly_fields = ("name", "extension", "email", "ringotel_id", "owner", "agent", "matched_by")
    actions = ("confirm", "withdraw")

    @admin.display(description=_("agent"), ordering="agent_name")
    def agent(self, user: RingotelUser) -> str:
        """Return the name of the matching user; for an attached extension, the owner's."""
        return (user.owner or user).agent_name

    def get_readonly_fields(
        self, request: HttpRequest, obj: RingotelUser | None = None
    ) -> tuple[str, ...]:
        """An attached extension has no match of its own."""
        is_attached = obj is not None and obj.owner_id is not None
        return (
            (*self.readonly_fields, "agent_id", "confirmed")
            if is_attached
            else self.readonly_fields
        )

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the active users of the CRM by name."""
        if db_field.name != "agent_id":
            return super().formfield_for_dbfield(db_field, request, **kwargs)
        users = [(user.id, user.name) for user in backend_for(request).users.records()]
        choices = [("", gettext("No user")), *sorted(users, key=lambda choice: choice[1].lower())]
        return forms.ChoiceField(label=gettext("user of the CRM"), choices=choices, required=False)

    def save_model(
        self,
        request: HttpRequest,
        obj: RingotelUser,
        form: forms.ModelForm[RingotelUser],
        change: bool,
    ) -> None:
        """Store the name that belongs to the id, too."""
        user = backend_for(request).users.resolve(id=obj.agent_id) if obj.agent_id else None
        obj.agent_name = user.name[:255] if user else ""
        obj.confirmed = obj.confirmed and bool(user)
        super().save_model(request, obj, form, change)

    @admin.action(description=_("Confirm the selected matches"), permissions=["change"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[RingotelUser]) -> None:
        """Let the selected matches take effect."""
        count = queryset.filter(owner=None).exclude(agent_id="").update(confirmed=True)
        message = ngettext("%(count)d user confirmed.", "%(count)d users confirmed.", count)
        self.message_user(request, message % {"count": count})

    @admin.action(description=_("Withdraw the confirmation"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[RingotelUser]) -> None:
        """Turn the selected matches back into proposals."""
        count = queryset.update(confirmed=False)
        message = ngettext("%(count)d user withdrawn.", "%(count)d users withdrawn.", count)
        self.message_user(request, message % {"count": count})
