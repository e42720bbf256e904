"""The text of the project uses the standard terms of its field. See "Style" in CONTRIBUTING.rst."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
SUFFIXES = {".py", ".html", ".js", ".css", ".rst", ".md", ".toml", ".cfg", ".ini"}

# Each pattern with what to write instead.
PATTERNS = {
    r"tells?|told": "report, send, notify, receive",
    r"says?|said": "contain, specify, state",
    r"nobody|somebody|anybody|everybody": '"no contact", "any user", None',
    r"hears?|heard": "play, listen to",
    r"gone": "deleted, removed, missing",
    r"doors?|seam": "endpoint, API, integration",
    r"beside|meanwhile|all the same": "alongside, while, nevertheless",
    r"(is|are) expected": '"Enter ...", "Must be ..."',
    r"so many|so long": "name the parameter",
    r"there is none|whose it is": "does not exist",
}
WORDS = re.compile(rf"\b({'|'.join(PATTERNS)})\b", re.IGNORECASE)

# Uses that are right: names of others, user input in tests.
FILE_POSITION = re.compile(r"\btell\(")
EXCEPTIONS = {
    "ringotel_crm/media/audio_source.py": FILE_POSITION,
    "ringotel_crm/media/audio_streams.py": FILE_POSITION,
    "tests/media/test_audio.py": FILE_POSITION,
    "tests/minicrm/test_import_command.py": re.compile("Nobody"),
    "tests/test_language.py": WORDS,
}


def project_files() -> Iterator[Path]:
    """Yield the text files of the project, without translations and generated files."""
    yield from (path for path in ROOT.iterdir() if path.suffix in SUFFIXES)
    for folder in ("ringotel_crm", "demo_project", "tests", "docs", ".ci"):
        for path in (ROOT / folder).rglob("*"):
            if path.suffix in SUFFIXES and {"locale", "_build"}.isdisjoint(path.parts):
                yield path


def test_text_uses_the_standard_terms() -> None:
    found = []
    for path in project_files():
        name = path.relative_to(ROOT).as_posix()
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            rest = EXCEPTIONS[name].sub("", line) if name in EXCEPTIONS else line
            found += [f"{name}:{number}: {match[0]}" for match in WORDS.finditer(rest)]
    assert found == []
