"""Delete rows and files of old imports."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from .... import databases


class Command(BaseCommand):
    help = (
        "Deletes the rows that are stored to undo an import, and its refused rows, after 30 days, "
        "and files that were not confirmed after one day. The next import does the same. Run it "
        "from cron every night."
    )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        from ...jobs import delete_expired  # requires django-import-export, which is optional

        rows, files = delete_expired()
        self.stdout.write(f"Deleted rows: {rows}, unconfirmed files: {files}")
