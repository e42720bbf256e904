"""What the commands that call Ringotel share."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from typing import Any, TypeVar

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ..auth.service_users import service_user
from ..backends import Backend, get_backend
from ..exceptions import CRMError
from ..records import Actor

T = TypeVar("T")


class AccountCommand(BaseCommand):
    """Works on the CRM as a user and for a tenant; ends with one line where Ringotel, or the CRM, refuses."""

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument("--tenant", default="", help="the tenant, where there are tenants")
        parser.add_argument(
            "--user", help="as whom to read the CRM, by username (default: a service user)"
        )

    def handle(self, **options: Any) -> None:
        """Runs :meth:`work`."""
        try:
            self.work(self.backend(options), options)
        except CRMError as exc:
            raise CommandError(exc.message) from exc

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """What the command is for."""
        raise NotImplementedError

    def backend(self, options: dict[str, Any]) -> Backend:
        """The CRM as it is seen from here."""
        model = get_user_model()
        try:
            named = options["user"]
            user = (
                model._default_manager.get_by_natural_key(named)
                if named
                else service_user("commands")
            )
        except model.DoesNotExist as exc:
            raise CommandError(f"--user: there is no user {options['user']!r}.") from exc
        return get_backend(Actor(user=user, tenant=options["tenant"]))

    def progress(self, items: Iterable[T], *, unit: str, total: int | None = None) -> Iterator[T]:
        """With a bar, on a terminal."""
        yield from tqdm(items, unit=unit, total=total, disable=not sys.stderr.isatty())
