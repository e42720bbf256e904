"""Conversations in writing."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import (
    Case,
    Count,
    F,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Value,
    When,
)
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST

from .. import databases, phone
from ..client.sms import get_sms_backend, send_reply
from ..models import Conversation, Message
from ..models.search import prefix_q, strip_accents, trailing_digits
from ..services.calls.click_to_call import call_link
from ..services.messages import UNREAD, mark_conversation_read
from .base import UNSAVED, LargeTableAdmin, admin_url, backend_for
from .contact_search import contact_conditions
from .html import badge, local_time, object_url, user_name

SHOWN = 200  # messages, the latest
CarrierStatus = Message.CarrierStatus


class ReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A reply. The key makes sure that a form that is submitted twice sends once."""

    reply = forms.CharField(
        label=_("Reply"),
        required=False,
        max_length=1600,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto", "class": "vLargeTextField"}),
    )
    key = forms.UUIDField(required=False, widget=forms.HiddenInput)

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = ()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A read-only form has no fields.
        if "reply" in self.fields:
            self.fields["reply"].help_text = get_sms_backend().get_help_text()
            self.fields["key"].initial = uuid.uuid4


class UnreadFilter(admin.SimpleListFilter):
    """Filter by whether the conversation was read in the Ringotel app or here."""

    title = _("messages")
    parameter_name = "unread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Unread"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conversation]
    ) -> QuerySet[Conversation]:
        return queryset.filter(UNREAD) if self.value() == "1" else queryset


class ConversationAdmin(LargeTableAdmin):
    """All messages between an agent and an outside number."""

    tenant_lookup = "tenant"
    form = ReplyForm
    empty_message = _("Conversations start with the first message from Ringotel's webhook.")
    list_display = ("title", "number", "agent_name", "last_at")
    list_filter = (UnreadFilter, "agent_name")
    # Enables the search box; get_search_results() does the search.
    search_fields = ("contact_name",)
    search_help_text = _("Words of a name or company, a phone number or its last digits.")
    sortable_by = ("last_at",)

    @property
    def media(self) -> forms.Media:
        return super().media + UNSAVED

    def get_queryset(self, request: HttpRequest) -> QuerySet[Conversation]:
        """Count the unread messages of each unread conversation."""
        received = Message.objects.filter(
            Q(conversation__read_at=None) | Q(at__gt=F("conversation__read_at")),
            conversation=OuterRef("pk"),
            is_outgoing=False,
            deleted_at=None,
        )
        count = received.order_by().values("conversation").annotate(count=Count("pk"))
        unread = Case(When(UNREAD, then=Subquery(count.values("count"))), default=Value(0))
        conversations: QuerySet[Conversation] = super().get_queryset(request)
        return conversations.annotate(ringotel_unread=unread)

    def get_urls(self) -> list[URLPattern]:
        """Add the URL to which the button "Mark as read" posts."""
        view = self.admin_site.admin_view(require_POST(self.read_view))
        read = path("<path:object_id>/read/", view, name="ringotel_crm_conversation_read")
        return [read, *super().get_urls()]

    def read_view(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """Mark the conversation as read, and return to its page."""
        conversation = self.get_object(request, object_id)
        if conversation is None:
            raise Http404
        if not self.has_change_permission(request, conversation):
            raise PermissionDenied
        mark_conversation_read(conversation)
        url = admin_url(self.admin_site, "ringotel_crm_conversation_change", conversation.pk)
        return HttpResponseRedirect(url)

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """Return the fields of a reply, for users who may reply."""
        return ("reply", "key") if self.has_change_permission(request, obj) else ()

    def get_page_title(self, obj: Any) -> str:
        return gettext("Messages with %(name)s") % {"name": obj}

    def render_change_form(
        self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any
    ) -> HttpResponse:
        """Add the messages, and who takes part in the conversation."""
        if (conversation := kwargs.get("obj")) is not None:
            context["ringotel_chat"] = {
                "number": self.number(conversation),
                "person": self.person(conversation),
                "local_number": phone.display(conversation.local_number),
                "unread": unread_text(conversation) if conversation.is_unread else "",
                "messages": self.latest_messages(conversation),
                "max": SHOWN,
            }
        return super().render_change_form(request, context, *args, **kwargs)

    def get_search_results(
        self, request: HttpRequest, queryset: QuerySet[Conversation], search_term: str
    ) -> tuple[QuerySet[Conversation], bool]:
        """Search by contact, by the start of its name, and by number."""
        if not search_term.strip():
            return queryset, False
        conditions = [
            prefix_q("contact_name_normalized", strip_accents(search_term)),
            *contact_conditions(request, self.admin_site, search_term),
            *(Q(remote_number_reversed=n[:0:-1]) for n in phone.candidates(search_term)),
        ]
        if digits := trailing_digits(search_term):
            conditions.append(prefix_q("remote_number_reversed", digits))
        return self.search_by_index(request, queryset, conditions)

    @admin.display(description=_("conversation"))
    def title(self, conversation: Any) -> str:
        """Return the contact or the number, with the number of unread messages."""
        mark = badge("follow-up", unread_text(conversation)) if conversation.is_unread else ""
        return format_html("<bdi>{}</bdi> {}", str(conversation), mark)

    @admin.display(description=_("number"))
    def number(self, conversation: Conversation) -> str:
        """Return the outside number, as a link that calls it if it is one."""
        key = conversation.remote_number_normalized
        return call_link(key) if phone.display(key) != key else conversation.remote_number

    @admin.display(description=_("contact"))
    def person(self, conversation: Conversation) -> str:
        """Return the contact, as a link."""
        url = object_url(self.admin_site, conversation.contact_type_id, conversation.contact_id)
        if not url:
            return conversation.contact_name or gettext("Unknown")
        return format_html('<a href="{}">{}</a>', url, conversation.contact_name)

    def latest_messages(self, conversation: Conversation) -> list[dict[str, Any]]:
        """Return what the page shows of the latest messages, oldest first."""
        latest = conversation.messages.select_related("author").order_by("-at", "-pk")[:SHOWN]
        return [self._describe(conversation, message) for message in reversed(latest)]

    def _describe(self, conversation: Conversation, message: Message) -> dict[str, Any]:
        is_outgoing = message.is_outgoing
        sender = user_name(message.author) or conversation.agent_name or gettext("we")
        # That a received message was sent goes without saying.
        has_state = is_outgoing or message.status != Message.Status.SENT
        return {
            "is_outgoing": is_outgoing,
            "time": local_time(message.at),
            "author": sender if is_outgoing else str(conversation),
            "delivery": message.delivery if has_state else "",
            "is_failed": message.carrier_status in (CarrierStatus.FAILED, CarrierStatus.UNKNOWN),
            "content": self._content(message),
        }

    def _content(self, message: Message) -> str:
        if message.deleted_at:
            return gettext("(deleted)")
        if message.file:
            url = reverse("ringotel_crm:message-file", args=[message.pk])
            return format_html('<a href="{}">{}</a>', url, gettext("file"))
        if message.file_url:
            reason = message.file_error or gettext("not downloaded yet")
            return gettext("(a file: %(reason)s)") % {"reason": reason}
        return message.text

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The only change is a reply."""
        return request.user.has_perm("ringotel_crm.send_message")

    @databases.non_atomic_requests
    def change_view(
        self,
        request: HttpRequest,
        object_id: str,
        form_url: str = "",
        extra_context: dict[str, Any] | None = None,
    ) -> Any:
        """Send a reply outside any transaction: it must be stored before it is sent."""
        if request.method == "POST":
            conversation = self.get_object(request, object_id)
            form = ReplyForm(request.POST, instance=conversation)
            if (
                conversation
                and self.has_change_permission(request, conversation)
                and form.is_valid()
            ):
                return self._send(request, conversation, form)
        return super().change_view(request, object_id, form_url, extra_context)

    def _send(
        self, request: HttpRequest, conversation: Conversation, form: ReplyForm
    ) -> HttpResponse:
        text, key = form.cleaned_data["reply"].strip(), form.cleaned_data["key"] or uuid.uuid4()
        changes = [{"changed": {"fields": ["Reply"]}}] if text else []
        self.log_change(request, conversation, changes)
        if text:
            reply = send_reply(backend_for(request), conversation, text, key=key.hex)
            level, words = _outcome(reply)
            messages.add_message(request, level, words)
        return HttpResponseRedirect(request.path)


def unread_text(conversation: Any) -> str:
    """Return how many messages of an unread conversation are unread, if that is known."""
    if not conversation.ringotel_unread:
        return gettext("unread")
    text = ngettext("%(count)s unread", "%(count)s unread", conversation.ringotel_unread)
    return text % {"count": conversation.ringotel_unread}


def _outcome(reply: Message) -> tuple[int, str]:
    """Return the level and the text of the message about a reply."""
    reason = {"reason": reply.carrier_error}
    match reply.carrier_status:
        case CarrierStatus.FAILED:
            return messages.ERROR, gettext("Not sent: %(reason)s") % reason
        case CarrierStatus.UNKNOWN:
            words = gettext("It is unknown whether this message was sent: %(reason)s")
            return messages.WARNING, words % reason
        case CarrierStatus.CHAT:
            return messages.INFO, gettext(
                "Written into the agent's Ringotel chat. It was not sent to the outside number."
            )
        case CarrierStatus.DELIVERED:
            return messages.SUCCESS, gettext("Delivered to the phone.")
    return messages.SUCCESS, gettext("Accepted by the SMS carrier.")
