"""Compare the recordings with the files in the storage."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from collections.abc import Iterator
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ... import databases
from ...media.storage import recording_storage
from ...models import Recording
from ...services.recordings import retention


class Command(BaseCommand):
    help = (
        "Reports files without a recording, which a killed server can leave behind, and recordings "
        "whose file is missing. Exits with an error if a file is missing."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--delete",
            action="store_true",
            help="delete files without a recording, and incomplete uploads",
        )
        parser.add_argument(
            "--hours", type=float, default=1, help="skip files younger than this (default: 1)"
        )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        age = dt.timedelta(hours=options["hours"])
        orphaned = self.report_orphaned_files(age, delete=options["delete"])
        aborted = retention.abort_stale_uploads(age) if options["delete"] else 0
        missing = 0
        for recording in self.missing_files():
            missing += 1
            self.stderr.write(f"Missing file for recording {recording.pk}: {recording.file.name}")
        self.stdout.write(
            f"Orphaned files: {orphaned}. Incomplete uploads deleted: {aborted}. "
            f"Missing files: {missing}."
        )
        if missing:
            raise CommandError("Files are missing. Restore them from a backup of the storage.")

    def report_orphaned_files(self, age: dt.timedelta, *, delete: bool) -> int:
        count, storage = 0, recording_storage()
        for name in retention.orphaned_files(age):
            count += 1
            if delete:
                storage.delete(name)
            self.stdout.write(f"{'Deleted' if delete else 'Orphaned'} file: {name}")
        return count

    def missing_files(self) -> Iterator[Recording]:
        total = Recording.objects.filter(deletion_started=False).count()
        rows = tqdm(retention.missing_files(), total=total, unit="recording", disable=not total)
        yield from (recording for recording in rows if recording)
