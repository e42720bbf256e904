"""Notes, and the follow-ups among them."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Note
from .base import LargeTableAdmin, backend_for
from .html import admin_change_url


class FollowUpState(admin.SimpleListFilter):
    """What is still to be done."""

    title = _("follow up")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """Due, or later, or done."""
        return [("due", _("Due")), ("later", _("Later")), ("done", _("Done"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Note]) -> QuerySet[Note]:
        """By the day."""
        match self.value():
            case "due":
                return queryset.filter(due__lte=timezone.localdate(), done_at=None)
            case "later":
                return queryset.filter(due__gt=timezone.localdate(), done_at=None)
            case "done":
                return queryset.filter(done_at__isnull=False)
        return queryset


@admin.register(Note)
class NoteAdmin(LargeTableAdmin):
    """They are written on the page of the contact; here is what is due."""

    empty_message = _("Write the first one on the page of a contact.")
    list_display = ("text", "who", "due", "author", "created_at", "done_at")
    list_display_links = ("text",)
    list_filter = (FollowUpState, ("author", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("author",)
    sortable_by = ("due",)
    fields = ("who", "text", "due", "author", "created_at", "done_at")
    readonly_fields = ("who", "author", "created_at", "done_at")
    actions = ("finish",)

    @admin.display(description=_("contact"))
    def who(self, note: Note) -> str:
        """With a link."""
        url = admin_change_url(note.contact_type_id, note.contact_id)
        return (
            format_html('<a href="{}" dir="auto">{}</a>', url, note.contact_name)
            if url
            else note.contact_name
        )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Note]:
        """The tenant's."""
        notes: QuerySet[Note] = super().get_queryset(request)
        tenant = backend_for(request).tenant
        return notes.filter(tenant=tenant) if tenant else notes

    def has_add_permission(self, request: HttpRequest) -> bool:
        """On the page of the contact."""
        return False

    @admin.action(description=_("Follow-up is done"), permissions=["change"])
    def finish(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        """Nobody has to come back to these any more."""
        count = queryset.filter(done_at=None).update(done_at=timezone.now())
        self.message_user(request, gettext("Done: %(count)d.") % {"count": count})
