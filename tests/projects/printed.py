"""The lines that a command prints for the site to add."""

from __future__ import annotations

import textwrap
from typing import Any


def run_printed(message: str) -> dict[str, Any]:
    """Run the lines after the first empty line of ``message`` as Python; return the names."""
    namespace: dict[str, Any] = {}
    exec(textwrap.dedent(message.partition("\n\n")[2]), namespace)
    return namespace
