"""Agents."""

from __future__ import annotations

from django.contrib import admin
from django.utils.translation import gettext_lazy as _

from ..models import Agent
from .base import LargeTableAdmin


@admin.register(Agent)
class AgentAdmin(LargeTableAdmin):
    """Which user has which extension."""

    empty_message = _(
        "Give each user who takes calls the extension of his or her phone, and the calls are theirs."
    )
    list_display = ("user", "extension", "phone")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    search_fields = ("extension",)
