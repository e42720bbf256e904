"""Agents."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..client.presence import get_presence
from ..models import Agent
from .base import LargeTableAdmin
from .presence import presence_badge


class AgentAdmin(LargeTableAdmin):
    """The extension of each user."""

    empty_message = _("Give each user their phone's extension, so that calls are credited to them.")
    list_display = ("user", "extension", "phone", "presence")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    search_fields = ("extension",)

    @admin.display(description=_("Ringotel app"))
    def presence(self, agent: Agent) -> str:
        """Return the live state of the agent's phone."""
        return presence_badge(get_presence().get(agent.extension))
