"""Agents."""

from __future__ import annotations

from django.contrib import admin

from ..models import Agent
from .base import FastAdmin


@admin.register(Agent)
class AgentAdmin(FastAdmin):
    """Which user has which extension."""

    list_display = ("user", "extension", "phone")
    list_select_related = ("user",)
    raw_id_fields = ("user",)
    search_fields = ("extension",)
