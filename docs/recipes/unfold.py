"""``admin.py`` of one of your apps: all pages with the base classes of Unfold."""

from __future__ import annotations

from django.contrib import admin
from unfold.admin import ModelAdmin

from ringotel_crm.admin import register

register(admin.site, ModelAdmin)
