"""The audit log."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from django.contrib import admin
from django.contrib.auth import get_user_model
from django.db.models import Model
from django.http import HttpRequest
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..backends.mapping import parse
from ..models import AuditEntry, Recording
from .base import LargeTableAdmin, ReadOnlyPermissionsMixin, admin_url, backend_for
from .contact_search import contact_url
from .html import object_link, user_name
from .personal_data import personal_data_view
from .personal_data_report import label

REASONS = {
    "erasure": _("erasure of a person"),
    "retention": _("end of the retention period"),
    "staff": _("deleted by a user"),
}


class AuditEntryAdmin(ReadOnlyPermissionsMixin, LargeTableAdmin):
    """Read-only list of audited actions, and the page about a person's data.

    The page of an entry about a person is the receipt of the export or the erasure.
    """

    tenant_lookup = "tenant"
    empty_message = _("Listening, downloads, deletions and exports are recorded here.")
    list_display = ("at", "user", "action", "subject")
    list_filter = ("action", "kind")
    search_fields = ("user_name", "=object_id")
    fields = ("at", "user", "action", "subject", "formatted_details")
    change_list_template = "admin/ringotel_crm/auditentry/change_list.html"
    change_form_template = "admin/ringotel_crm/auditentry/change_form.html"

    def get_page_title(self, obj: AuditEntry) -> str:
        if obj.kind != AuditEntry.Kind.PERSON:
            return str(capfirst(str(obj)))
        return gettext("Receipt %(number)d") % {"number": obj.pk}

    def get_object(
        self, request: HttpRequest, object_id: str, from_field: str | None = None
    ) -> Any:
        """Load what the entry refers to."""
        entry = super().get_object(request, object_id, from_field)
        self._load(request, [entry] if entry else [])
        return entry

    def get_changelist_instance(self, request: HttpRequest) -> Any:
        """Load what the entries of the page refer to, in a fixed number of queries."""
        changelist = super().get_changelist_instance(request)
        changelist.result_list = [*changelist.result_list]
        self._load(request, changelist.result_list)
        return changelist

    def get_urls(self) -> list[URLPattern]:
        """Add the page about a person's data."""
        view = self.admin_site.admin_view(personal_data_view)
        name = "ringotel_crm_auditentry_personal_data"
        return [path("person/", view, {"model_admin": self}, name=name), *super().get_urls()]

    @admin.display(description=_("user"), ordering="user_name")
    def user(self, entry: Any) -> str:
        """The user's name; the stored user name of a deleted user."""
        return user_name(entry.ringotel_user) or entry.user_name or gettext("system")

    @admin.display(description=_("about"))
    def subject(self, entry: Any) -> str:
        """The call or the person in words, as a link."""
        if entry.kind == AuditEntry.Kind.RECORDING:
            if entry.ringotel_subject is None:
                return str(capfirst(entry.get_kind_display()))
            call = entry.ringotel_subject.activity
            text = gettext("Recording of the call with %(name)s") % {"name": call}
            page = "ringotel_crm_activity_change"
            return object_link(admin_url(self.admin_site, page, call.pk), text)
        if entry.kind != AuditEntry.Kind.PERSON:
            return str(capfirst(entry.get_kind_display()))
        if entry.ringotel_subject is not None:
            return object_link(entry.ringotel_url, str(entry.ringotel_subject))
        return (
            gettext("Deleted contact") if entry.object_id else gettext("Caller without a contact")
        )

    @admin.display(description=_("details"))
    def formatted_details(self, entry: AuditEntry) -> str:
        """The counts and the reason in words."""
        details = [(label(name), _value(value)) for name, value in entry.details.items()]
        if "contact" in entry.details:  # the id
            details = [pair for pair in details if pair[0] != label("contact")]
        items = format_html_join("", "<dt>{}</dt><dd>{}</dd>", details)
        return format_html('<dl class="ringotel-details">{}</dl>', items)

    def _load(self, request: HttpRequest, entries: Iterable[Any]) -> None:
        """Set ``ringotel_user``, ``ringotel_subject`` and ``ringotel_url`` of the entries."""
        users = _in_bulk(get_user_model(), (entry.user_id for entry in entries))
        recordings = Recording.objects.select_related("activity").in_bulk(
            [int(e.object_id) for e in entries if e.kind == AuditEntry.Kind.RECORDING]
        )
        contacts = backend_for(request).contacts
        people = {e.object_id for e in entries if e.kind == AuditEntry.Kind.PERSON} - {""}
        references = {id: contacts.to_reference(id) for id in people}
        keys: dict[type[Model], set[str]] = defaultdict(set)
        for model, key in references.values():
            if model:
                keys[model].add(key)
        found = {model: _in_bulk(model, ids) for model, ids in keys.items()}
        for entry in entries:
            entry.ringotel_user = users.get(entry.user_id)
            entry.ringotel_subject = None
            if entry.kind == AuditEntry.Kind.RECORDING:
                entry.ringotel_subject = recordings.get(int(entry.object_id))
            elif entry.object_id in references:
                model, key = references[entry.object_id]
                entry.ringotel_subject = found.get(model, {}).get(key)  # type: ignore[arg-type]
                entry.ringotel_url = contact_url(request, self.admin_site, entry.object_id)


def _in_bulk(model: type[Model], ids: Iterable[str]) -> dict[str, Model]:
    """Return the objects with these primary keys, by the key as text."""
    keys = {key for id in ids if id and (key := parse(model._meta.pk, id)) is not None}
    objects: Any = model._default_manager.filter(pk__in=keys) if keys else ()
    return {str(obj.pk): obj for obj in objects}


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    return str(REASONS.get(value, value)) if isinstance(value, str) else str(value)
