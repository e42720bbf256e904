"""Recordings, and legal holds."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import LegalHold, Recording
from ..services.recordings import delete_recording
from .base import FastAdmin, player

logger = logging.getLogger(__name__)


@admin.register(Recording)
class RecordingAdmin(FastAdmin):
    """Recordings come from the phone. Their sound can be deleted; the row stays and tells when."""

    list_display = ("activity", "player", "seconds", "size", "created_at", "deleted_at")
    list_select_related = ("activity",)
    readonly_fields = ("activity", "player", "content_type", "codec", "seconds", "size", "created_at", "deleted_at")
    exclude = ("file",)
    actions = ("delete_sound",)

    @admin.display(description=_("player"))
    def player(self, recording: Recording) -> str:
        """Hear it."""
        return player(recording)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Recordings come with calls."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The row is kept: see the action."""
        return False

    def has_delete_sound_permission(self, request: HttpRequest) -> bool:
        """Whoever may delete recordings."""
        return request.user.has_perm("ringotel_crm.delete_recording")

    @admin.action(description=_("Delete the sound of the selected recordings"), permissions=["delete_sound"])
    def delete_sound(self, request: HttpRequest, queryset: Any) -> None:
        """For good, at the storage; what is under a legal hold stays."""
        results: list[bool | None] = []
        for recording in queryset:
            try:
                results.append(delete_recording(recording, user=request.user, reason="staff"))
            except Exception:
                logger.exception("Recording %s could not be deleted.", recording.pk)
                results.append(None)
        for result, level, text in (
            (True, messages.SUCCESS, gettext("Recordings deleted: %(count)d.")),
            (False, messages.WARNING, gettext("Kept by a legal hold: %(count)d.")),
            (None, messages.ERROR, gettext("The storage failed, try again later: %(count)d.")),
        ):
            if count := results.count(result):
                self.message_user(request, text % {"count": count}, level)


@admin.register(LegalHold)
class LegalHoldAdmin(FastAdmin):
    """What may not be deleted of whom."""

    list_display = ("contact_type", "contact_id", "reason", "created_at")
    list_select_related = ("contact_type",)
    search_fields = ("=contact_id", "reason")
