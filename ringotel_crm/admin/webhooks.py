"""Webhooks, their tokens and their events."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import Webhook, WebhookEvent, WebhookToken
from ..webhooks.events import replay
from .base import LargeTableAdmin
from .html import badge

COLOURS = {"failed": "missed", "processed": "answered"}


class TokenInline(admin.TabularInline):  # type: ignore[type-arg]
    """Tokens: any of them can be deleted, or given a time at which it ends."""

    model = WebhookToken
    fields = ("hint", "created_at", "last_used_at", "expires_at")
    readonly_fields = ("hint", "created_at", "last_used_at")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Made by ``ringotel_connect`` and the action of the list."""
        return False


@admin.register(Webhook)
class WebhookAdmin(LargeTableAdmin):
    """Addresses that Ringotel tells things to. A new one is made by ``ringotel_connect --door webhook``."""

    empty_message = _(
        "“manage.py ringotel_connect --door webhook” makes one, and shows the address and the token for Ringotel."
    )
    list_display = ("name", "user", "created_at")
    list_select_related = ("user",)
    readonly_fields = ("name", "user", "created_at")
    inlines = (TokenInline,)
    actions = ("issue_token",)

    def has_add_permission(self, request: HttpRequest) -> bool:
        """By the command, which also makes its user."""
        return False

    @admin.action(description=_("Issue one more token"), permissions=["change"])
    def issue_token(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Shown once; the ones before go on for a week."""
        for webhook in queryset:
            _token, text = WebhookToken.objects.issue(name=webhook.name, user=webhook.user)
            note = gettext("Copy the new token of %(name)s now, it is not shown again:") % {
                "name": webhook.name
            }
            messages.warning(request, format_html("{} <code>{}</code>", note, text))


@admin.register(WebhookEvent)
class WebhookEventAdmin(LargeTableAdmin):
    """What Ringotel told, and what became of it."""

    empty_message = _("They appear here as soon as Ringotel uses a webhook.")
    list_display = ("id", "received_at", "webhook", "method", "state", "attempts", "processed_at")
    list_filter = ("status", "webhook")
    list_select_related = ("webhook",)
    sortable_by = ("id",)
    fields = (
        "webhook",
        "method",
        "received_at",
        "state",
        "attempts",
        "processed_at",
        "payload",
        "error",
    )
    readonly_fields = fields
    actions = ("replay",)

    @admin.display(description=_("status"))
    def state(self, event: WebhookEvent) -> str:
        """In a word."""
        return badge(COLOURS.get(event.status, event.status), event.get_status_display())

    @admin.display(description=_("body"))
    def payload(self, event: WebhookEvent) -> str:
        """The body, for people."""
        return format_html("<pre>{}</pre>", json.dumps(json.loads(event.body), indent=2))

    def has_add_permission(self, request: HttpRequest) -> bool:
        """Told by Ringotel."""
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        """Who may change events."""
        return request.user.has_perm("ringotel_crm.change_webhookevent")

    @admin.action(description=_("Process the selected events again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        """In the order in which they came."""
        events = queryset.select_related("webhook__user").order_by("pk")
        outcomes = [event.is_done for event in replay(events)]
        failed, done = outcomes.count(False), outcomes.count(True)
        self.message_user(
            request,
            ngettext("%(count)d event processed.", "%(count)d events processed.", done)
            % {"count": done},
        )
        if failed:
            text = ngettext("%(count)d event failed.", "%(count)d events failed.", failed) % {
                "count": failed
            }
            self.message_user(request, text, messages.ERROR)
