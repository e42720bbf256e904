"""Delete expired recordings."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Sum
from tqdm import tqdm

from ... import databases
from ...exceptions import InvalidInput
from ...services.recordings import retention
from ...services.sync import checkpoints

NAME = "ringotel_delete_expired_recordings"


class Command(BaseCommand):
    help = (
        'Deletes recordings older than RINGOTEL_CRM["RECORDING_RETENTION_DAYS"], except those '
        "under a legal hold. Run it from cron every night. The next run completes an interrupted "
        "one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only report what would be deleted"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        expired = retention.expired()
        count, size = expired.count(), expired.aggregate(size=Sum("size"))["size"] or 0
        if options["dry_run"]:
            self.stdout.write(f"Would delete {count} recordings ({size:,} bytes).")
            return
        rows = tqdm(retention.delete_expired(), total=count, unit="recording", disable=not count)
        results = []
        try:
            with checkpoints.exclusive("", NAME, checkpoints.SHORT_LEASE) as renew_lease:
                for is_deleted in rows:
                    results.append(is_deleted)
                    renew_lease()
        except InvalidInput as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(f"Deleted {sum(results)} recordings.")
        if failed := results.count(False):
            raise CommandError(
                f"{failed} recordings could not be deleted; see the log. Run the command again."
            )
