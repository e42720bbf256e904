"""The Django app."""

from __future__ import annotations

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate
from django.utils.translation import gettext_lazy as _


class RingotelCRMConfig(AppConfig):
    """Configuration of the app."""

    name = "ringotel_crm"
    verbose_name = _("Ringotel")
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register checks and signal receivers, and set defaults for django-oauth-toolkit."""
        from . import checks, databases  # noqa: F401
        from .auth.permissions import clear_permission_cache
        from .services.contacts import phone_index

        post_migrate.connect(clear_permission_cache)
        databases.install_router()
        phone_index.connect()

        if apps.is_installed("oauth2_provider"):
            from .auth.oauth import apply_default_settings

            apply_default_settings()
