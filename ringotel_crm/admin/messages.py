"""Conversations in writing."""

from __future__ import annotations

import uuid
from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..client.sms import get_sms_backend, send_reply
from ..models import Conversation, Message
from ..models.search import filter_any, prefix_q, strip_accents, trailing_digits
from ..services.calls.click_to_call import call_link
from .base import LargeTableAdmin, backend_for
from .contact_search import contact_conditions
from .html import badge, object_url

SHOWN = 200  # messages, the latest
CarrierStatus = Message.CarrierStatus


class ReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A reply. The key makes sure that a form that is submitted twice sends once."""

    reply = forms.CharField(
        label=_("Reply"),
        required=False,
        max_length=1600,
        widget=forms.Textarea(attrs={"rows": 3, "dir": "auto"}),
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
    """Filter by whether the agent has read the conversation in the Ringotel app."""

    title = _("unread in the app")
    parameter_name = "unread"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("1", _("Unread"))]

    def queryset(
        self, request: HttpRequest, queryset: QuerySet[Conversation]
    ) -> QuerySet[Conversation]:
        if self.value() != "1":
            return queryset
        return queryset.filter(
            Q(read_at=None) | Q(read_at__lt=F("unread_at")), unread_at__isnull=False
        )


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
    fields = ("person", "number", "local_number", "agent_name", "thread", "reply", "key")
    readonly_fields = ("person", "number", "local_number", "agent_name", "thread")

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
        return filter_any(queryset, conditions), False

    @admin.display(description=_("conversation"))
    def title(self, conversation: Conversation) -> str:
        """Return the contact or the number, marked if the agent has not read the conversation."""
        mark = badge("follow-up", gettext("unread in the app")) if conversation.is_unread else ""
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

    @admin.display(description=_("messages"))
    def thread(self, conversation: Conversation) -> str:
        """Return the latest messages, oldest first."""
        latest = conversation.messages.order_by("-at", "-pk")[:SHOWN]
        lines = map(self._line, reversed(latest))
        return format_html(
            '<ol class="ringotel-thread">{}</ol>', format_html("{}" * len(latest), *lines)
        )

    def _line(self, message: Message) -> str:
        conversation = message.conversation
        assert conversation  # selected through it
        author = (
            conversation.agent_name or gettext("we") if message.is_outgoing else str(conversation)
        )
        return format_html(
            '<li><small>{} · {} · {}</small><br><span dir="auto">{}</span></li>',
            message.at,
            author,
            message.delivery,
            self._content(message),
        )

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

    @transaction.non_atomic_requests
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
