"""Complete the call log from Ringotel's call history."""

from __future__ import annotations

import datetime as dt
import re
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from ... import phone
from ...backends import Backend
from ...client import Ringotel, RingotelApiError, RingotelAuthenticationError
from ...conf import conf
from ...exceptions import InvalidInput
from ...internal.parsing import parse_timestamp
from ...models import Activity
from ...records import CallHistoryEntry
from ...services.calls.history import Machines, MatchResult, find_gaps, merge_history
from ...services.sync import checkpoints
from ..account import AccountCommand

# The history is read a day at a time.
CHUNK = dt.timedelta(days=1)
# Calls that began later are left to the webhooks.
SETTLED = dt.timedelta(minutes=2)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def parse_since(text: str) -> dt.datetime:
    """Return a point in time, or how long ago: 90m, 12h, 7d. Raises ``InvalidInput``."""
    if match := re.fullmatch(r"(\d{1,4})([mhd])", text):
        return timezone.now() - dt.timedelta(**{UNITS[match[2]]: int(match[1])})
    since = parse_timestamp(text)
    if since is None:
        raise InvalidInput(_("Enter a time between 1970 and 2100."))
    return since


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Log the calls that Ringotel's history has and the call log lacks, and close those without "
        "an end. Continues where the last run ended; can be run every minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        super().add_arguments(parser)
        parser.add_argument(
            "--since",
            help="read the history from this time on: 2026-11-22, 2026-11-22T17:30:00Z, 90m, 12h "
            "or 7d (default: the last run, else 1d)",
        )
        parser.add_argument(
            "--report-missing",
            action="store_true",
            help="also report logged calls that the history lacks, unless an option of a "
            "connection explains it",
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        client = Ringotel()
        # The history has a call when it is over, under the time of its start.
        longest = dt.timedelta(minutes=conf.STALE_CALL_MINUTES)
        until = timezone.now() - SETTLED
        last = checkpoints.read(backend.tenant, "history")
        begin = dt.datetime.fromisoformat(last) - longest if last else timezone.now() - CHUNK
        reported = (
            begin + longest if last else begin
        )  # calls that ended before are in an earlier report
        if options["since"] is not None:
            begin = reported = parse_since(options["since"])
        began, counts = begin, Counter[MatchResult]()
        matched: set[int] = set()
        while begin < until:
            end = min(begin + CHUNK, until)
            history = client.get_calls(begin, end)
            machines = self.machines(client) if history else None
            merging = merge_history(backend, history, machines)
            for merged in self.progress(merging, unit="call", total=len(history)):
                counts[merged.result] += 1
                matched |= {merged.call.pk} if merged.call else set()
                if merged.result is MatchResult.AMBIGUOUS and _end(merged.past) >= reported:
                    self.report("Ambiguous, skipped", merged.past)
            if options["since"] is None or (last and end.isoformat() > last):
                checkpoints.write(backend.tenant, "history", end.isoformat())
            begin = end
        self.stdout.write(", ".join(f"{match}: {counts[match]}" for match in MatchResult))
        if options["report_missing"]:
            gaps = find_gaps(backend, began, (reported, until), matched, client.get_connections())
            self.report_missing(*gaps)

    def machines(self, client: Ringotel) -> Machines | None:
        """Return the extensions that belong to no person; None if the key may not read users."""
        try:
            return Machines.among(client.get_users(with_ai_agents=True))
        except (RingotelAuthenticationError, RingotelApiError):
            return None

    def report_missing(self, lost: list[Activity], explained: int) -> None:
        """Report logged calls that the history lacks."""
        for call in lost:
            self.report("Not in the history", call)
        self.stdout.write(
            f"not in the history: {len(lost)}, explained by the connection: {explained}"
        )

    def report(self, title: str, call: CallHistoryEntry | Activity) -> None:
        """Write a call to the error output, with masked numbers."""
        numbers = f"{phone.mask(call.caller_number)} to {phone.mask(call.called_number)}"
        start = f"{call.start:%Y-%m-%d %H:%M:%S %Z}" if call.start else "-"
        self.stderr.write(f"{title}: {start}, {numbers}")


def _end(past: CallHistoryEntry) -> dt.datetime:
    return past.start + dt.timedelta(seconds=past.duration)
