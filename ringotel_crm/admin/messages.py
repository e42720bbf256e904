"""Conversations: reading and answering."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from .. import phone
from ..client import InvalidResponse, RingotelConnectionError
from ..client.messaging import reply
from ..exceptions import CRMError
from ..models import Conversation, Message
from ..services.calls.click_to_call import call_link
from .base import LargeTableAdmin
from .html import admin_change_url

SHOWN = 200  # messages, the latest


class ReplyForm(forms.ModelForm):  # type: ignore[type-arg]
    """A conversation has one thing to write: an answer."""

    reply = forms.CharField(
        label=_("Reply"), required=False, max_length=1600, widget=forms.Textarea(attrs={"rows": 3})
    )

    class Meta:
        model = Conversation
        fields: tuple[str, ...] = ()


@admin.register(Conversation)
class ConversationAdmin(LargeTableAdmin):
    """All messages with one number."""

    form = ReplyForm
    empty_message = _(
        "They begin with the first message that Ringotel tells of, by the webhook for messages."
    )
    list_display = ("__str__", "number", "agent_name", "last_at")
    list_filter = ("agent_name",)
    search_fields = ("contact_name", "remote_number_normalized")
    sortable_by = ("last_at",)
    fields = ("person", "number", "local_number", "agent_name", "thread", "reply")
    readonly_fields = ("person", "number", "local_number", "agent_name", "thread")

    @admin.display(description=_("number"))
    def number(self, conversation: Conversation) -> str:
        """Theirs, to be called."""
        key = conversation.remote_number_normalized
        return call_link(key) if phone.display(key) != key else conversation.remote_number

    @admin.display(description=_("contact"))
    def person(self, conversation: Conversation) -> str:
        """The contact, with a link."""
        url = admin_change_url(conversation.contact_type_id, conversation.contact_id)
        if not url:
            return conversation.contact_name or gettext("nobody known")
        return format_html('<a href="{}">{}</a>', url, conversation.contact_name)

    @admin.display(description=_("messages"))
    def thread(self, conversation: Conversation) -> str:
        """The latest messages, the oldest of them first."""
        latest = conversation.messages.order_by("-at", "-pk")[:SHOWN]
        return format_html(
            '<ol class="ringotel-thread">{}</ol>',
            format_html("{}" * len(latest), *map(self._line, reversed(latest))),
        )

    def _line(self, message: Message) -> str:
        conversation = message.conversation
        assert conversation  # it is one of a conversation's
        who = conversation.agent_name or gettext("we") if message.is_outgoing else str(conversation)
        return format_html(
            '<li><small>{} · {} · {}</small><br><span dir="auto">{}</span></li>',
            message.at,
            who,
            message.get_status_display() if message.is_outgoing else "",
            self._content(message),
        )

    def _content(self, message: Message) -> str:
        if message.deleted_at:
            return gettext("(deleted)")
        if message.file:
            return format_html(
                '<a href="{}">{}</a>',
                reverse("ringotel_crm:message-file", args=[message.pk]),
                gettext("file"),
            )
        if message.file_url:
            return gettext("(a file: %(reason)s)") % {
                "reason": message.file_error or gettext("not fetched yet")
            }
        return message.text

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Begun by messages."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """To change a conversation is to answer."""
        return request.user.has_perm("ringotel_crm.send_message")

    def save_model(
        self,
        request: HttpRequest,
        obj: Conversation,
        form: forms.ModelForm[Conversation],
        change: bool,
    ) -> None:
        """Send the answer and say how that went."""
        text = form.cleaned_data["reply"].strip()
        if not text:
            return
        try:
            reply(obj, text)
        except (InvalidResponse, RingotelConnectionError) as exc:
            note = gettext("Nobody knows whether this was sent: %(reason)s") % {
                "reason": exc.message
            }
            messages.warning(request, f"{note} {text}")
        except CRMError as exc:
            note = gettext("Not sent: %(reason)s") % {"reason": exc.message}
            messages.error(request, f"{note} {text}")
        else:
            messages.success(request, gettext("Sent."))

    def response_change(self, request: HttpRequest, obj: Conversation) -> HttpResponse:
        """The conversation goes on."""
        return HttpResponseRedirect(request.path)
