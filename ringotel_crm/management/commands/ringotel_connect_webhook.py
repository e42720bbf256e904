"""Issue the URL and the token of a webhook."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings

from ...onboarding import credentials
from ..connection import ConnectionCommand


class Command(ConnectionCommand):
    help = """Connect Ringotel's webhooks to this site.

Issues the URL and the token for the Webhook integration of Ringotel's portal, and for Messaging
notifications. The token is shown once. Running the command again with the same --name issues
another token; earlier tokens stay valid for seven days.

  manage.py ringotel_connect_webhook --name support --base-url https://crm.example.com

Use ringotel_simulate_webhook to test it.
"""

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--base-url",
            help="URL of this site, such as https://crm.example.com (default: from ALLOWED_HOSTS)",
        )
        super().add_arguments(parser)

    def connect(self, options: dict[str, Any]) -> tuple[dict[str, Any], dict[str, str]]:
        base_url = self.get_base_url(options["base_url"] or self.guess_base_url())
        properties = credentials.issue_webhook_token(
            base_url=base_url,
            name=options["name"],
            user=self.get_user(options["user"]),
            tenant=options["tenant"],
        )
        return {"properties": properties}, {}

    def guess_base_url(self) -> str:
        hosts = [host.lstrip(".") for host in settings.ALLOWED_HOSTS if host.strip("*.")]
        host = hosts[0] if hosts else "localhost"
        url = f"http://{host}:8000" if host in ("localhost", "127.0.0.1") else f"https://{host}"
        self.stderr.write(self.style.WARNING(f"--base-url is missing; using {url}"))
        return url
