"""The app of the mini-CRM."""

from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MiniCRMConfig(AppConfig):
    """Contacts with their numbers, and organizations."""

    name = "ringotel_crm.minicrm"
    label = "ringotel_minicrm"
    verbose_name = _("Contacts")
    default_auto_field = "django.db.models.BigAutoField"
