"""Erase a person."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ...exceptions import CRMError
from ...services.privacy import erasure
from ..data_subject import add_subject_arguments, get_subject


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Erase a person (GDPR): contact, numbers, recordings, notes and messages. Of the calls, time, duration and "
        "agent stay. Prints the receipt, which is also kept as an audit entry."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        add_subject_arguments(parser)
        parser.add_argument("--dry-run", action="store_true", help="only tell what would be erased")

    def handle(self, **options: Any) -> None:
        """Erase, and print the receipt."""
        try:
            backend, person, user = get_subject(options)
            receipt = erasure.erase_subject(backend, person, user=user, dry_run=options["dry_run"])
        except CRMError as error:
            raise CommandError(error.message) from error
        self.stdout.write(json.dumps(receipt, indent=2))
