"""Fill gaps in the call log."""

from __future__ import annotations

import datetime as dt
import re
from argparse import ArgumentParser
from collections import Counter
from typing import Any

from django.utils import timezone

from ... import phone
from ...backends import Backend
from ...client import Ringotel
from ...conf import conf
from ...internal.parsing import parse_timestamp
from ...services.calls.history import HistoryResult, merge_history
from ...services.sync import checkpoints
from ..account import AccountCommand

CHUNK = dt.timedelta(days=1)
SETTLED = dt.timedelta(minutes=2)
UNITS = {"m": "minutes", "h": "hours", "d": "days"}


def point(text: str) -> dt.datetime:
    """A point in time, or how long ago: 90m, 12h, 7d. Raises ``Invalid``."""
    if match := re.fullmatch(r"(\d{1,4})([mhd])", text):
        return timezone.now() - dt.timedelta(**{UNITS[match[2]]: int(match[1])})
    return parse_timestamp(text)


class Command(AccountCommand):
    """See ``help``."""

    help = (
        "Logs the calls that Ringotel's history has and the call log has not, and ends those whose end never came. "
        "Goes on from where the last run ended; safe to run every minute."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The options."""
        super().add_arguments(parser)
        parser.add_argument(
            "--since",
            help="from when on: 2026-11-22, 2026-11-22T17:30:00Z, 90m, 12h or 7d (default: the last run, else 1d)",
        )

    def work(self, backend: Backend, options: dict[str, Any]) -> None:
        """Pull a day at a time, and write down each day that is done."""
        client = Ringotel()
        # A call is in the history when it is over, under the time of its start; and the webhook shall be first.
        longest = dt.timedelta(minutes=conf.STALE_CALL_MINUTES)
        now = timezone.now()
        until = now - SETTLED
        last = checkpoints.read(backend.tenant, "history")
        begin = dt.datetime.fromisoformat(last) - longest if last else now - CHUNK
        told = begin + longest if last else begin  # what was over by then is in an earlier report
        if options["since"] is not None:
            begin = told = point(options["since"])
        counts: Counter[HistoryResult] = Counter()
        while begin < until:
            end = min(begin + CHUNK, until)
            history = client.get_calls(begin, end)
            for past, match in self.progress(
                merge_history(backend, history), unit="call", total=len(history)
            ):
                counts[match] += 1
                if (
                    match is HistoryResult.AMBIGUOUS
                    and past.start + dt.timedelta(seconds=past.duration) >= told
                ):
                    numbers = (
                        f"{phone.mask(past.caller_number)} to {phone.mask(past.called_number)}"
                    )
                    self.stderr.write(
                        f"Fits several calls, left alone: {past.start:%Y-%m-%d %H:%M:%S %Z}, {numbers}"
                    )
            if options["since"] is None or (last and end.isoformat() > last):
                checkpoints.write(backend.tenant, "history", end.isoformat())
            begin = end
        self.stdout.write(", ".join(f"{match}: {counts[match]}" for match in HistoryResult))
