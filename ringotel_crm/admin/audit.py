"""The audit trail."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import AuditEntry
from .base import LargeTableAdmin


@admin.register(AuditEntry)
class AuditEntryAdmin(LargeTableAdmin):
    """For reading only."""

    empty_message = _("Who hears, downloads, deletes or exports something is written down here.")
    list_display = ("at", "user_name", "action", "kind", "object_id")
    list_filter = ("action", "kind")
    search_fields = ("user_name", "=object_id")

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Written by the system."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Never."""
        return False
