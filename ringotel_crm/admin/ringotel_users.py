"""Ringotel's users, and the list of call subjects."""

from __future__ import annotations

from django import forms
from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import RingotelUser
from .base import LargeTableAdmin, backend_for


class RingotelUserForm(forms.ModelForm):  # type: ignore[type-arg]
    """Form for a match. ``admin_backend`` is set by :meth:`RemoteUserAdmin.get_form`."""

    def clean_agent_id(self) -> str:
        """Return the id of an active user of the CRM, or ""."""
        id: str = self.cleaned_data["agent_id"].strip()
        if id and self.admin_backend.users.resolve(id=id) is None:  # type: ignore[attr-defined]
            raise forms.ValidationError(gettext("Enter the id of an active user of the CRM."))
        return id


class RingotelUserAdmin(LargeTableAdmin):
    """Matches of Ringotel's users: proposed by ``ringotel_map_users``, confirmed here."""

    form = RingotelUserForm
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

    def get_form(
        self,
        request: HttpRequest,
        obj: RingotelUser | None = None,
        change: bool = False,
        **kwargs: object,
    ) -> type[forms.ModelForm[RingotelUser]]:
        form: type[forms.ModelForm[RingotelUser]] = super().get_form(
            request, obj, change=change, **kwargs
        )
        form.admin_backend = backend_for(request)  # type: ignore[attr-defined]
        return form

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
