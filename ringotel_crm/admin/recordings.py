"""Recordings and legal holds."""

from __future__ import annotations

import logging
from typing import Any

from django.contrib import admin, messages
from django.http import HttpRequest
from django.template.defaultfilters import filesizeformat
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..backends.mapping import parse
from ..models import LegalHold, Recording
from ..services.recordings.store import delete_recording
from ..templatetags.ringotel import ringotel_length as duration
from .base import LargeTableAdmin
from .html import admin_change_url, audio_player, object_link

logger = logging.getLogger(__name__)


class RecordingAdmin(LargeTableAdmin):
    """Recordings. The audio can be deleted; the row stays and shows when that happened."""

    empty_message = _("Recordings appear when Ringotel records calls.")
    list_display = ("activity", "player", "talk_time", "file_size", "created_at", "deleted_at")
    list_select_related = ("activity",)
    readonly_fields = (
        "activity",
        "player",
        "content_type",
        "codec",
        "talk_time",
        "file_size",
        "created_at",
        "deleted_at",
    )
    exclude = ("file",)
    actions = ("delete_audio",)

    def get_page_title(self, obj: Recording) -> str:
        return gettext("Recording of the call with %(name)s") % {"name": obj.activity}

    @admin.display(description=_("player"))
    def player(self, recording: Recording) -> str:
        return audio_player(recording)

    @admin.display(description=_("length"), ordering="seconds")
    def talk_time(self, recording: Recording) -> str:
        return duration(recording.seconds)

    @admin.display(description=_("size"), ordering="size")
    def file_size(self, recording: Recording) -> str:
        return filesizeformat(recording.size)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Forbid deleting rows; :meth:`delete_audio` deletes the files."""
        return False

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


class LegalHoldAdmin(LargeTableAdmin):
    """Legal holds on contacts."""

    empty_message = _("A legal hold keeps everything about a contact from being deleted.")
    list_display = ("contact_link", "contact_type", "reason", "created_at")
    list_select_related = ("contact_type",)
    search_fields = ("=contact_id", "reason")

    def get_page_title(self, obj: LegalHold) -> str:
        return str(capfirst(self.opts.verbose_name))

    @admin.display(description=_("contact"))
    def contact_link(self, hold: LegalHold) -> str:
        """The name of the contact, with a link to its page if it exists."""
        model = hold.contact_type.model_class()
        key = parse(model._meta.pk, hold.contact_id) if model else None
        contact = model._base_manager.filter(pk=key).first() if model and key is not None else None
        if contact is None:
            return hold.contact_name or str(capfirst(_("deleted contact")))
        url = admin_change_url(hold.contact_type_id, hold.contact_id, self.admin_site.name)
        return object_link(url, str(contact))
