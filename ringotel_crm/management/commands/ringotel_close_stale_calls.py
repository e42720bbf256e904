"""Close the calls whose end was not received."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ... import databases
from ...services.calls.live import close_stale_calls


class Command(BaseCommand):
    help = (
        'Closes open calls without an update for RINGOTEL_CRM["STALE_CALL_MINUTES"] minutes, with '
        'the status "no end received". If the end arrives later, it replaces this status. Run it '
        "from cron."
    )

    @databases.fresh_reads()
    def handle(self, **options: Any) -> None:
        self.stdout.write(f"Closed calls: {close_stale_calls()}")
