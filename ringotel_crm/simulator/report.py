"""The report of a simulation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

PROBLEMS_SHOWN = 20


def mask(number: str) -> str:
    """Mask the middle of a number. Extensions, and words such as "anonymous", are unchanged."""
    return f"{number[:3]}…{number[-3:]}" if len(number) > 6 and number.isdigit() else number


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """A request. ``caller`` is masked. ``contact`` is the name from FindContact, or "".

    ``status`` is 0 without a response.
    """

    scenario: str
    hook: str
    caller: str
    contact: str
    status: int
    milliseconds: float
    problems: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Line:
    """The requests to a hook. ``p50`` and ``p99`` are in milliseconds."""

    hook: str
    count: int
    statuses: dict[int, int]
    p50: float
    p99: float
    problems: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A line per hook, and all problems."""

    lines: Sequence[Line]
    problems: Sequence[str]

    @classmethod
    def of(cls, events: Sequence[Event]) -> Report:
        by_hook: dict[str, list[Event]] = {}
        for event in events:
            by_hook.setdefault(event.hook, []).append(event)
        return cls(
            lines=[_line(hook, events) for hook, events in by_hook.items()],
            problems=[
                f"{event.hook} ({event.scenario}): {problem}"
                for event in events
                for problem in event.problems
            ],
        )

    @property
    def ok(self) -> bool:
        """Whether all responses match the document."""
        return not self.problems

    def as_dict(self) -> dict[str, Any]:
        """Return the report for JSON."""
        return {"ok": self.ok, **asdict(self)}

    def text(self) -> str:
        """Return a table, and the first problems."""
        rows = [
            f"{'hook':20} {'count':>6}  {'status':22} {'p50 ms':>8} {'p99 ms':>8} {'problems':>8}"
        ]
        for line in self.lines:
            statuses = ", ".join(
                f"{n} x {status or 'none'}" for status, n in sorted(line.statuses.items())
            )
            rows.append(
                f"{line.hook:20} {line.count:6}  {statuses:22} {line.p50:8.1f} {line.p99:8.1f} "
                f"{line.problems:8}"
            )
        if self.problems:
            rows += ["", *self.problems[:PROBLEMS_SHOWN]]
        if (more := len(self.problems) - PROBLEMS_SHOWN) > 0:
            rows.append(f"... and {more} more.")
        return "\n".join(rows)


def _line(hook: str, events: Sequence[Event]) -> Line:
    times = sorted(event.milliseconds for event in events)
    return Line(
        hook=hook,
        count=len(events),
        statuses=dict(Counter(event.status for event in events)),
        p50=_percentile(times, 50),
        p99=_percentile(times, 99),
        problems=sum(len(event.problems) for event in events),
    )


def _percentile(times: Sequence[float], percent: int) -> float:
    """Return a percentile by nearest rank. ``times`` is sorted and not empty."""
    return round(times[math.ceil(len(times) * percent / 100) - 1], 1)
