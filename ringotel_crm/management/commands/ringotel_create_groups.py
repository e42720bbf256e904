"""Make the groups Agent, Supervisor and Administrator."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand

from ...auth.groups import create_groups
from ...backends import get_backend_class


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Make the groups Ringotel agent, Ringotel supervisor and Ringotel administrator, with the permissions that "
        "docs/admin.rst lists. Harmless to repeat: what you added to them stays."
    )

    def handle(self, **options: Any) -> None:
        """Make them."""
        backend = get_backend_class()
        kinds = [
            kind for kind in (backend.contact_directory, backend.organization_directory) if kind
        ]
        directories: list[Any] = [member for kind in kinds for member in kind.component_classes()]
        models = [directory.model for directory in directories if getattr(directory, "model", None)]
        if apps.is_installed("ringotel_crm.minicrm"):
            models += apps.get_app_config("ringotel_minicrm").get_models()
        for name, count in create_groups(
            [(model._meta.app_label, model._meta.model_name) for model in models]
        ).items():
            self.stdout.write(f"{name}: {count} permissions")
