"""Calls."""

from __future__ import annotations

from functools import partial
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.contrib import admin
from django.contrib.admin.utils import flatten_fieldsets
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, path
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from .. import databases, phone, signals
from ..client.call_notes import can_push_notes, push_notes, write_call_to_chat
from ..conf import conf
from ..exceptions import CRMError
from ..models import Activity, AuditEntry, FollowUp
from ..models.search import has_words, prefix_q, strip_accents, trailing_digits
from ..records import Direction
from ..services.audit import log_action
from ..services.calls.access import (
    VIEW_OWN_NAME,
    may_view_calls,
    own_conditions,
    visible_calls,
)
from ..services.calls.archive import held_calls
from ..services.calls.click_to_call import call_link
from ..services.calls.states import call_state
from ..services.calls.timeline import earlier_calls
from ..services.follow_ups import add_to_calls, with_follow_ups
from ..templatetags.ringotel import ringotel_length as duration
from ..templatetags.ringotel import ringotel_status
from .assign import MAX_CALLS, assign_view
from .base import UNSAVED, LargeTableAdmin, admin_url, backend_for
from .call_export import stream_csv
from .call_legs import CallLegInline
from .call_subjects import SubjectInput, offered_subjects
from .callbacks import count_label
from .caller_lookup import caller_lookup_view
from .concurrent_edits import ConcurrentEditAdminMixin
from .contact_search import add_contact_url, contact_conditions
from .desk import desk_view
from .filters import (
    AgentFilter,
    DateFilter,
    FollowUpFilter,
    HasContact,
    HasRecording,
    HourFilter,
    StateFilter,
)
from .follow_ups import FollowUpInline, finish
from .html import (
    audio_player,
    badge,
    local_time,
    object_link,
    object_url,
    play_link,
)
from .linking import undo_links_view
from .live_calls import live_calls_view, live_view
from .overview import overview_view
from .personal_data import personal_data_url
from .timeline import mark_hidden, with_recordings

# Calls that are written into chats at once.
MAX_CALLS_WRITTEN = 20
MAX_EARLIER_CALLS = 5
ARROWS = {Direction.INBOUND: "↙", Direction.OUTBOUND: "↗", Direction.INTERNAL: "↔", None: "?"}
DETAILS = (
    "direction",
    "state",
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


class ActivityAdmin(ConcurrentEditAdminMixin, LargeTableAdmin):
    """Calls. They are created by the API; staff edit subject, comment, follow-ups and contact."""

    list_display = (
        "start_time",
        "status_badges",
        "contact_link",
        "agent",
        "subject_line",
        "talk_time",
    )
    empty_value_display = ""
    view_permission_name = VIEW_OWN_NAME
    list_display_links = ("start_time",)
    list_filter = (
        DateFilter,
        HourFilter,
        "direction",
        StateFilter,
        AgentFilter,
        HasContact,
        HasRecording,
        FollowUpFilter,
    )
    sortable_by = ("start_time",)
    # Enables the search box; get_search_results() does the search.
    search_fields = ("contact_name",)
    search_help_text = _(
        "Words of a name or company, the start of an e-mail address or subject, a phone number in "
        "any format or its last digits."
    )
    actions = (
        "assign",
        "create_contact",
        "add_follow_up",
        "finish_follow_up",
        "write_to_chat",
        "export",
    )
    change_form_template = "admin/ringotel_crm/activity/change_form.html"
    change_list_template = "admin/ringotel_crm/activity/change_list.html"
    fieldsets = (
        (None, {"fields": ("subject", "comment", "legal_hold")}),
        (_("Details"), {"fields": DETAILS, "classes": ("collapse",)}),
    )
    editable = frozenset({"subject", "comment", "legal_hold"})
    inlines = (FollowUpInline, CallLegInline)

    @property
    def media(self) -> forms.Media:
        return super().media + UNSAVED

    def get_page_title(self, obj: Activity) -> str:
        return gettext("Call with %(name)s") % {"name": obj.contact_name or obj.display_number}

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
        state = call_state(call)
        return arrow + badge(state, str(state.label))

    @admin.display(description=_("status"))
    def state(self, call: Activity) -> str:
        return ringotel_status(call)

    @admin.display(description=_("caller"))
    def contact_link(self, call: Activity) -> str:
        """The contact with the number below it, or the number alone."""
        text = call.display_number
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
        """The subject, and whether a follow-up is open."""
        is_open = call.ringotel_follow_up  # type: ignore[attr-defined]
        flag = badge("follow-up", gettext("follow-up")) if is_open else ""
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

    def has_add_follow_up_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ringotel_crm.add_followup")

    def has_finish_follow_up_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ringotel_crm.change_followup")

    def has_create_contact_permission(self, request: HttpRequest) -> bool:
        return bool(add_contact_url(request, self.admin_site))

    def get_queryset(self, request: HttpRequest) -> QuerySet[Activity]:
        """Return the calls that the user may view, with recordings and open follow-ups."""
        calls = visible_calls(backend_for(request), request.user)
        return with_follow_ups(with_recordings(calls, request.user))

    def get_index_conditions(self, request: HttpRequest) -> list[Q]:
        return own_conditions(backend_for(request), request.user)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        """Return all fields but :attr:`editable`; the legal hold needs its own permission."""
        may_hold = request.user.has_perm("ringotel_crm.change_legalhold")
        editable = self.editable if may_hold else self.editable - {"legal_hold"}
        return [name for name in flatten_fieldsets(self.fieldsets) if name not in editable]

    def formfield_for_dbfield(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """Offer the call subjects."""
        field = super().formfield_for_dbfield(db_field, request, **kwargs)
        if db_field.name == "subject" and field:
            field.widget = SubjectInput(offered_subjects(request))
        return field

    def save_model(
        self, request: HttpRequest, obj: Activity, form: forms.ModelForm[Activity], change: bool
    ) -> None:
        """Save only the edited fields: the API may have updated the others in the meantime."""
        obj.save(update_fields=[*form.changed_data, "subject_normalized", "updated_at"])
        if {"subject", "comment"} & {*form.changed_data}:
            signals.send_on_commit(signals.call_updated, Activity, activity=obj)
            if can_push_notes(obj):
                databases.on_commit(partial(self.push_notes, request, obj))

    def get_deleted_objects(self, objs: Any, request: HttpRequest) -> Any:
        """Add the calls under a legal hold to the objects that prevent the deletion."""
        deleted, counts, missing, protected = super().get_deleted_objects(objs, request)
        held = held_calls(Activity.objects.filter(pk__in=[call.pk for call in objs]))
        texts = [gettext("Legal hold: %(reason)s") % {"reason": call} for call in held]
        return deleted, counts, missing, [*protected, *texts]

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
        """Search by number, by contact, or by the start of the contact's name or the subject."""
        if not search_term.strip():
            return queryset, False
        text = strip_accents(search_term)
        conditions = [
            prefix_q("contact_name_normalized", text),
            prefix_q("subject_normalized", text),
            Q(subject_normalized__in=self._offered_subjects_with(request, search_term)),
            *contact_conditions(request, self.admin_site, search_term),
        ]
        if "\0" not in search_term:
            tenant = backend_for(request).tenant
            conditions.append(Q(tenant=tenant, call_id=search_term.strip()))
        if numbers := phone.candidates(search_term):
            conditions += [Q(caller_e164__in=numbers), Q(called_e164__in=numbers)]
        if digits := trailing_digits(search_term):
            conditions.append(prefix_q("outside_number_reversed", digits))
        return self.search_by_index(request, queryset, conditions)

    def _offered_subjects_with(self, request: HttpRequest, text: str) -> list[str]:
        """Return the offered subjects that have the words of ``text``, as they are stored."""
        subjects = offered_subjects(request)
        return [strip_accents(subject) for subject in subjects if has_words(subject, text)]

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

    @admin.action(description=_("Mark for follow-up"), permissions=["add_follow_up"])
    def add_follow_up(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        """Add a follow-up of the user, due today, to the calls that have no open one."""
        without_open: Any = {"ringotel_follow_up": False}
        calls = list(queryset.filter(**without_open)[:MAX_CALLS])
        add_to_calls(calls, gettext("Call back"), assignee=request.user)
        text = ngettext(
            "%(count)d call marked for follow-up today.",
            "%(count)d calls marked for follow-up today.",
            len(calls),
        )
        self.message_user(request, text % {"count": len(calls)})

    @admin.action(description=_("Mark follow-up as done"), permissions=["finish_follow_up"])
    def finish_follow_up(self, request: HttpRequest, queryset: QuerySet[Activity]) -> None:
        ids = list(queryset.order_by().values_list("pk", flat=True))
        finish(request, self.admin_site, FollowUp.objects.filter(activity__in=ids))

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
        """Log the export, and respond with a CSV file."""
        tenant = backend_for(request).tenant
        counts = {"calls": queryset.count()}
        kind = AuditEntry.Kind.CALLS
        log_action(AuditEntry.Action.EXPORTED, kind, "", user=request.user, tenant=tenant, **counts)
        return stream_csv(queryset)

    # Pages

    def get_urls(self) -> list[URLPattern]:
        """Add the pages about calls."""

        def page(route: str, name: str, view: Any) -> Any:
            wrapped = self.admin_site.admin_view(view)
            return path(route, wrapped, {"model_admin": self}, name=f"ringotel_crm_activity_{name}")

        return [
            page("desk/", "desk", desk_view),
            page("live/", "live", live_view),
            page("live/calls/", "live_calls", live_calls_view),
            page("overview/", "overview", overview_view),
            page("assign/", "assign", assign_view),
            page("undo-links/", "undo_links", undo_links_view),
            page("caller-lookup/", "caller_lookup", caller_lookup_view),
            *super().get_urls(),
        ]

    def changelist_view(
        self, request: HttpRequest, extra_context: dict[str, Any] | None = None
    ) -> HttpResponse:
        """Add the number of callers to call back."""
        context = {"callback_count": count_label(request)} if may_view_calls(request.user) else {}
        return super().changelist_view(request, context | (extra_context or {}))

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the card, earlier calls and, for an unknown caller, the link to add a contact."""
        call = kwargs.get("obj")
        if call is not None:
            context["ringotel_call"] = self._card(request, call)
            if not call.contact_id:
                context["new_contact_url"] = self._new_contact_url(request, call)
                if number := call.outside_e164:
                    context["personal_data_url"] = personal_data_url(
                        request, self.admin_site, number=number
                    )
        return super().render_change_form(request, context, *args, **kwargs)

    def _card(self, request: HttpRequest, call: Activity) -> dict[str, Any]:
        number = call.display_number
        backend, user = backend_for(request), request.user
        found = with_recordings(earlier_calls(backend, user, call), user)
        earlier = list(found[:MAX_EARLIER_CALLS])
        mark_hidden(earlier, visible_calls(backend, user))
        player = ""
        if call.ringotel_playable:  # type: ignore[attr-defined]
            may_download = user.has_perm("ringotel_crm.download_recording")
            player = audio_player(call.recording, may_download=may_download)
        return {
            "name": call.contact_name or number,
            "url": self._contact_url(call),
            "number": call_link(call.outside_e164) if call.outside_e164 else number,
            "status": self.status_badges(call),
            "start": self.start_time(call),
            "talk_time": duration(call.duration or None),
            "player": player,
            "earlier_calls": earlier,
        }

    def _contact_url(self, call: Activity) -> str:
        if not call.contact_id:
            return ""
        return object_url(self.admin_site, call.contact_type_id, call.contact_id)

    def _new_contact_url(self, request: HttpRequest, call: Activity) -> str:
        return add_contact_url(
            request, self.admin_site, name=call.contact_name, number=call.outside_number, call=call
        )
