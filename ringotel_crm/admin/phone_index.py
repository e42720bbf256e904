"""The phone index."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..models import PhoneIndex
from ..models.search import prefix_q, trailing_digits
from .base import LargeTableAdmin


class PhoneIndexAdmin(LargeTableAdmin):
    """Read-only list of indexed numbers; signals and ``ringotel_index_phones`` maintain them."""

    tenant_lookup = "tenant"
    empty_message = _(
        "“manage.py ringotel_index_phones” indexes the numbers of your contacts. "
        "The mini-CRM has its own index."
    )
    list_display = ("e164", "content_type", "object_id")
    list_select_related = ("content_type",)
    ordering = ("pk",)
    sortable_by = ()
    search_fields = ("e164",)
    search_help_text = _("Phone number in any format, or its last digits.")
    change_list_template = "admin/ringotel_crm/phoneindex/change_list.html"

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[PhoneIndex], search_term: str
    ) -> tuple[QuerySet[PhoneIndex], bool]:
        """Search by a number in any format, or its last digits."""
        if not search_term.strip():
            return queryset, False
        conditions = [Q(e164__in=phone.candidates(search_term))]
        if digits := trailing_digits(search_term):
            conditions.append(prefix_q("e164_reversed", digits))
        return self.search_by_index(request, queryset, conditions)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False
