"""Protection against formulas in spreadsheet files (CSV injection)."""

from __future__ import annotations

import re
from typing import Any

_FORMULA_START = r"(?=[=+@\t\r\n＝＋－＠-])"
# A formula can start at the beginning of a cell and after a character that some spreadsheet
# programs treat as a cell separator.
FORMULA = re.compile(rf"(^|[;\t\r\n]){_FORMULA_START}")
QUOTED_FORMULA = re.compile(rf"(^|[;\t\r\n])'{_FORMULA_START}")
# Phone numbers, which start with "+" but are not formulas.
NUMBERS = re.compile(r"[+-][\d ().+/;x-]*", re.ASCII)


def spreadsheet_cell(value: Any) -> Any:
    """Return ``value`` with an apostrophe before each formula; phone numbers stay unchanged."""
    if isinstance(value, str) and not NUMBERS.fullmatch(value):
        return FORMULA.sub(r"\1'", value)
    return value


def from_spreadsheet_cell(text: str) -> str:
    """Reverse :func:`spreadsheet_cell`; also removes an apostrophe typed at the beginning."""
    return QUOTED_FORMULA.sub(r"\1", text).removeprefix("'")
