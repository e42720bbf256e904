"""Keep the demo's data as a database of this version: ``python -m tests.upgrades``.

Run it when a version is released.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from .databases import TOOLS, dump, new_database, run_python

for kind in TOOLS:
    with tempfile.TemporaryDirectory() as folder, new_database(kind, Path(folder)) as name:
        run_python(kind, name, "manage.py", "demo", "--once")
        dump(kind, name)
