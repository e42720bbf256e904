"""Archive old calls."""

from __future__ import annotations

import sys
from argparse import ArgumentParser
from collections.abc import Callable
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ... import databases
from ...conf import conf
from ...exceptions import InvalidInput
from ...services.calls import archive
from ...services.sync import checkpoints

NAME = "ringotel_archive_calls"


class Command(BaseCommand):
    help = (
        'Moves calls older than RINGOTEL_CRM["CALL_RETENTION_DAYS"] to compressed files of JSON '
        "lines in the storage of recordings, except calls under a legal hold, with an open "
        "follow-up, or with a recording. Run it from cron every night. The next run completes an "
        "interrupted one."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--dry-run", action="store_true", help="only report what would be archived"
        )
        parser.add_argument(
            "--no-files", action="store_true", help="delete the calls without writing files"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        if conf.CALL_RETENTION_DAYS is None:
            raise CommandError('Set RINGOTEL_CRM["CALL_RETENTION_DAYS"].')
        total = sum(calls.count() for calls in archive.expired_calls())
        if options["dry_run"]:
            self.stdout.write(f"Would archive {total} calls.")
            return
        try:
            with checkpoints.exclusive("", NAME, checkpoints.SHORT_LEASE) as renew_lease:
                done = self.archive(total, options["no_files"], renew_lease)
        except InvalidInput as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(f"{'Deleted' if options['no_files'] else 'Archived'} {done} calls.")

    def archive(self, total: int, no_files: bool, renew_lease: Callable[[], None]) -> int:
        """Archive the calls with a progress bar, and return their number."""
        done = 0
        with tqdm(total=total, unit="call", disable=not sys.stderr.isatty()) as bar:
            for count in archive.archive_calls(write_files=not no_files):
                done += count
                bar.update(count)
                renew_lease()
        return done
