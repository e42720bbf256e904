"""Measure several works in turn, so that other load on the machine affects all alike."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles
from typing import Any

Work = Callable[[], object]
Table = dict[str, dict[str, Any]]


def in_turn(
    works: Mapping[str, Work], rounds: int, *, baseline: str = "baseline", warm: int = 5
) -> Table:
    """Return least, p10, p50 and p99 in milliseconds by name, with ratios to ``baseline``."""
    for _ in range(warm):
        for work in works.values():
            work()
    times: dict[str, list[float]] = {name: [] for name in works}
    names = list(works)
    for turn in range(rounds):
        for name in names[turn % len(names) :] + names[: turn % len(names)]:
            begun = time.perf_counter()
            works[name]()
            times[name].append((time.perf_counter() - begun) * 1000)
    table: Table = {}
    for name, taken in times.items():
        cuts = quantiles(taken, n=100, method="inclusive")
        table[name] = {"least": min(taken), "p10": cuts[9], "p50": cuts[49], "p99": cuts[98]}
    for row in table.values():
        row["ratio"] = row["p50"] / table[baseline]["p50"]
        row["ratio of p10"] = row["p10"] / table[baseline]["p10"]
    return {
        name: {key: round(value, 3) for key, value in row.items()} for name, row in table.items()
    }


def at_once(workers: list[Work], seconds: float) -> dict[str, float]:
    """Repeat each work in a thread. Return runs per second, and p50 and p99 in milliseconds."""
    end = time.perf_counter() + seconds

    def repeat(work: Work) -> list[float]:
        taken = []
        while (begun := time.perf_counter()) < end:
            work()
            taken.append((time.perf_counter() - begun) * 1000)
        return taken

    with ThreadPoolExecutor(len(workers)) as pool:
        taken = [one for many in pool.map(repeat, workers) for one in many]
    cuts = quantiles(taken, n=100, method="inclusive")
    return {
        "per second": round(len(taken) / seconds),
        "p50": round(cuts[49], 2),
        "p99": round(cuts[98], 2),
    }
