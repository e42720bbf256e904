"""Match Ringotel's users with the CRM's."""

from __future__ import annotations

from argparse import ArgumentParser
from collections.abc import Sequence
from typing import Any

from django.core.management.base import CommandError
from django.db import transaction

from ... import databases
from ...backends import Backend
from ...client import Ringotel, RingotelApiError, RingotelError
from ...models import RingotelUser
from ...records import UserRecord
from ...services.sync import user_mapping
from ..account import AccountCommand


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Read Ringotel's users and propose the CRM's user for each, by e-mail, extension or "
        "attached extension. Confirm the proposals in the admin under Ringotel users: they have no "
        "effect before. With --create, users of the CRM that Ringotel lacks are created there."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--create",
            action="store_true",
            help="create a Ringotel user for each user of the CRM with an extension and no match",
        )
        parser.add_argument(
            "--connection",
            metavar="NAME",
            help="with --create: name or id of the connection (default: the only one)",
        )
        parser.add_argument(
            "--activate",
            action="store_true",
            help="with --create: activate the users, which Ringotel bills and informs by e-mail",
        )
        parser.add_argument(
            "--dry-run", action="store_true", help="only report what would be stored and created"
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        client = Ringotel()
        people = client.get_users(with_ai_agents=True)
        with databases.atomic():
            self.print_matches(user_mapping.propose_matches(backend, people))
            missing = list(user_mapping.users_to_create(backend, people))
            transaction.set_rollback(options["dry_run"], using=databases.write_alias())
        if options["create"] and missing:
            connection_id = self.connection_id(client, options["connection"])
            if not options["dry_run"]:
                self.create(backend, client, missing, connection_id, options["activate"])
                return
        for user in missing:
            self.stdout.write(f"To create: {user.name} ({user.extension})")
        if missing and not options["create"]:
            self.stdout.write(f"Without a Ringotel user: {len(missing)}. Create with --create.")

    def print_matches(self, rows: Sequence[RingotelUser]) -> None:
        """Print one line for each Ringotel user."""
        self.stdout.write(f"{'Ringotel':32}{'extension':12}{'CRM':32}{'matched by':12}")
        for row in rows:
            match = "confirmed" if row.confirmed else row.matched_by or "-"
            columns = f"{row.name[:30]:32}{row.extension[:10]:12}{(row.agent_name or '-')[:30]:32}"
            self.stdout.write(f"{columns}{match:12}".rstrip())

    def connection_id(self, client: Ringotel, wanted: str | None) -> str:
        """Return the id of the connection for new users. Raises ``CommandError``."""
        connections = client.get_connections()
        found = [one for one in connections if wanted in (None, one.id, one.name)]
        if len(found) != 1:
            names = ", ".join(f"{one.name} ({one.id})" for one in connections) or "none"
            raise CommandError(f"--connection: choose one of the connections: {names}.")
        return found[0].id

    def create(
        self,
        backend: Backend,
        client: Ringotel,
        missing: Sequence[UserRecord],
        connection_id: str,
        activate: bool,
    ) -> None:
        """Create the missing users, each once. Raises ``CommandError`` if one fails."""
        failed = 0
        for user in missing:
            label = f"{user.name} ({user.extension})"
            try:
                person = client.create_user(
                    connection_id=connection_id,
                    name=user.name,
                    extension=user.extension,
                    email=user.email,
                    activate=activate,
                )
            except RingotelApiError as exc:
                failed += 1
                self.stderr.write(f"Not created: {label}: {exc.message}")
            except RingotelError as exc:
                message = f"Stopped at {label}: {exc.message} Run the command again to continue."
                raise CommandError(message) from exc
            else:
                user_mapping.store_created(backend, person, user)
                self.stdout.write(f"Created: {label}")
        if failed:
            raise CommandError(f"{failed} of {len(missing)} users were not created.")
