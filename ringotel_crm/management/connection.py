"""What ``ringotel_connect`` and ``ringotel_connect_webhook`` share."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.utils.text import slugify

from .. import databases
from ..auth import service_users
from ..exceptions import CRMError
from ..models import ApiKey, Webhook
from ..onboarding import credentials


class ConnectionCommand(BaseCommand):
    """Issue a credential and print it once, or write it to a file that only its owner can read."""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the line breaks of ``help``."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--name", default="ringotel", help="name of the credential (default: %(default)s)"
        )
        parser.add_argument(
            "--user",
            metavar="USERNAME",
            help="the user as whom Ringotel acts, who is given the permission to use the API "
            "(default: a service user with this permission only)",
        )
        parser.add_argument(
            "--tenant",
            help="the tenant that the credential is limited to, as the backend identifies it; "
            'also becomes part of the default name. "" if the backend reads the tenant from the '
            "request",
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="write to this file instead of the terminal"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help='write one JSON object, {"document": ..., "properties": ...}, with the values',
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        options["name"] = self.get_name(options["name"], options["tenant"] or "")
        try:
            with databases.atomic():
                written, properties = self.connect(options)
                text = json.dumps(written, indent=2, ensure_ascii=False)
                # Before the commit: if the new values cannot be written, the old ones stay valid.
                if options["output"]:
                    self.write_private_file(options["output"], f"{text}\n")
        except CRMError as exc:
            raise CommandError(exc.message) from exc
        self.print_result(text, options["output"], properties)

    def connect(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        """Return the object to write, and the portal's values by label if the object lacks them."""
        raise NotImplementedError

    def print_result(self, text: str, output: Path | None, properties: dict[str, str]) -> None:
        values = "\n".join(f"{label}: {value}" for label, value in properties.items())
        if output:
            self.stderr.write(f"Written to {output}")
            if values:
                self.stdout.write(values)
            return
        self.stdout.write(text)
        if values:
            self.stderr.write(f"For Ringotel's portal; shown only once:\n{values}")

    def get_name(self, name: str, tenant: str) -> str:
        """Return the name of the credential. Raises ``CommandError`` if another tenant has it."""
        if tenant and name == "ringotel":
            name = f"ringotel-{slugify(tenant)}"
        for model in (ApiKey, Webhook):
            if model._default_manager.filter(name=name).exclude(tenant=tenant).exists():
                raise CommandError(f"--name: {name!r} is used by another tenant.")
        return name

    def get_base_url(self, text: str) -> str:
        """Return the base URL. Raises ``CommandError``; warns if Ringotel could not call it."""
        try:
            url = credentials.clean_base_url(text)
        except CRMError as exc:
            raise CommandError(f"--base-url: {exc.message}") from exc
        if credentials.is_out_of_reach(url):
            self.stderr.write(self.style.WARNING("Ringotel only calls HTTPS URLs."))
        return url

    def get_user(self, username: str | None) -> Any:
        """Return the user, with the permission to use the API. Raises ``CommandError``."""
        if not username:
            return None
        model = get_user_model()
        try:
            user = model._default_manager.get_by_natural_key(username)
        except model.DoesNotExist as exc:
            raise CommandError(f"--user: unknown user {username!r}.") from exc
        service_users.grant_api_permission(user)
        return user

    def write_private_file(self, path: Path, text: str) -> None:
        """Write a file that only its owner can read. Raises ``CommandError``."""
        try:
            with path.open("w", encoding="utf-8") as file:
                path.chmod(0o600)
                file.write(text)
        except OSError as exc:
            raise CommandError(f"--output: {exc.strerror}: {path}") from exc
