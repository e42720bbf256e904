"""Recordings, and legal holds."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import LegalHold, Recording
from ..services.recordings.store import delete_recording
from ..templatetags.ringotel import ringotel_length as duration
from .base import LargeTableAdmin
from .html import audio_player

logger = logging.getLogger(__name__)


@admin.register(Recording)
class RecordingAdmin(LargeTableAdmin):
    """Recordings come from the phone. Their sound can be deleted; the row stays and tells when."""

    empty_message = _("They come with the calls, where Ringotel records these.")
    list_display = ("activity", "player", "length", "bytes", "created_at", "deleted_at")
    list_select_related = ("activity",)
    readonly_fields = (
        "activity",
        "player",
        "content_type",
        "codec",
        "length",
        "bytes",
        "created_at",
        "deleted_at",
    )
    exclude = ("file",)
    actions = ("delete_sound",)

    @admin.display(description=_("player"))
    def player(self, recording: Recording) -> str:
        """Hear it."""
        return audio_player(recording)

    @admin.display(description=_("length"), ordering="seconds")
    def length(self, recording: Recording) -> str:
        """As the list of calls shows it."""
        return duration(recording.seconds)

    @admin.display(description=_("size"), ordering="size")
    def bytes(self, recording: Recording) -> str:
        """In a unit that people read."""
        return filesizeformat(recording.size)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Recordings come with calls."""
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The row is kept: see the action."""
        return False

    def has_delete_sound_permission(self, request: HttpRequest) -> bool:
        """Whoever may delete recordings."""
        return request.user.has_perm("ringotel_crm.delete_recording")

    @admin.action(
        description=_("Delete the sound of the selected recordings"), permissions=["delete_sound"]
    )
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
class LegalHoldAdmin(LargeTableAdmin):
    """What may not be deleted of whom."""

    empty_message = _("Add one, and nothing about this contact is deleted meanwhile.")
    list_display = ("contact_type", "contact_id", "reason", "created_at")
    list_select_related = ("contact_type",)
    search_fields = ("=contact_id", "reason")
