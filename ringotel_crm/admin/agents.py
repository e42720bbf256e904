"""Agents."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from ..client.presence import get_presence
from ..models import Agent
from ..onboarding.colleagues import is_invitable
from .base import TenantAdmin, render_page
from .colleagues import PERMISSION, colleague_view, invite
from .html import user_name
from .presence import presence_badge


class AgentAdmin(TenantAdmin):
    """The extension of each user."""

    empty_message = _("Give each user their phone's extension, so that calls are credited to them.")
    list_display = ("name", "extension", "phone", "presence")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    search_fields = ("extension",)
    actions = ("send_invitation",)
    change_list_template = "admin/ringotel_crm/agent/change_list.html"

    @admin.display(description=_("name"), ordering="user")
    def name(self, agent: Agent) -> str:
        return user_name(agent.user)

    @admin.display(description=_("Ringotel app"))
    def presence(self, agent: Agent) -> str:
        """Return the live state of the agent's phone."""
        return presence_badge(get_presence().get(agent.extension))

    def get_urls(self) -> list[URLPattern]:
        """Add the page that adds a colleague."""
        view = self.admin_site.admin_view(colleague_view)
        name = "ringotel_crm_agent_colleague"
        return [path("colleague/", view, {"model_admin": self}, name=name), *super().get_urls()]

    def has_invite_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(PERMISSION)

    @admin.action(description=_("Send the invitation again"), permissions=["invite"])
    def send_invitation(
        self, request: HttpRequest, queryset: QuerySet[Agent]
    ) -> HttpResponse | None:
        """Invite one colleague who has not chosen a password, and show the link once."""
        users: list[Any] = [agent.user for agent in queryset[:2]]
        if len(users) == 1 and is_invitable(users[0], by=request.user):
            return render_page(request, self, "colleague_result.html", invite(request, users[0]))
        text = gettext("Select one colleague who has not logged in yet.")
        self.message_user(request, text, "warning")
        return None
