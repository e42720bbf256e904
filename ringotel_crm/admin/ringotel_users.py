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
    """Whoever is named must exist."""

    def clean_agent_id(self) -> str:
        """The id of a user of the CRM, or nothing."""
        id: str = self.cleaned_data["agent_id"].strip()
        if id and self.admin_backend.users.resolve(id=id) is None:  # type: ignore[attr-defined]
            raise forms.ValidationError(gettext("The CRM has no active user with this id."))
        return id


@admin.register(RingotelUser)
class RingotelUserAdmin(LargeTableAdmin):
    """Which user of Ringotel is which of the CRM's: proposed by ``ringotel_map_users``, confirmed here."""

    form = RingotelUserForm
    empty_message = _(
        "“manage.py ringotel_map_users” reads them from Ringotel, which needs the account's key in the settings."
    )
    list_display = ("name", "extension", "email", "agent_name", "matched_by", "confirmed")
    list_filter = ("confirmed", "matched_by")
    search_fields = ("name", "email", "extension", "agent_name")
    fields = (
        "name",
        "extension",
        "email",
        "ringotel_id",
        "agent_id",
        "agent_name",
        "matched_by",
        "confirmed",
    )
    readonly_fields = ("name", "extension", "email", "ringotel_id", "agent_name", "matched_by")
    actions = ("confirm", "withdraw")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Read from Ringotel."""
        return False

    def get_form(
        self,
        request: HttpRequest,
        obj: RingotelUser | None = None,
        change: bool = False,
        **kwargs: object,
    ) -> type[forms.ModelForm[RingotelUser]]:
        """With the CRM to look in."""
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
        """With the name that belongs to the id."""
        user = backend_for(request).users.resolve(id=obj.agent_id) if obj.agent_id else None
        obj.agent_name = user.name[:255] if user else ""
        obj.confirmed = obj.confirmed and bool(user)
        super().save_model(request, obj, form, change)

    @admin.action(description=_("Confirm: they are the same"), permissions=["change"])
    def confirm(self, request: HttpRequest, queryset: QuerySet[RingotelUser]) -> None:
        """From now on their calls are each other's."""
        count = queryset.exclude(agent_id="").update(confirmed=True)
        self.message_user(
            request,
            ngettext("%(count)d user confirmed.", "%(count)d users confirmed.", count)
            % {"count": count},
        )

    @admin.action(description=_("Withdraw the confirmation"), permissions=["change"])
    def withdraw(self, request: HttpRequest, queryset: QuerySet[RingotelUser]) -> None:
        """Proposals again."""
        count = queryset.update(confirmed=False)
        self.message_user(
            request,
            ngettext("%(count)d user withdrawn.", "%(count)d users withdrawn.", count)
            % {"count": count},
        )
