"""Run a command of ``manage.py`` and print, as the last line, by how many MB its memory grew."""

from __future__ import annotations

import sys
from pathlib import Path

import django


def memory(field: str) -> float:
    """Return a field of the memory of this process in MB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith(field)).split()[1]) / 1024


def main() -> None:
    django.setup()
    from django.core.management import call_command

    Path("/proc/self/clear_refs").write_text("5")
    before = memory("VmRSS")
    call_command(*sys.argv[1:])
    print(round(memory("VmHWM") - before, 1))  # noqa: T201


if __name__ == "__main__":
    main()
