"""Pinned requests, responses and documents.

``<hook>.in.json`` is a request of Ringotel, ``<hook>.out.json`` its response, and
``document_<auth>.json`` a document. After an intended change, run
``GOLDEN=write pytest tests/hooks/test_golden.py`` to rewrite responses and documents, and review
the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def load(name: str) -> Any:
    """Return the content of a file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def check(name: str, actual: Any) -> None:
    """Compare ``actual`` and its order of keys with the file, or write it if GOLDEN=write."""
    path = FOLDER / f"{name}.json"
    text = json.dumps(actual, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
