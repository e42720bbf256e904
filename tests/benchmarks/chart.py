"""The chart of the results."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from matplotlib import pyplot

HOOKS = ("FindContact", "CreateActivity", "StopCallActivity")


def draw(report: dict[str, Any], path: Path) -> None:
    """Draw the ratio of each hook to its baseline, by authentication and database."""
    figure, axes = pyplot.subplots(
        1, len(report["results"]), squeeze=False, figsize=(9, 3.2), sharey=True
    )
    for axis, result in zip(axes[0], report["results"], strict=True):
        for place, hook in enumerate(HOOKS):
            ways = [(name, row["ratio"]) for name, row in result[hook].items() if row["ratio"] != 1]
            for shift, (name, ratio) in enumerate(ways):
                bar = axis.bar(
                    place + shift * 0.27 - 0.27, ratio, 0.25, color=f"C{shift}", label=name
                )
                axis.bar_label(bar, fmt="%.2f", fontsize=7)
        axis.axhline(1, color="black", linewidth=0.8)
        axis.set_xticks(range(len(HOOKS)), HOOKS, fontsize=8)
        axis.set_title(f"{result['database']}, {result['contacts']:,} contacts", fontsize=9)
    axes[0][0].set_ylabel("p50, relative to the baseline")
    handles, labels = axes[0][0].get_legend_handles_labels()
    axes[0][0].legend(handles[:3], labels[:3], fontsize=8)
    figure.tight_layout()
    figure.savefig(path)
