"""The index of numbers."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..models import PhoneIndex
from .base import LargeTableAdmin
from .connect import who_view


@admin.register(PhoneIndex)
class PhoneIndexAdmin(LargeTableAdmin):
    """For looking only: the index follows the rows it was made from."""

    empty_message = _(
        "“manage.py ringotel_index_phones” reads the numbers of your contacts. The mini-CRM keeps its own."
    )
    list_display = ("e164", "content_type", "object_id")
    list_select_related = ("content_type",)
    ordering = ("pk",)
    sortable_by = ()
    search_fields = ("e164",)
    search_help_text = _("A number in any notation.")
    change_list_template = "admin/ringotel_crm/phoneindex/change_list.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PhoneIndex], search_term: str
    ) -> tuple[QuerySet[PhoneIndex], bool]:
        """By the index of the index."""
        return (
            queryset.filter(e164__in=phone.candidates(search_term))
            if search_term.strip()
            else queryset
        ), False

    def get_urls(self) -> list[URLPattern]:
        """With the box "who is this number?"."""
        view = self.admin_site.admin_view(who_view)
        return [
            path("who/", view, {"model_admin": self}, name="ringotel_crm_phoneindex_who"),
            *super().get_urls(),
        ]

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Made by signals and the command."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Made by signals and the command."""
        return False
