"""Report whether the site works, and what waits to be done."""

from __future__ import annotations

import datetime as dt
import json
from argparse import ArgumentParser
from dataclasses import asdict
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.core.serializers.json import DjangoJSONEncoder
from django.utils import timezone
from django.utils.timesince import timesince

from ...internal.request_log import Entry
from ...services.status import MAX_COUNT, SAMPLE, Status, check_readiness, get_status


class Command(BaseCommand):
    help = (
        "Reports whether database, migrations, phone index and storage work, and the webhook "
        "events that are pending or failed, the open calls, and the last request of each "
        "integration. The exit status is 1 if something does not work, else 0."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--json", action="store_true", help="print JSON, for monitoring")

    def handle(self, **options: Any) -> None:
        checks = check_readiness()
        is_ready = all(checks.values())
        status = get_status() if checks["database"] and checks.get("migrations") else None
        if options["json"]:
            data = {"checks": checks, **(asdict(status) if status else {})}
            self.stdout.write(json.dumps(data, cls=DjangoJSONEncoder, indent=2))
        else:
            self.print_report(checks, status)
        if not is_ready:
            failed = [name for name, works in checks.items() if not works]
            raise CommandError(f"Not ready: {', '.join(failed)}. The log shows the errors.")

    def print_report(self, checks: dict[str, bool], status: Status | None) -> None:
        """Print a line for each figure."""
        lines = {name.replace("_", " "): "ok" if ok else "failed" for name, ok in checks.items()}
        if status:
            lines |= {
                "events pending": _count(status.pending_events, status.oldest_pending),
                "events failed": _count(status.failed_events, status.oldest_failed),
                "open calls": _count(status.open_calls, status.oldest_open),
                "index differences": f"{status.index_differences}, in the latest {SAMPLE} rows",
            }
            for integration, entry in status.last_requests.items():
                lines[f"last request, {integration}"] = _describe(entry)
        width = max(map(len, lines)) + 1
        for name, value in lines.items():
            self.stdout.write(f"{name + ':':{width}} {value}")


def _count(count: int, oldest: dt.datetime | None) -> str:
    number = f"{count}+" if count == MAX_COUNT else str(count)
    return f"{number}, oldest {timesince(oldest)} ago" if oldest else number


def _describe(entry: Entry | None) -> str:
    if entry is None:
        return "none recorded"
    at = timezone.localtime(entry.at)
    return f"{at:%Y-%m-%d %H:%M:%S}, {entry.action}, status {entry.status}"
