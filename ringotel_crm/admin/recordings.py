"""Recordings."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Recording
from ..services.recordings.store import delete_recording
from ..templatetags.ringotel import ringotel_length as duration
from .base import LargeTableAdmin, ReadOnlyPermissionsMixin
from .html import audio_player, play_link

logger = logging.getLogger(__name__)


class RecordingAdmin(ReadOnlyPermissionsMixin, LargeTableAdmin):
    """Recordings, read only. :meth:`delete_audio` deletes the file, and the row keeps the time."""

    tenant_lookup = "activity__tenant"
    empty_message = _("Recordings appear when Ringotel records calls.")
    list_display = ("activity", "play", "file_size", "created_at", "deleted_at")
    list_select_related = ("activity",)
    sortable_by = ()
    fields = (
        "activity",
        "player",
        "content_type",
        "codec",
        "talk_time",
        "file_size",
        "sha256",
        "created_at",
        "deleted_at",
    )
    actions = ("delete_audio",)

    def get_page_title(self, obj: Recording) -> str:
        return gettext("Recording of the call with %(name)s") % {"name": obj.activity}

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Add whether the user may download the recording."""
        recording = super().get_object(request, object_id, from_field)
        if recording:
            recording.may_download = request.user.has_perm("ringotel_crm.download_recording")
        return recording

    @admin.display(description=_("player"))
    def player(self, recording: Any) -> str:
        return audio_player(recording, may_download=recording.may_download)

    @admin.display(description=_("length"), ordering="seconds")
    def play(self, recording: Recording) -> str:
        """The length, as a link that opens the player."""
        return play_link(recording, str(recording.activity), duration(recording.seconds) or "?")

    @admin.display(description=_("length"), ordering="seconds")
    def talk_time(self, recording: Recording) -> str:
        return duration(recording.seconds)

    @admin.display(description=_("size"), ordering="size")
    def file_size(self, recording: Recording) -> str:
        return filesizeformat(recording.size)

    def has_delete_audio_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ringotel_crm.delete_recording")

    @admin.action(
        description=_("Delete the selected recordings' audio"), permissions=["delete_audio"]
    )
    def delete_audio(self, request: HttpRequest, queryset: Any) -> None:
        """Delete the files from the storage, except those under a legal hold."""
        results: list[bool | None] = []
        for recording in queryset:
            try:
                results.append(delete_recording(recording, user=request.user, reason="staff"))
            except Exception:
                logger.exception("Could not delete recording %s.", recording.pk)
                results.append(None)
        for result, level, text in (
            (True, messages.SUCCESS, gettext("Recordings deleted: %(count)d.")),
            (False, messages.WARNING, gettext("Kept because of a legal hold: %(count)d.")),
            (None, messages.ERROR, gettext("Storage error, try again later: %(count)d.")),
        ):
            if count := results.count(result):
                self.message_user(request, text % {"count": count}, level)
