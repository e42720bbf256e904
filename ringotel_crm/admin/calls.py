"""Calls."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.contrib.contenttypes.models import ContentType
from django.db import models, transaction
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..client.call_notes import can_push_notes, push_notes, write_call_to_chat
from ..conf import conf
from ..exceptions import CRMError
from ..models import Activity
from ..models.search import prefix_q
from ..records import Direction, Status
from ..services.calls.access import may_view_calls, visible_calls
from ..services.calls.click_to_call import call_link
from ..services.calls.timeline import related_calls
from ..templatetags.ringotel import ringotel_length as duration
from .assign import assign_view
from .base import LargeTableAdmin, backend_for
from .call_legs import LegInline
from .contacts import add_contact_url, search_contacts, with_recordings
from .filters import AgentFilter, DateFilter, FollowUpFilter, HasContact, HasRecording
from .html import admin_change_url, audio_player, badge, display_number, local_time, play_link
from .live_calls import live_calls_view, live_view
from .overview import overview_view
from .spreadsheets import spreadsheet_cell

CALLS_WRITTEN = 20
CONTACTS_SEARCHED = 100
ARROWS = {Direction.INBOUND: "↙", Direction.OUTBOUND: "↗", Direction.INTERNAL: "↔", None: "?"}
EARLIER_CALLS = 5
DETAILS = (
    *(
        "direction",
        "status",
        "cause",
        "when",
        "ended",
        "caller",
        "called",
        "agent_name",
        "extension",
    ),
    *("call_id", "last_received_subject", "last_received_comment"),
)
EXPORT_COLUMNS = (
    *(
        "call_id",
        "start",
        "end",
        "duration",
        "direction",
        "status",
        "caller_number",
        "caller_e164",
        "called_number",
    ),
    *("called_e164", "extension", "agent_name", "contact_name", "subject", "comment"),
)


class PseudoBuffer:
    """A file that hands back what is written to it."""

    def write(self, text: str) -> str:
        return text


@admin.register(Activity)
class ActivityAdmin(LargeTableAdmin):
    """Calls come from the phone: staff correct who it was and what was said."""

    list_display = ("when", "state", "who", "agent", "about", "length")
    empty_value_display = ""
    list_display_links = ("when",)
    list_filter = (
        DateFilter,
        "direction",
        "status",
        AgentFilter,
        HasContact,
        HasRecording,
        FollowUpFilter,
    )
    sortable_by = ("when",)
    search_fields = ("contact_name",)  # for the box; get_search_results says what it does
    search_help_text = _(
        "A number in any notation, or how a name, an e-mail address or a subject begins."
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
    # What was edited is told by the form as it was opened: the phone may have written to the row since.
    formfield_overrides = {
        kind: {"show_hidden_initial": True}
        for kind in (models.BooleanField, models.CharField, models.TextField)
    }
    editable = frozenset({"subject", "comment", "follow_up", "legal_hold"})
    inlines = (LegInline,)

    @admin.display(description=_("start"), ordering="start")
    def when(self, call: Activity) -> str:
        """When it began."""
        return local_time(call.start) or gettext("not known")

    @admin.display(description=_("end"))
    def ended(self, call: Activity) -> str:
        """When it was over."""
        return local_time(call.end) or gettext("not known")

    @admin.display(description=_("call"))
    def state(self, call: Activity) -> str:
        """Direction and status."""
        direction = Direction(call.direction) if call.direction else None
        words = format_html(
            '<span class="ringotel-badge ringotel-direction" title="{0}"><span aria-hidden="true">{1}</span>'
            ' <span class="ringotel-word">{0}</span></span> ',
            direction.label if direction else gettext("direction not known"),
            ARROWS[direction],
        )
        # Not by get_status_display(): it hashes all translations for each row.
        return words + badge(call.status, str(Status(call.status).label))

    @admin.display(description=_("caller"))
    def who(self, call: Activity) -> str:
        """The contact with a link, else the number."""
        shown, outside = display_number(call), call.outside_number
        number = call_link(outside) if outside.startswith("+") else shown
        if not call.contact_id:
            return format_html(
                '<bdi class="{}">{}</bdi>', "ringotel-number" if shown[-1].isdigit() else "", number
            )
        name = call.contact_name or shown
        url = admin_change_url(call.contact_type_id, call.contact_id)
        who = (
            format_html('<a href="{}" dir="auto">{}</a>', url, name)
            if url
            else format_html("<bdi>{}</bdi>", name)
        )
        return format_html('{}<br><bdi class="ringotel-number quiet">{}</bdi>', who, number)

    @admin.display(description=_("agent"))
    def agent(self, call: Activity) -> str:
        """Who took it."""
        return format_html("<bdi>{}</bdi>", call.agent_name or call.extension)

    @admin.display(description=_("subject"))
    def about(self, call: Activity) -> str:
        """The subject, and whether somebody has to come back to it."""
        mark = badge("follow-up", gettext("follow up")) if call.follow_up else ""
        return format_html('<span dir="auto">{}</span> {}', call.subject, mark)

    @admin.display(description=_("length"))
    def length(self, call: Activity) -> str:
        """Talking time; a player, for who may hear the recording."""
        if getattr(call, "ringotel_audible", False):
            return play_link(
                call.recording, str(call), duration(call.duration or call.recording.seconds)
            )
        return duration(call.duration or None)

    @admin.display(description=_("caller"))
    def caller(self, call: Activity) -> str:
        """The caller's number, for people."""
        return call_link(call.caller_e164) if call.caller_e164 else call.caller_number

    @admin.display(description=_("called"))
    def called(self, call: Activity) -> str:
        """The called number, for people."""
        return call_link(call.called_e164) if call.called_e164 else call.called_number

    # Who sees what

    def has_view_permission(self, request: HttpRequest, obj: Activity | None = None) -> bool:
        """All calls, or own ones: :meth:`get_queryset` leaves out the others."""
        return may_view_calls(request.user)

    def has_change_permission(self, request: HttpRequest, obj: Activity | None = None) -> bool:
        """Of what one sees."""
        return may_view_calls(request.user) and super().has_change_permission(request, obj)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Calls are made by phone."""
        return False

    def has_export_permission(self, request: HttpRequest) -> bool:
        """For the action."""
        return request.user.has_perm("ringotel_crm.export_activity")

    def has_write_to_chat_permission(self, request: HttpRequest) -> bool:
        """Return whether the user may write calls into Ringotel's chats."""
        return bool(conf.RINGOTEL_API_KEY) and request.user.has_perm("ringotel_crm.send_message")

    def has_create_contact_permission(self, request: HttpRequest) -> bool:
        """For the action."""
        return bool(add_contact_url(request, self.admin_site))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        """What this person may see, with what he or she may hear."""
        return with_recordings(visible_calls(backend_for(request), request.user), request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """All but what staff may correct."""
        may_hold = request.user.has_perm("ringotel_crm.change_legalhold")
        editable = self.editable if may_hold else self.editable - {"legal_hold"}
        return [name for name in flatten_fieldsets(self.fieldsets) if name not in editable]

    def save_model(
        self, request: HttpRequest, obj: Activity, form: forms.ModelForm[Activity], change: bool
    ) -> None:
        """Write only what was edited: while the form was open, the call went on."""
        obj.save(update_fields=[*form.changed_data, "subject_normalized", "updated_at"])
        if {"subject", "comment"} & {*form.changed_data} and can_push_notes(obj):
            transaction.on_commit(partial(self.push_notes, request, obj))

    def push_notes(self, request: HttpRequest, call: Activity) -> None:
        """Send subject and comment to Ringotel, and report a failure: they are saved here in any case."""
        try:
            push_notes(call)
        except CRMError as exc:
            message = gettext("Saved here, but not in Ringotel: %(reason)s")
            self.message_user(request, message % {"reason": exc.message}, "warning")

    # What is found

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Activity], search_term: str
    ) -> tuple[QuerySet[Activity], bool]:
        """By number through the indexes, or by the beginning of a name, an e-mail address or a subject."""
        if not search_term.strip():
            return queryset, False
        found = Q()
        if numbers := phone.candidates(search_term):
            found |= Q(caller_e164__in=numbers) | Q(called_e164__in=numbers)
        else:
            found |= prefix_q("contact_name_normalized", search_term) | prefix_q(
                "subject_normalized", search_term
            )
            found |= Q(tenant=backend_for(request).tenant, call_id=search_term.strip())
        for people in search_contacts(request, self.admin_site, search_term):
            keys = dict.fromkeys(
                map(str, people.values_list("pk", flat=True)[: CONTACTS_SEARCHED * 2])
            )
            kind = ContentType.objects.get_for_model(people.model)
            found |= Q(contact_type=kind, contact_id__in=list(keys)[:CONTACTS_SEARCHED])
        return queryset.filter(found), False

    # What can be done

    @admin.action(description=_("Assign to a contact"), permissions=["change"])
    def assign(self, request: HttpRequest, queryset: QuerySet[Activity]) -> HttpResponse:
        """On a page of its own."""
        ids = urlencode({"id": list(queryset.values_list("pk", flat=True)[:100])}, doseq=True)
        return HttpResponseRedirect(f"{reverse('admin:ringotel_crm_activity_assign')}?{ids}")

    @admin.action(description=_("Create a contact from this call"), permissions=["create_contact"])
    def create_contact(
        self, request: HttpRequest, queryset: QuerySet[Activity]
    ) -> HttpResponse | None:
        """The form for a new contact, with the number in it."""
        calls = list(queryset[:2])
        if len(calls) == 1:
            return HttpResponseRedirect(self.new_contact_url(request, calls[0]))
        self.message_user(request, gettext("Choose one call."), "warning")
        return None

    @admin.action(description=_("Mark for follow-up"), permissions=["change"])
    def flag_follow_up(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        """Somebody has to come back to these."""
        self.set_follow_up(request, queryset, True)

    @admin.action(description=_("Follow-up is done"), permissions=["change"])
    def clear_follow_up(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        """Nobody has to any more."""
        self.set_follow_up(request, queryset, False)

    @admin.action(
        description=_("Write into the agent's Ringotel chat"), permissions=["write_to_chat"]
    )
    def write_to_chat(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        """Write the selected calls, at most :data:`CALLS_WRITTEN`, and report each that fails."""
        written = 0
        for call in queryset[:CALLS_WRITTEN]:
            try:
                written += write_call_to_chat(backend_for(request), call)
            except CRMError as exc:
                self.message_user(request, f"{call}: {exc.message}", "error")
        message = ngettext("%(count)d call written.", "%(count)d calls written.", written)
        self.message_user(request, message % {"count": written})

    @admin.action(description=_("Export as CSV"), permissions=["export"])
    def export(self, request: HttpRequest, queryset: QuerySet[Activity]) -> HttpResponseBase:
        """For a spreadsheet, in bounded memory."""
        writer = csv.writer(PseudoBuffer())

        def lines() -> Iterator[str]:
            yield "\ufeff" + writer.writerow(
                [
                    str(getattr(Activity._meta.get_field(name), "verbose_name", name))
                    for name in EXPORT_COLUMNS
                ]
            )
            for call in (
                queryset.select_related(None).values_list(*EXPORT_COLUMNS).iterator(chunk_size=1000)
            ):
                yield writer.writerow([spreadsheet_cell(value) for value in call])

        headers = {"Content-Disposition": 'attachment; filename="calls.csv"'}
        return StreamingHttpResponse(
            lines(), content_type="text/csv; charset=utf-8", headers=headers
        )

    def set_follow_up(
        self, request: HttpRequest, queryset: QuerySet[Activity], value: bool
    ) -> None:
        """The number of those that changed is said above the list."""
        ids = list(queryset.exclude(follow_up=value).values_list("pk", flat=True))
        count = Activity.objects.filter(pk__in=ids).update(
            follow_up=value, updated_at=timezone.now()
        )
        self.message_user(
            request,
            ngettext("%(count)d call changed.", "%(count)d calls changed.", count)
            % {"count": count},
        )

    def new_contact_url(self, request: HttpRequest, call: Activity) -> str:
        """The form for a new contact, with what is known from the call."""
        return add_contact_url(
            request, self.admin_site, name=call.contact_name, number=call.outside_number
        )

    # Pages

    def get_urls(self) -> list[URLPattern]:
        """With the pages about calls."""

        def page(route: str, view: Any) -> Any:
            name = f"ringotel_crm_activity_{route.strip('/').replace('/', '_')}"
            return path(route, self.admin_site.admin_view(view), {"model_admin": self}, name=name)

        return [
            page("live/", live_view),
            page("live/calls/", live_calls_view),
            page("overview/", overview_view),
            page("assign/", assign_view),
            *super().get_urls(),
        ]

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """With a card, what was said before, and what can be done about an unknown caller."""
        call = kwargs.get("obj")
        if call is not None:
            context["new_contact_url"] = (
                "" if call.contact_id else self.new_contact_url(request, call)
            )
            context["ringotel_call"] = {
                "name": call.contact_name or display_number(call),
                "url": admin_change_url(call.contact_type_id, call.contact_id)
                if call.contact_id
                else "",
                "number": call_link(call.outside_e164)
                if call.outside_e164
                else display_number(call),
                "state": self.state(call),
                "when": self.when(call),
                "length": duration(call.duration or None),
                "sound": audio_player(call.recording) if call.ringotel_audible else "",
                "earlier": with_recordings(
                    related_calls(visible_calls(backend_for(request), request.user), call),
                    request.user,
                )[:EARLIER_CALLS],
            }
        return super().render_change_form(request, context, *args, **kwargs)
