"""Make a credential and the document for Ringotel."""

from __future__ import annotations

import json
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from pathlib import Path
from typing import Any

from django.conf import settings
from django.contrib.auth import get_user_model
from django.core.management.base import BaseCommand, CommandError
from django.db import transaction
from django.urls import reverse
from django.utils.text import slugify

from ...auth import service_users
from ...exceptions import CRMError
from ...hooks.document import build
from ...models import ApiKey, Webhook, WebhookToken
from ...onboarding import credentials


class Command(BaseCommand):
    """See ``help``."""

    help = """Connect a Ringotel account to this CRM.

Makes a credential and writes the JSON document that Ringotel follows. The credential's values are
shown once, here: type them into the fields of the same names in Ringotel's portal. Running the
command again with the same --name gives that credential new values; the old ones stop working.

  manage.py ringotel_connect --auth bearer --base-url https://crm.example.com --output ringotel.json
  manage.py ringotel_connect --auth oauth2 --base-url https://crm.example.com \\
      --redirect-uri https://shell.example.com/callback --output ringotel.json

  manage.py ringotel_connect --door webhook --name support --base-url https://crm.example.com

A webhook's older token goes on for seven days, so that there is time to type in the new one.

Try the result before you send it to Ringotel: write one file with --json, give it to ringotel_simulate.
"""

    def create_parser(self, prog_name: str, subcommand: str, **kwargs: Any) -> Any:
        """Keep the line breaks of ``help``."""
        return super().create_parser(
            prog_name, subcommand, formatter_class=RawDescriptionHelpFormatter, **kwargs
        )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "--door",
            default="framework",
            choices=["framework", "webhook"],
            help="framework: the document with all hooks; webhook: an address for the portal's Webhook form, and "
            "for Messaging notifications (default: %(default)s)",
        )
        parser.add_argument(
            "--auth",
            choices=["bearer", "basic", "oauth2"],
            help="how Ringotel logs in, to the framework",
        )
        parser.add_argument(
            "--base-url",
            help="where this site is, e.g. https://crm.example.com (default for a webhook: by ALLOWED_HOSTS)",
        )
        parser.add_argument(
            "--name",
            default="ringotel",
            help="what the credential is called (default: %(default)s)",
        )
        parser.add_argument(
            "--user",
            help="username of the user as whom Ringotel acts, with bearer, or who owns the application, with oauth2; "
            "gets the permission to use the API. Without it: a service user that may do just this. "
            "Basic always makes a service user, with a generated password",
        )
        parser.add_argument(
            "--tenant",
            default="",
            help="bearer and webhook: the tenant to which the credential is confined, as the backend calls it; "
            "also becomes a part of the default name",
        )
        parser.add_argument(
            "--redirect-uri",
            help="oauth2: where Ringotel wants the authorization code; ask Ringotel",
        )
        parser.add_argument(
            "--output", type=Path, metavar="FILE", help="write to this file instead of the terminal"
        )
        parser.add_argument(
            "--json",
            action="store_true",
            help='write one object {"document": ..., "properties": ...}, values included',
        )

    def handle(self, **options: Any) -> None:
        """Make both and write them."""
        is_webhook = options["door"] == "webhook"
        if not is_webhook and not (options["auth"] and options["base_url"]):
            raise CommandError("--auth and --base-url are required, but for --door webhook.")
        tenant = options["tenant"]
        if tenant and not is_webhook and options["auth"] != "bearer":
            raise CommandError(
                "--tenant: only keys and webhooks are confined to a tenant; others act for their user's."
            )
        options["name"] = self.name(options["name"], tenant)
        base_url = self.base_url(options["base_url"] or self.likely_url())
        output: Path | None = options["output"]
        with_values = is_webhook or options["json"]
        try:
            with transaction.atomic():
                if is_webhook:
                    properties = self.webhook(options["name"], options["user"], base_url, tenant)
                    written: dict[str, Any] = {"properties": properties}
                else:
                    properties = self.credential(options)
                    document = build(options["auth"], base_url)
                    written = (
                        {"document": document, "properties": properties}
                        if with_values
                        else document
                    )
                text = json.dumps(written, indent=2, ensure_ascii=False)
                if (
                    output
                ):  # before the commit: values that nobody could read must not replace the old ones
                    self.write_privately(output, text + "\n")
        except CRMError as exc:
            raise CommandError(exc.message) from exc
        values = "\n".join(f"{label}: {value}" for label, value in properties.items())
        if output:
            self.stderr.write(f"Written: {output}")
            if not with_values:
                self.stdout.write(values)
        else:
            self.stdout.write(text)
            if not with_values:
                self.stderr.write(f"Shown once, for Ringotel's portal:\n{values}")

    def name(self, name: str, tenant: str) -> str:
        """The name of the credential, which is no other tenant's."""
        if tenant and name == "ringotel":
            name = f"ringotel-{slugify(tenant)}"
        for model in (ApiKey, Webhook):
            if model._default_manager.filter(name=name).exclude(tenant=tenant).exists():
                raise CommandError(
                    f"--name: {name!r} is taken by another tenant; give --tenant or another name."
                )
        return name

    def base_url(self, text: str) -> str:
        """Checked, and with a word of warning where Ringotel could not use it."""
        try:
            url = credentials.clean_base_url(text)
        except CRMError as exc:
            raise CommandError(f"--base-url: {exc.message}") from exc
        if credentials.is_out_of_reach(url):
            self.stderr.write(
                self.style.WARNING("Ringotel calls HTTPS only; this URL begins with http:")
            )
        return url

    def likely_url(self) -> str:
        """Where this site probably is."""
        host = next(
            (host.lstrip(".") for host in settings.ALLOWED_HOSTS if host.strip("*.")), "localhost"
        )
        url = f"http://{host}:8000" if host in ("localhost", "127.0.0.1") else f"https://{host}"
        self.stderr.write(
            self.style.WARNING(f"Without --base-url this site is taken to be at {url}")
        )
        return url

    def webhook(
        self, name: str, username: str | None, base_url: str, tenant: str
    ) -> dict[str, str]:
        """The values for the Webhook integration."""
        if not name or slugify(name) != name:
            raise CommandError(
                f"--name: {name!r} becomes a part of the URL: use lower-case letters, digits and hyphens."
            )
        user = self.user(username) if username else service_users.service_user(name)
        _token, text = WebhookToken.objects.issue(name=name, user=user, tenant=tenant)
        return {
            "Webhook URL": base_url + reverse("ringotel_crm:webhook", args=[name]),
            "API token": text,
        }

    def credential(self, options: dict[str, Any]) -> dict[str, str]:
        """The values to type into Ringotel's portal."""
        user = self.user(options["user"]) if options["user"] else None
        if options["auth"] == "basic" and user:
            raise CommandError(
                "--user: Basic always makes a service user of its own; leave --user out."
            )
        if options["auth"] == "oauth2" and not options["redirect_uri"]:
            raise CommandError("--auth oauth2 needs --redirect-uri; Ringotel tells you which.")
        return credentials.issue_credential(
            options["auth"],
            name=options["name"],
            redirect_uri=options["redirect_uri"] or "",
            user=user,
            tenant=options["tenant"],
        )

    def user(self, username: str) -> Any:
        """The user of this name, who may use the API from now on."""
        model = get_user_model()
        try:
            user = model._default_manager.get_by_natural_key(username)
        except model.DoesNotExist as exc:
            raise CommandError(f"--user: there is no user {username!r}.") from exc
        service_users.grant_api_permission(user)
        return user

    def write_privately(self, path: Path, text: str) -> None:
        """Readable by its owner alone, before there is anything to read."""
        try:
            with path.open("w", encoding="utf-8") as file:
                path.chmod(0o600)
                file.write(text)
        except OSError as exc:
            raise CommandError(f"--output: {exc.strerror}: {path}") from exc
