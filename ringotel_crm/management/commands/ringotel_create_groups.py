"""Create the groups Agent, Supervisor and Administrator."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand, CommandError

from ... import databases
from ...auth.groups import create_groups
from ...backends import get_backend_class
from ...exceptions import InvalidInput


class Command(BaseCommand):
    help = (
        "Creates the groups Ringotel agent, Ringotel supervisor and Ringotel administrator with "
        "their permissions. Can be repeated: permissions that you added stay."
    )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        models = [(model._meta.app_label, model._meta.model_name) for model in self.get_models()]
        try:
            counts = create_groups(models)
        except InvalidInput as exc:
            raise CommandError(exc.message) from exc
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count} permissions")

    def get_models(self) -> list[Any]:
        """Return the models of contacts and organizations."""
        backend = get_backend_class()
        directories: list[Any] = [*backend.contact_directory.component_classes()]
        if backend.organization_directory:
            directories += backend.organization_directory.component_classes()
        models = [getattr(directory, "model", None) for directory in directories]
        if apps.is_installed("ringotel_crm.minicrm"):
            models += apps.get_app_config("ringotel_minicrm").get_models()
        return [model for model in models if model]
