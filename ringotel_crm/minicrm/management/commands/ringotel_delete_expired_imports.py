"""Delete rows and files of old imports."""

from __future__ import annotations

from typing import Any

from django.apps import apps
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
        if not apps.is_installed("import_export"):
            self.stdout.write("Nothing to delete: INSTALLED_APPS does not contain import_export.")
            return
        from ...jobs import delete_expired  # requires django-import-export

        rows, files = delete_expired()
        self.stdout.write(f"Deleted rows: {rows}, unconfirmed files: {files}")
