"""The German translation is complete."""

from __future__ import annotations

import gettext
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import ringotel_crm

pytestmark = pytest.mark.slow

PACKAGE = Path(ringotel_crm.__file__).parent
CATALOG = PACKAGE / "locale/de/LC_MESSAGES/django.po"


def msgids(text: str) -> set[str]:
    """Return the message ids of a catalog, without the header."""
    found = re.findall(r'^msgid ((?:"(?:[^"\\]|\\.)*"\n)+)', text, re.MULTILINE)
    texts = ("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', block)) for block in found)
    return {text.replace('\\"', '"').replace("\\n", "\n") for text in texts} - {""}


def test_compiled_catalog_is_complete() -> None:
    with CATALOG.with_suffix(".mo").open("rb") as file:
        compiled = gettext.GNUTranslations(file)
    known = {key if isinstance(key, str) else key[0] for key in compiled._catalog}  # type: ignore[attr-defined]

    assert msgids(CATALOG.read_text(encoding="utf-8")) - known == set()


def test_every_message_is_translated(tmp_path: Path) -> None:
    if not shutil.which("xgettext"):
        pytest.skip("Requires gettext.")
    copy = tmp_path / "ringotel_crm"
    shutil.copytree(PACKAGE, copy, ignore=shutil.ignore_patterns("__pycache__", "*.mo"))
    subprocess.run(
        [
            sys.executable,
            "-m",
            "django",
            "makemessages",
            "-l",
            "de",
            "--no-location",
            "--no-obsolete",
            "-v0",
        ],
        cwd=copy,
        env={name: value for name, value in os.environ.items() if name != "DJANGO_SETTINGS_MODULE"},
        check=True,
        timeout=120,
    )
    catalog = copy / "locale/de/LC_MESSAGES/django.po"

    untranslated = subprocess.run(
        ["msgattrib", "--untranslated", "--no-obsolete", str(catalog)],
        capture_output=True,
        text=True,
        check=True,
    )
    fuzzy = subprocess.run(
        ["msgattrib", "--only-fuzzy", str(catalog)], capture_output=True, text=True, check=True
    )
    assert msgids(untranslated.stdout) | msgids(fuzzy.stdout) == set()
