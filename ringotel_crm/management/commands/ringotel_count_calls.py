"""Count the calls of past days."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from tqdm import tqdm

from ... import databases
from ...exceptions import CRMError
from ...services.calls import totals
from ...services.sync import checkpoints


class Command(BaseCommand):
    help = (
        "Counts the calls of past days, so that the overview in the admin need not read them. Run "
        "it from cron every night. Days whose calls have changed are counted again."
    )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        days = 0
        try:
            with checkpoints.exclusive("", "ringotel_count_calls") as renew:
                changed = totals.count_changed_days()
                for _day in tqdm(changed, unit="day", disable=not sys.stderr.isatty()):
                    days += 1
                    renew()
        except CRMError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(f"Counted days: {days}")
