"""The phone index."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..models import PhoneIndex
from .base import LargeTableAdmin


class PhoneIndexAdmin(LargeTableAdmin):
    """Read-only list of indexed numbers; signals and ``ringotel_index_phones`` maintain them."""

    empty_message = _(
        "“manage.py ringotel_index_phones” indexes the numbers of your contacts. "
        "The mini-CRM has its own index."
    )
    list_display = ("e164", "content_type", "object_id")
    list_select_related = ("content_type",)
    ordering = ("pk",)
    sortable_by = ()
    search_fields = ("e164",)
    search_help_text = _("Phone number in any format.")
    change_list_template = "admin/ringotel_crm/phoneindex/change_list.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PhoneIndex], search_term: str
    ) -> tuple[QuerySet[PhoneIndex], bool]:
        """Search by the exact number, in any format."""
        if search_term.strip():
            queryset = queryset.filter(e164__in=phone.candidates(search_term))
        return queryset, False

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
