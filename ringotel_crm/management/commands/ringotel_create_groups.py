"""Create the groups Agent, Supervisor and Administrator."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import databases
from ...auth.groups import contact_models, create_groups
from ...exceptions import InvalidInput


class Command(BaseCommand):
    help = (
        "Creates the groups Ringotel agent, Ringotel supervisor and Ringotel administrator with "
        "their permissions. Can be repeated: permissions that you added stay."
    )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        try:
            counts = create_groups(contact_models())
        except InvalidInput as exc:
            raise CommandError(exc.message) from exc
        for name, count in counts.items():
            self.stdout.write(f"{name}: {count} permissions")
