"""What the commands that call Ringotel's API share."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from .. import databases
from ..auth.service_users import service_user
from ..backends import Backend, get_backend
from ..exceptions import CRMError
from ..records import Actor

T = TypeVar("T")


class AccountCommand(BaseCommand):
    """A command that works on the backend of a user and a tenant.

    An error of Ringotel or of the CRM ends it with one line.
    """

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--tenant", default="", help="the tenant, if the backend has tenants")
        parser.add_argument(
            "--user",
            help="username of the user whose view of the CRM is used (default: a service user)",
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        try:
            self.work(self.backend(options), options)
        except CRMError as exc:
            raise CommandError(exc.message) from exc

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """Do the command's work. May raise ``CRMError``."""
        raise NotImplementedError

    def backend(self, options: dict[str, Any]) -> Backend:
        model, username = get_user_model(), options["user"]
        if not username:
            return get_backend(Actor(user=service_user("commands"), tenant=options["tenant"]))
        try:
            user = model._default_manager.get_by_natural_key(username)
        except model.DoesNotExist as exc:
            raise CommandError(f"--user: unknown user {username!r}.") from exc
        return get_backend(Actor(user=user, tenant=options["tenant"]))

    def progress(self, items: Iterable[T], *, unit: str, total: int | None = None) -> Iterator[T]:
        """Yield ``items`` with a progress bar if the command runs in a terminal."""
        yield from tqdm(items, unit=unit, total=total, disable=not sys.stderr.isatty())
