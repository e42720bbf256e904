"""The phones of a call, on its page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest

from ..models import CallLeg


class LegInline(admin.TabularInline):  # type: ignore[type-arg]
    """Who rang, and who answered. For looking only."""

    model = CallLeg
    fields = ("extension", "agent_name", "status", "start", "end", "duration", "cause")
    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Who may see the call, sees its phones."""
        return True

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Told by Ringotel."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Told by Ringotel."""
        return False
