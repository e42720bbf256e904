"""One ASCII form for each sign that people, spreadsheets and switches write around digits."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import unquote

# Number of characters of a field that are read.
MAX_LENGTH = 250

_CONTROLS = {"\t": " ", "\n": "\n", "\r": "\n"}
_SIGNS = {
    "−": "-",
    "ー": "-",
    "⁃": "-",
    "～": "~",
    "➕": "+",
    "⁄": "/",
    "∕": "/",
    "、": ",",
    "،": ",",
    "؛": ";",
}
# Stands for any other sign until the text is complete.
_SIGN = "•"
_LEADING_SIGNS = re.compile(rf"^[\s{_SIGN}]*{_SIGN}\s*")
_ENCODED = re.compile("%[2-9A-F][0-9A-F]", re.IGNORECASE)
_NOT_DIGIT = re.compile("[^0-9]")


def clean(text: str) -> str:
    """Return the beginning of ``text`` with ASCII digits, plus, dashes and spaces.

    Invisible characters are removed. Signs such as ``☎`` or ``•`` become spaces. At the beginning
    they are removed with the spaces around them: a space that was typed there may be a ``+`` that
    went through a URL, and is kept.
    """
    text = text[:MAX_LENGTH]
    if "%" in text and _ENCODED.search(text):
        text = unquote(text)
    if not text.isascii() or not text.isprintable():
        text = "".join(map(_fold, text))
        if _SIGN in text:
            text = _LEADING_SIGNS.sub("", text).replace(_SIGN, " ")
    return text


def digits_in(text: str) -> str:
    """Return the ASCII digits of ``text``."""
    return _NOT_DIGIT.sub("", text)


def _fold(char: str) -> str:
    if char.isascii():
        return char if char.isprintable() else _CONTROLS.get(char, "")
    if char in _SIGNS:
        return _SIGNS[char]
    match unicodedata.category(char):
        case "Nd":
            return str(unicodedata.decimal(char))
        case "Pd":
            return "-"
        case "Ps":
            return "("
        case "Pe":
            return ")"
        case "Zs":
            return " "
        case "Zl" | "Zp":
            return "\n"
        case "Cc" | "Cf" | "Cs" | "Mn" | "Me" | "No":  # marks, and footnotes such as "¹"
            return ""
    plain = unicodedata.normalize("NFKC", char)
    return plain if char.isalnum() or plain.isascii() else _SIGN
