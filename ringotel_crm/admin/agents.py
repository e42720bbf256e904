"""Agents."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..client.presence import get_presence
from ..models import Agent
from .base import LargeTableAdmin
from .presence import presence_badge


@admin.register(Agent)
class AgentAdmin(LargeTableAdmin):
    """Which user has which extension."""

    empty_message = _(
        "Give each user who takes calls the extension of his or her phone, and the calls are theirs."
    )
    list_display = ("user", "extension", "phone", "presence")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    search_fields = ("extension",)

    @admin.display(description=_("Ringotel app"))
    def presence(self, agent: Agent) -> str:
        """Return the live state of the agent's phone."""
        return presence_badge(get_presence().get(agent.extension))
