"""Set the extension of a user."""

from __future__ import annotations

from typing import Any

from django.contrib.auth import get_user_model
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser

from ... import databases
from ...models import Agent


class Command(BaseCommand):
    help = (
        "Sets the extension of a user's phone, as the admin does under Agents. Without EXTENSION, "
        "the user's extension is removed."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("username", help="the name with which the user logs in")
        parser.add_argument("extension", nargs="?", default="", help="the internal number")
        parser.add_argument("--phone", default="", help="the user's direct number, if any")
        parser.add_argument("--tenant", default="", help="the tenant, if the backend has tenants")

    @databases.fresh_reads()
    def handle(self, *, username: str, extension: str, **options: Any) -> None:
        users: Any = get_user_model()._default_manager
        try:
            user = users.get_by_natural_key(username)
        except get_user_model().DoesNotExist as exc:
            raise CommandError(f"No user has the name {username}.") from exc
        agent = Agent.objects.filter(user=user).first() or Agent(user=user)
        if not extension:
            if agent.pk:
                agent.delete()
            self.stdout.write(f"{username} has no extension.")
            return
        agent.extension, agent.phone, agent.tenant = extension, options["phone"], options["tenant"]
        try:
            agent.full_clean()
        except ValidationError as exc:
            raise CommandError("; ".join(exc.messages)) from exc
        agent.save()
        self.stdout.write(f"{username} has the extension {extension}.")
