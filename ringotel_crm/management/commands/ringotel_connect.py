"""Issue a credential and generate the document for Ringotel's JSON framework."""

from __future__ import annotations

from argparse import ArgumentParser
from pathlib import Path
from typing import Any

from django.core.management.base import CommandError

from ...hooks.document import build
from ...onboarding import credentials
from ...onboarding.account import get_page_urls
from ..connection import ConnectionCommand


class Command(ConnectionCommand):
    help = """Connect Ringotel's JSON framework to this site.

Issues a credential and writes the JSON document that Ringotel follows. The values of the credential
are shown once: enter them in the fields of the same names in Ringotel's portal. Running the command
again with the same --name replaces the values; the old ones stop working.

  manage.py ringotel_connect --auth bearer --base-url https://crm.example.com --output ringotel.json
  manage.py ringotel_connect --auth oauth2 --base-url https://crm.example.com \\
      --redirect-uri https://shell.example.com/callback --output ringotel.json

Test the connection before you send the document to Ringotel: write one file with --json and run
ringotel_simulate with it. See ringotel_connect_webhook for webhooks.
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--auth",
            choices=["bearer", "basic", "oauth2"],
            required=True,
            help="how Ringotel authenticates. With basic, a service user is always created; "
            "with oauth2, --user is the owner of the application",
        )
        parser.add_argument(
            "--base-url", required=True, help="URL of this site, such as https://crm.example.com"
        )
        parser.add_argument(
            "--redirect-uri",
            help="oauth2: the URI that receives the authorization code, from Ringotel",
        )
        super().add_arguments(parser)

    def connect(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        self.check_options(options)
        self.base_url = self.get_base_url(options["base_url"])
        properties = credentials.issue_credential(
            options["auth"],
            name=options["name"],
            redirect_uri=options["redirect_uri"] or "",
            user=self.get_user(options["user"]),
            tenant=options["tenant"],
        )
        document = build(options["auth"], self.base_url)
        if options["json"]:
            return {"document": document, "properties": properties}, {}
        return document, properties

    def print_result(self, text: str, output: Path | None, properties: dict[str, str]) -> None:
        super().print_result(text, output, properties)
        if properties:
            urls = get_page_urls(self.base_url).items()
            lines = "\n".join(f"{label}: {url}" for label, url in urls)
            self.stderr.write(f"For the settings of the connection in Ringotel's portal:\n{lines}")

    def check_options(self, options: dict[str, Any]) -> None:
        auth = options["auth"]
        if options["tenant"] and auth != "bearer":
            raise CommandError("--tenant: only API keys and webhooks are limited to a tenant.")
        if options["user"] and auth == "basic":
            raise CommandError("--user: with basic, a service user is created. Omit this option.")
        if auth == "oauth2" and not options["redirect_uri"]:
            raise CommandError("--redirect-uri: required with oauth2. Ask Ringotel for it.")
