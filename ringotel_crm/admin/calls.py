"""Calls."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from itertools import chain, islice
from operator import attrgetter
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.contenttypes.models import ContentType
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import databases, phone
from ..client.call_notes import can_push_notes, push_notes, write_call_to_chat
from ..conf import conf
from ..contact_files.cells import escape_formula
from ..exceptions import CRMError
from ..hooks.streaming import Stream
from ..models import Activity
from ..models.search import prefix_q
from ..records import Direction
from ..services.calls.access import may_view_calls, visible_calls
from ..services.calls.click_to_call import call_link
from ..services.calls.timeline import related_calls
from ..templatetags.ringotel import ringotel_length as duration
from ..templatetags.ringotel import ringotel_status
from .assign import MAX_CALLS, assign_view
from .base import LargeTableAdmin, admin_url, backend_for
from .call_legs import CallLegInline
from .caller_lookup import caller_lookup_view
from .contact_search import add_contact_url, search_contacts
from .filters import AgentFilter, DateFilter, FollowUpFilter, HasContact, HasRecording, HourFilter
from .html import (
    admin_change_url,
    audio_player,
    badge,
    display_number,
    local_time,
    object_link,
    play_link,
)
from .live_calls import live_calls_view, live_view
from .overview import overview_view
from .timeline import with_recordings

# Calls that are written into chats at once.
MAX_CALLS_WRITTEN = 20
MAX_CONTACTS_SEARCHED = 100
MAX_EARLIER_CALLS = 5
ARROWS = {Direction.INBOUND: "↙", Direction.OUTBOUND: "↗", Direction.INTERNAL: "↔", None: "?"}
DETAILS = (
    "direction",
    "status",
    "cause",
    "start_time",
    "end_time",
    "caller",
    "called",
    "agent_name",
    "extension",
    "call_id",
    "last_received_subject",
    "last_received_comment",
)
EXPORT_COLUMNS = (
    "call_id",
    "start",
    "end",
    "duration",
    "direction",
    "status",
    "caller_number",
    "caller_e164",
    "called_number",
    "called_e164",
    "extension",
    "agent_name",
    "contact_name",
    "subject",
    "comment",
)


class PseudoBuffer:
    """File-like object for streaming CSV: ``write()`` returns the text."""

    def write(self, text: str) -> str:
        return text


class ActivityAdmin(LargeTableAdmin):
    """Calls. They are created by the API; staff edit subject, comment, flags and the contact."""

    list_display = (
        "start_time",
        "status_badges",
        "contact_link",
        "agent",
        "subject_line",
        "talk_time",
    )
    empty_value_display = ""
    list_display_links = ("start_time",)
    list_filter = (
        DateFilter,
        HourFilter,
        "direction",
        "status",
        AgentFilter,
        HasContact,
        HasRecording,
        FollowUpFilter,
    )
    sortable_by = ("start_time",)
    # Enables the search box; get_search_results() does the search.
    search_fields = ("contact_name",)
    search_help_text = _(
        "Phone number in any format, or the start of a name, company, e-mail or subject."
    )
    actions = (
        "assign",
        "create_contact",
        "flag_follow_up",
        "clear_follow_up",
        "write_to_chat",
        "export",
    )
    change_form_template = "admin/ringotel_crm/activity/change_form.html"
    change_list_template = "admin/ringotel_crm/activity/change_list.html"
    fieldsets = (
        (None, {"fields": ("subject", "comment", "follow_up", "legal_hold")}),
        (_("Details"), {"fields": DETAILS, "classes": ("collapse",)}),
    )
    # Compare edits with the values when the form was opened: the API may have written to the row
    # since.
    formfield_overrides = {
        field: {"show_hidden_initial": True}
        for field in (models.BooleanField, models.CharField, models.TextField)
    }
    editable = frozenset({"subject", "comment", "follow_up", "legal_hold"})
    inlines = (CallLegInline,)

    def get_page_title(self, obj: Activity) -> str:
        return gettext("Call with %(name)s") % {"name": obj.contact_name or display_number(obj)}

    # Columns and read-only fields

    @admin.display(description=_("start"), ordering="start")
    def start_time(self, call: Activity) -> str:
        return local_time(call.start) or gettext("unknown")

    @admin.display(description=_("end"))
    def end_time(self, call: Activity) -> str:
        return local_time(call.end) or gettext("unknown")

    @admin.display(description=_("call"))
    def status_badges(self, call: Activity) -> str:
        """The direction as an arrow and the status in words."""
        direction = Direction(call.direction) if call.direction else None
        label = direction.label if direction else gettext("direction unknown")
        arrow = format_html(
            '<span class="ringotel-badge ringotel-direction" title="{0}">'
            '<span aria-hidden="true">{1}</span> <span class="ringotel-word">{0}</span></span> ',
            label,
            ARROWS[direction],
        )
        return arrow + badge(call.status, ringotel_status(call))

    @admin.display(description=_("caller"))
    def contact_link(self, call: Activity) -> str:
        """The contact with the number below it, or the number alone."""
        text = display_number(call)
        number = call_link(call.outside_e164) if call.outside_e164 else text
        if not call.contact_id:
            css_class = "ringotel-number" if text[-1].isdigit() else ""
            return format_html('<bdi class="{}">{}</bdi>', css_class, number)
        url = self._contact_url(call)
        contact = object_link(url, call.contact_name or text)
        return format_html('{}<br><bdi class="ringotel-number quiet">{}</bdi>', contact, number)

    @admin.display(description=_("agent"))
    def agent(self, call: Activity) -> str:
        return format_html("<bdi>{}</bdi>", call.agent_name or call.extension)

    @admin.display(description=_("subject"))
    def subject_line(self, call: Activity) -> str:
        """The subject and the follow-up flag."""
        flag = badge("follow-up", gettext("follow up")) if call.follow_up else ""
        return format_html('<span dir="auto">{}</span> {}', call.subject, flag)

    @admin.display(description=_("length"))
    def talk_time(self, call: Activity) -> str:
        """The talk time; a link to the recording if the user may play it."""
        if getattr(call, "ringotel_playable", False):
            length = duration(call.duration or call.recording.seconds)
            return play_link(call.recording, str(call), length)
        return duration(call.duration or None)

    @admin.display(description=_("caller"))
    def caller(self, call: Activity) -> str:
        return call_link(call.caller_e164) if call.caller_e164 else call.caller_number

    @admin.display(description=_("called"))
    def called(self, call: Activity) -> str:
        return call_link(call.called_e164) if call.called_e164 else call.called_number

    # Permissions

    def has_view_permission(self, request: HttpRequest, obj: Activity | None = None) -> bool:
        """Require permission to view all calls or own calls; :meth:`get_queryset` limits them."""
        return may_view_calls(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Activity | None = None) -> bool:
        return may_view_calls(request.user) and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ringotel_crm.export_activity")

    def has_write_to_chat_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may write calls into Ringotel's chats."""
        return bool(conf.RINGOTEL_API_KEY) and request.user.has_perm("ringotel_crm.send_message")

    def has_create_contact_permission(self, request: HttpRequest) -> bool:
        return bool(add_contact_url(request, self.admin_site))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        """Return the calls that the user may view, with their recordings."""
        return with_recordings(visible_calls(backend_for(request), request.user), request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return all fields but :attr:`editable`; the legal hold needs its own permission."""
        may_hold = request.user.has_perm("ringotel_crm.change_legalhold")
        editable = self.editable if may_hold else self.editable - {"legal_hold"}
        return [name for name in flatten_fieldsets(self.fieldsets) if name not in editable]

    def save_model(
        self, request: HttpRequest, obj: Activity, form: forms.ModelForm[Activity], change: bool
    ) -> None:
        """Save only the edited fields: the API may have updated the others in the meantime."""
        obj.save(update_fields=[*form.changed_data, "subject_normalized", "updated_at"])
        if {"subject", "comment"} & {*form.changed_data} and can_push_notes(obj):
            databases.on_commit(partial(self.push_notes, request, obj))

    def push_notes(self, request: HttpRequest, call: Activity) -> None:
        """Send subject and comment, which are saved already, to Ringotel, and report a failure."""
        try:
            push_notes(call)
        except CRMError as exc:
            message = gettext("Saved here, but not in Ringotel: %(reason)s")
            self.message_user(request, message % {"reason": exc.message}, "warning")

    # Search

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Activity], search_term: str
    ) -> tuple[QuerySet[Activity], bool]:
        """Search by number, or by the start of contact name or subject, or by contact."""
        if not search_term.strip():
            return queryset, False
        if numbers := phone.candidates(search_term):
            query = Q(caller_e164__in=numbers) | Q(called_e164__in=numbers)
        else:
            query = prefix_q("contact_name_normalized", search_term)
            query |= prefix_q("subject_normalized", search_term)
            query |= Q(tenant=backend_for(request).tenant, call_id=search_term.strip())
        for contacts in search_contacts(request, self.admin_site, search_term):
            # Searches may return an object twice.
            keys = contacts.values_list("pk", flat=True)[: MAX_CONTACTS_SEARCHED * 2]
            ids = list(dict.fromkeys(map(str, keys)))[:MAX_CONTACTS_SEARCHED]
            content_type = ContentType.objects.get_for_model(contacts.model)
            query |= Q(contact_type=content_type, contact_id__in=ids)
        return queryset.filter(query), False

    # Actions

    @admin.action(description=_("Assign to a contact"), permissions=["change"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Activity]) -> HttpResponse:
        """Redirect to the page that assigns the calls."""
        ids = list(queryset.values_list("pk", flat=True)[:MAX_CALLS])
        url = admin_url(self.admin_site, "ringotel_crm_activity_assign")
        return HttpResponseRedirect(f"{url}?{urlencode({'id': ids}, doseq=True)}")

    @admin.action(description=_("Create a contact from this call"), permissions=["create_contact"])
    def create_contact(
        self, request: HttpRequest, queryset: QuerySet[Activity]
    ) -> HttpResponse | None:
        """Redirect to the form for a new contact with the call's number filled in."""
        calls = list(queryset[:2])
        if len(calls) == 1:
            return HttpResponseRedirect(self._new_contact_url(request, calls[0]))
        self.message_user(request, gettext("Select one call."), "warning")
        return None

    @admin.action(description=_("Mark for follow-up"), permissions=["change"])
    def flag_follow_up(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        self._set_follow_up(request, queryset, True)

    @admin.action(description=_("Mark follow-up as done"), permissions=["change"])
    def clear_follow_up(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        self._set_follow_up(request, queryset, False)

    @admin.action(
        description=_("Write into the agent's Ringotel chat"), permissions=["write_to_chat"]
    )
    def write_to_chat(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        """Write at most :data:`MAX_CALLS_WRITTEN` selected calls, and report each that fails."""
        written = 0
        for call in queryset[:MAX_CALLS_WRITTEN]:
            try:
                written += write_call_to_chat(backend_for(request), call)
            except CRMError as exc:
                self.message_user(request, f"{call}: {exc.message}", "error")
        message = ngettext("%(count)d call written.", "%(count)d calls written.", written)
        self.message_user(request, message % {"count": written})

    @admin.action(description=_("Export as CSV"), permissions=["export"])
    def export(self, request: HttpRequest, queryset: QuerySet[Activity]) -> HttpResponseBase:
        """Stream the calls as CSV in bounded memory."""
        writer = csv.writer(PseudoBuffer())
        titles = [str(Activity._meta.get_field(name).verbose_name) for name in EXPORT_COLUMNS]  # type: ignore[union-attr]
        calls = databases.by_primary_key(
            queryset.select_related(None).only(*EXPORT_COLUMNS), latest_first=True
        )
        # The first row is fetched here, while an error can still become an error response.
        calls = chain(list(islice(calls, 1)), calls)
        values = attrgetter(*EXPORT_COLUMNS)

        def lines() -> Iterator[str]:
            yield "\ufeff" + writer.writerow(titles)
            while page := list(islice(calls, databases.PAGE)):
                databases.release_connections()  # the client may read slowly
                for call in page:
                    yield writer.writerow(
                        [escape_formula(v) if isinstance(v, str) else v for v in values(call)]
                    )

        headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
        return Stream(lines(), content_type="text/csv; charset=utf-8", headers=headers)

    def _set_follow_up(
        self, request: HttpRequest, queryset: QuerySet[Activity], value: bool
    ) -> None:
        """Set the flag and report the number of changed calls."""
        ids = list(queryset.exclude(follow_up=value).values_list("pk", flat=True))
        calls = Activity.objects.filter(pk__in=ids)
        count = calls.update(follow_up=value, updated_at=timezone.now())
        text = ngettext("%(count)d call changed.", "%(count)d calls changed.", count)
        self.message_user(request, text % {"count": count})

    # Pages

    def get_urls(self) -> list[URLPattern]:
        """Add the pages about calls."""

        def page(route: str, name: str, view: Any) -> Any:
            wrapped = self.admin_site.admin_view(view)
            return path(route, wrapped, {"model_admin": self}, name=f"ringotel_crm_activity_{name}")

        return [
            page("live/", "live", live_view),
            page("live/calls/", "live_calls", live_calls_view),
            page("overview/", "overview", overview_view),
            page("assign/", "assign", assign_view),
            page("caller-lookup/", "caller_lookup", caller_lookup_view),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the card, earlier calls and, for an unknown caller, the link to add a contact."""
        call = kwargs.get("obj")
        if call is not None:
            context["ringotel_call"] = self._card(request, call)
            if not call.contact_id:
                context["new_contact_url"] = self._new_contact_url(request, call)
        return super().render_change_form(request, context, *args, **kwargs)

    def _card(self, request: HttpRequest, call: Activity) -> dict[str, Any]:
        number = display_number(call)
        calls = visible_calls(backend_for(request), request.user)
        earlier = with_recordings(related_calls(calls, call), request.user)
        player = audio_player(call.recording) if call.ringotel_playable else ""  # type: ignore[attr-defined]
        return {
            "name": call.contact_name or number,
            "url": self._contact_url(call),
            "number": call_link(call.outside_e164) if call.outside_e164 else number,
            "status": self.status_badges(call),
            "start": self.start_time(call),
            "talk_time": duration(call.duration or None),
            "player": player,
            "earlier_calls": earlier[:MAX_EARLIER_CALLS],
        }

    def _contact_url(self, call: Activity) -> str:
        if not call.contact_id:
            return ""
        return admin_change_url(call.contact_type_id, call.contact_id, self.admin_site.name)

    def _new_contact_url(self, request: HttpRequest, call: Activity) -> str:
        return add_contact_url(
            request, self.admin_site, name=call.contact_name, number=call.outside_number
        )
