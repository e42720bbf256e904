"""What a set-up must hold."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Mapping
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


def execute(environ: Mapping[str, str], module: str, *arguments: str) -> str:
    """Run a Python module and return its output. Raises ``Failure`` if it fails."""
    done = subprocess.run(
        [sys.executable, "-m", module, *arguments],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise Failure(f"{arguments} ended with {done.returncode}: {done.stderr[-1000:]}")
    return done.stdout
