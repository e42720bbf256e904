"""What a set-up must hold."""

from __future__ import annotations

from statistics import quantiles


class Failure(Exception):
    """A set-up does not hold what docs/scale.rst promises."""


def check(is_true: bool, claim: str) -> None:
    """Print ``claim``, with the figures that it is about. Raises ``Failure`` if it is not true."""
    if not is_true:
        raise Failure(claim)
    note(f"ok: {claim}")


def note(line: str) -> None:
    print(f"  {line}", flush=True)  # noqa: T201


def p99(milliseconds: list[float]) -> float:
    """Return the 99th percentile."""
    return quantiles(milliseconds, n=100, method="inclusive")[98]
