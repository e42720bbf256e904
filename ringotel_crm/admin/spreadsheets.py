"""Spreadsheets."""

from __future__ import annotations

import re
from typing import Any

# Where a formula can begin: in a cell, and behind what some spreadsheets part cells by.
FORMULA = re.compile(r"(^|[;\t\r\n])(?=[=+@\t\r\n＝＋－＠-])")


QUOTED_FORMULA = re.compile(r"(^|[;\t\r\n])'(?=[=+@\t\r\n＝＋－＠-])")


NUMBERS = re.compile(r"[+-][\d ().+/;x-]*", re.ASCII)


def spreadsheet_cell(value: Any) -> Any:
    """A value that no spreadsheet takes for a formula. Telephone numbers are none."""
    return (
        FORMULA.sub(r"\1'", value)
        if isinstance(value, str) and not NUMBERS.fullmatch(value)
        else value
    )


def from_spreadsheet_cell(text: str) -> str:
    """The text that :func:`spreadsheet_cell` was given, or that somebody typed behind an apostrophe."""
    return QUOTED_FORMULA.sub(r"\1", text).removeprefix("'")
