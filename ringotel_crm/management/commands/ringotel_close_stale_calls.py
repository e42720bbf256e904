"""Close the calls whose end never came."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand

from ...services.calls.live import close_stale_calls


class Command(BaseCommand):
    """See ``help``."""

    help = (
        'Close the calls of which nothing was heard for RINGOTEL_CRM["STALE_CALL_MINUTES"], as "end unknown". '
        "A real end that comes later replaces it. For a timer; the live board does the same while somebody looks at it."
    )

    def handle(self, **options: Any) -> None:
        """Close them."""
        self.stdout.write(f"Calls closed: {close_stale_calls()}")
