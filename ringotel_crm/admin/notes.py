"""Notes and follow-ups."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext

from ..models import Note
from .base import LargeTableAdmin, backend_for
from .html import object_link, object_url


class FollowUpStateFilter(admin.SimpleListFilter):
    """Filter notes by the state of their follow-up."""

    title = _("follow up")
    parameter_name = "open"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("due", _("Due")), ("later", _("Later")), ("done", _("Done"))]

    def queryset(self, request: HttpRequest, queryset: QuerySet[Note]) -> QuerySet[Note]:
        match self.value():
            case "due":
                return queryset.filter(due__lte=timezone.localdate(), done_at=None)
            case "later":
                return queryset.filter(due__gt=timezone.localdate(), done_at=None)
            case "done":
                return queryset.filter(done_at__isnull=False)
        return queryset


class NoteAdmin(LargeTableAdmin):
    """List of notes, mainly of open follow-ups. Notes are added on the page of a contact."""

    empty_message = _("Add the first note on a contact's page.")
    list_display = ("text", "contact_link", "due", "author", "created_at", "done_at")
    list_display_links = ("text",)
    list_filter = (FollowUpStateFilter, ("author", admin.RelatedOnlyFieldListFilter))
    list_select_related = ("author",)
    sortable_by = ("due",)
    fields = ("contact_link", "text", "due", "author", "created_at", "done_at")
    readonly_fields = ("contact_link", "author", "created_at", "done_at")
    actions = ("mark_done",)

    @admin.display(description=_("contact"))
    def contact_link(self, note: Note) -> str:
        url = object_url(self.admin_site, note.contact_type_id, note.contact_id)
        return object_link(url, note.contact_name)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Note]:
        """Limit the notes to the user's tenant."""
        notes: QuerySet[Note] = super().get_queryset(request)
        tenant = backend_for(request).tenant
        return notes.filter(tenant=tenant) if tenant else notes

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    @admin.action(description=_("Mark follow-up as done"), permissions=["change"])
    def mark_done(self, request: HttpRequest, queryset: QuerySet[Note]) -> None:
        count = queryset.filter(done_at=None).update(done_at=timezone.now())
        text = ngettext(
            "%(count)d follow-up marked as done.", "%(count)d follow-ups marked as done.", count
        )
        self.message_user(request, text % {"count": count})
