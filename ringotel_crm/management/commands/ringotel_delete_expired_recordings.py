"""Delete recordings that are too old."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum
from tqdm import tqdm

from ...services.recordings import retention


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Delete the recordings that are older than RECORDING_RETENTION_DAYS, except those under a legal hold. "
        "Run it every night. If it is interrupted, the next run goes on."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "--dry-run", action="store_true", help="only tell what would be deleted"
        )

    def handle(self, **options: Any) -> None:
        """Count, delete, tell."""
        due = retention.expired()
        count, size = due.count(), due.aggregate(size=Sum("size"))["size"] or 0
        if options["dry_run"]:
            self.stdout.write(f"To be deleted: {count} recordings, {size:,} bytes.")
            return
        results = list(
            tqdm(retention.delete_expired(), total=count, unit="recording", disable=not count)
        )
        self.stdout.write(f"Deleted: {sum(results)} recordings.")
        if failed := results.count(False):
            raise CommandError(
                f"{failed} recordings could not be deleted; the log says why. Run this again."
            )
