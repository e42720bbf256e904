"""App configuration of the demo CRM."""

from __future__ import annotations

from django.apps import AppConfig


class HostCRMConfig(AppConfig):
    """People, companies and leads of a company with several branches."""

    name = "demo_project.hostcrm"
    label = "hostcrm"
    default_auto_field = "django.db.models.BigAutoField"
