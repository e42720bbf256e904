"""Check the connection with the Ringotel account."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from typing import Any

from ...backends import Backend
from ...onboarding.account import Level, check_account, guess_base_url
from ...onboarding.credentials import clean_base_url
from ..account import AccountCommand


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Report what is set up between this site and the Ringotel account, what is missing, and "
        "what to do about it. The exit status is 1 if there is an error, else 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--base-url",
            help="address of this site, for the addresses to enter in Ringotel (default: from "
            "ALLOWED_HOSTS)",
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        base_url = clean_base_url(options["base_url"] or guess_base_url())
        findings = check_account(backend, base_url=base_url)
        styles = {
            Level.OK: self.style.SUCCESS,
            Level.WARNING: self.style.WARNING,
            Level.ERROR: self.style.ERROR,
        }
        for finding in findings:
            label = styles[finding.level](f"{finding.level:8}")
            self.stdout.write(f"{label}{finding.subject}: {finding.text}")
            if finding.advice:
                self.stdout.write(f"{'':8}{finding.advice}")
        if any(finding.level is Level.ERROR for finding in findings):
            sys.exit(1)
