"""Notes."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.http import HttpRequest
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..models import Note
from .base import LargeTableAdmin
from .html import local_time, object_link, object_url, user_name


class AuthorFilter(admin.RelatedOnlyFieldListFilter):
    """Filter by author, shown by name."""

    def field_choices(self, field: Any, request: HttpRequest, model_admin: Any) -> Any:
        """Return the keys and names of the authors of notes."""
        keys = [key for key, _name in super().field_choices(field, request, model_admin)]
        users = get_user_model()._default_manager.in_bulk(keys)
        return sorted(((pk, user_name(user)) for pk, user in users.items()), key=lambda c: c[1])


class NoteAdmin(LargeTableAdmin):
    """List of notes. They are added on the page of a contact."""

    tenant_lookup = "tenant"
    empty_message = _("Add the first note on a contact's page.")
    list_display = ("text", "contact_link", "author_name", "created_at")
    list_display_links = ("text",)
    list_filter = (("author", AuthorFilter),)
    list_select_related = ("author",)
    sortable_by = ()
    fields = ("contact_link", "text", "author_name", "created")
    readonly_fields = ("contact_link", "author_name", "created")

    def get_page_title(self, obj: Any) -> str:
        return gettext("Note about %(name)s") % {"name": obj.contact_name or gettext("Unknown")}

    @admin.display(description=_("contact"))
    def contact_link(self, note: Note) -> str:
        url = object_url(self.admin_site, note.contact_type_id, note.contact_id)
        return object_link(url, note.contact_name)

    @admin.display(description=_("author"))
    def author_name(self, note: Note) -> str:
        return user_name(note.author)

    @admin.display(description=_("created"))
    def created(self, note: Note) -> str:
        return local_time(note.created_at)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False
