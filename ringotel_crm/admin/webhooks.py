"""Webhooks, their tokens and events."""

from __future__ import annotations

import json
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.utils.html import format_html
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _

from ..models import Webhook, WebhookEvent, WebhookToken
from ..webhooks.events import replay
from .base import LargeTableAdmin
from .html import badge
from .webhook_setup import create_webhook_view

# Badge styles by event status.
STATUS_STYLES = {"failed": "missed", "processed": "answered"}


class TokenInline(admin.TabularInline):  # type: ignore[type-arg]
    """Tokens of a webhook. They can be deleted or given an expiry time, but not added."""

    model = WebhookToken
    fields = ("hint", "created_at", "last_used_at", "expires_at")
    readonly_fields = ("hint", "created_at", "last_used_at")
    extra = 0

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


class WebhookAdmin(LargeTableAdmin):
    """Webhooks. Adding one creates its user too, and shows the token once."""

    tenant_lookup = "tenant"
    empty_message = _("“Add webhook” creates the URL and the token for Ringotel.")
    list_display = ("name", "user", "created_at")
    list_select_related = ("user",)
    readonly_fields = ("name", "user", "created_at")
    inlines = (TokenInline,)
    actions = ("issue_token",)

    def add_view(
        self, request: HttpRequest, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        if not self.has_add_permission(request):
            raise PermissionDenied
        return create_webhook_view(request, self)

    @admin.action(description=_("Issue one more token"), permissions=["change"])
    def issue_token(self, request: HttpRequest, queryset: QuerySet[Webhook]) -> None:
        """Issue a token per webhook and show it once. Earlier tokens stay valid for a week."""
        for webhook in queryset:
            _token, text = WebhookToken.objects.issue(
                name=webhook.name, user=webhook.user, tenant=webhook.tenant
            )
            note = gettext("Copy the new token of %(name)s now. It is not shown again:") % {
                "name": webhook.name
            }
            messages.warning(request, format_html("{} <code>{}</code>", note, text))


class WebhookEventAdmin(LargeTableAdmin):
    """Events received from Ringotel, with the result of their processing."""

    tenant_lookup = "webhook__tenant"
    empty_message = _("Events appear here as soon as Ringotel uses a webhook.")
    list_display = (
        "id",
        "received_at",
        "webhook",
        "method",
        "status_badge",
        "attempts",
        "processed_at",
    )
    list_filter = ("status", "webhook")
    list_select_related = ("webhook",)
    sortable_by = ("id",)
    fields = (
        "webhook",
        "method",
        "received_at",
        "status_badge",
        "attempts",
        "processed_at",
        "formatted_body",
        "error",
    )
    readonly_fields = fields
    actions = ("replay",)

    @admin.display(description=_("status"))
    def status_badge(self, event: WebhookEvent) -> str:
        return badge(STATUS_STYLES.get(event.status, event.status), event.get_status_display())

    @admin.display(description=_("body"))
    def formatted_body(self, event: WebhookEvent) -> str:
        return format_html("<pre>{}</pre>", json.dumps(json.loads(event.body), indent=2))

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_replay_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm("ringotel_crm.change_webhookevent")

    @admin.action(description=_("Process selected events again"), permissions=["replay"])
    def replay(self, request: HttpRequest, queryset: QuerySet[WebhookEvent]) -> None:
        """Process the events in the order in which they were received."""
        events = queryset.select_related("webhook__user").order_by("pk")
        results = [event.is_done for event in replay(events)]
        done, failed = results.count(True), results.count(False)
        text = ngettext("%(count)d event processed.", "%(count)d events processed.", done)
        self.message_user(request, text % {"count": done})
        if failed:
            text = ngettext("%(count)d event failed.", "%(count)d events failed.", failed)
            self.message_user(request, text % {"count": failed}, messages.ERROR)
