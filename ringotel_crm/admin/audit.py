"""The audit log."""

from __future__ import annotations

from django.utils.translation import gettext_lazy as _

from .base import LargeTableAdmin, ReadOnlyPermissionsMixin


class AuditEntryAdmin(ReadOnlyPermissionsMixin, LargeTableAdmin):
    """Read-only list of audited actions."""

    tenant_lookup = "tenant"
    empty_message = _("Listening, downloads, deletions and exports are recorded here.")
    list_display = ("at", "user_name", "action", "kind", "object_id")
    list_filter = ("action", "kind")
    search_fields = ("user_name", "=object_id")
