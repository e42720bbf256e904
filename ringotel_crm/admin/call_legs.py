"""Call legs on the page of a call."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from ..models import CallLeg
from .base import ReadOnlyPermissionsMixin


class CallLegInline(ReadOnlyPermissionsMixin, admin.TabularInline):  # type: ignore[type-arg]
    """The phones that rang for a call. Read-only."""

    model = CallLeg
    fields = ("extension", "agent_name", "status", "start", "end", "duration", "cause")
    verbose_name_plural = _("phones that rang")
    can_delete = False
    extra = 0

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Require no permission beyond that to view the call."""
        return True
