"""Compare the recordings with what is in the storage."""

from __future__ import annotations

import datetime as dt
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ...media.storage import recording_storage
from ...models import Recording
from ...services.recordings import retention


class Command(BaseCommand):
    """See ``help``."""

    help = (
        "Find files that belong to no recording, as a server that is killed leaves them, and recordings whose file "
        "is lost. Ends with an error if a file is lost."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        parser.add_argument(
            "--delete", action="store_true", help="delete the files that belong to no recording"
        )
        parser.add_argument(
            "--hours",
            type=float,
            default=1,
            help="leave files alone that are younger (default: %(default)s)",
        )

    def handle(self, **options: Any) -> None:
        """Both ways."""
        age = dt.timedelta(hours=options["hours"])
        verb = "Deleted" if options["delete"] else "Belongs to no recording"
        orphans = 0
        for name in retention.orphaned_files(age):
            orphans += 1
            if options["delete"]:
                recording_storage().delete(name)
            self.stdout.write(f"{verb}: {name}")
        aborted = retention.abort_stale_uploads(age) if options["delete"] else 0
        total = Recording.objects.filter(deletion_started=False).count()
        lost = [
            row
            for row in tqdm(
                retention.missing_files(), total=total, unit="recording", disable=not total
            )
            if row
        ]
        for recording in lost:
            self.stderr.write(f"Its file is lost: recording {recording.pk}, {recording.file.name}")
        self.stdout.write(
            f"{orphans} files without a recording, {aborted} broken uploads, {len(lost)} lost files."
        )
        if lost:
            raise CommandError("Files are lost: restore them from a backup of the storage.")
