"""Erase a person's data."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from ... import databases
from ...exceptions import CRMError
from ...services.privacy import erasure
from ..data_subject import add_subject_arguments, get_subject


class Command(BaseCommand):
    help = (
        "Erases a person's data (GDPR, article 17): contact, numbers, recordings, notes, "
        "follow-ups and messages. Time, duration and agent of the calls are kept. Prints a "
        "receipt, which is also stored in the audit log."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        add_subject_arguments(parser)
        parser.add_argument(
            "--dry-run", action="store_true", help="only report what would be erased"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        try:
            backend, subject, user = get_subject(options)
            receipt = erasure.erase_subject(backend, subject, user=user, dry_run=options["dry_run"])
        except CRMError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(json.dumps(receipt, indent=2))
