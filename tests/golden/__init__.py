"""Payloads and documents as they cross the wire, pinned to the letter.

``<hook>.in.json`` is what Ringotel sends, ``<hook>.out.json`` what it gets, ``document_<auth>.json`` the whole
document. After a change that is meant, ``GOLDEN=write pytest tests/hooks/test_golden.py`` writes the last two anew:
read the diff.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).parent


def load(name: str) -> Any:
    """The content of a file."""
    return json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))


def check(name: str, actual: Any) -> None:
    """Compare with the file, also the order of keys; or write it, if the environment says so."""
    path = FOLDER / f"{name}.json"
    text = json.dumps(actual, indent=2, ensure_ascii=False) + "\n"
    if os.environ.get("GOLDEN") == "write":
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
