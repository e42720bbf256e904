"""Clean the cells of a file: damage by spreadsheets, placeholders, several values in one cell."""

from __future__ import annotations

import re
from collections.abc import Iterator

from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext as _

from .. import phone

# Between the values of one cell, as Google Contacts writes them and as we export them.
SEPARATOR = " ::: "

_ERRORS = re.compile(
    r"#+|#(?:N/A|NV|REF!|NAME\?|VALUE!|WERT!|BEZUG!|DIV/0!|NUM!|ZAHL!|NULL!|SPILL!|CALC!)",
    re.IGNORECASE,
)
# A person may be called Null or Na: only these spellings are placeholders in a name.
_PLACEHOLDERS = frozenset(
    {"NULL", "nan", "NaN", "None", "undefined", "(null)", "(none)", "N/A", "n/a", "<NA>", "k.A."}
)
_PLACEHOLDERS_FOR_NUMBER = re.compile(
    r"[\s.,?/_–—-]*|0+(?:[.,]0+)?|null|nan|none|nil|undefined|unknown|n/?a|k\.\s?a\.|unbekannt"
    r"|keine?",
    re.IGNORECASE,
)
_FORMULA_TEXT = re.compile(r"""'?=\s*"(.*)\"""", re.DOTALL)
_TEXT_MARK = re.compile(r"(^|[:;\n]\s*)'(?=[+(\d])")
_URI_PARAMETER = re.compile(r"[a-z-]+=", re.IGNORECASE)
_INTEGER = re.compile(r"(\+?\d{4,})[.,]0+")
_FRACTION = re.compile(r"\+?\d{9,}[.,]\d{1,3}")
_SCIENTIFIC = re.compile(r"(\d)(?:[.,](\d+))?E\+?(\d{1,2})", re.IGNORECASE)
_SEMICOLON_EXTENSION = re.compile(r"(?<=\d)\s*;\s*(?:ext\s*[.:=]?\s*)?(\d{1,6})\s*$", re.IGNORECASE)
# Where a formula can begin: in a cell, and after what some spreadsheets split cells by.
_FORMULA = re.compile(r"(^|[;\t\r\n])(?='*[=+@\t\r\n＝＋－＠-])")
_ESCAPED_FORMULA = re.compile("(^|[;\t\r\n])'(?='*[=+@\t\r\n＝＋－＠-])")
_NUMBER = re.compile(r"[+-][\d ().+/;x-]*", re.ASCII)
_CONTROLS = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")
_INVISIBLE = {ord(char): None for char in "\ufeff\u200b\u200e\u200f\u202a\u202c\u202d\u2060"}


class DamagedNumber(ValueError):
    """A spreadsheet has rounded this number; its digits are lost."""


def clean(cell: str) -> str:
    """Return the text of a cell: ``""`` for a placeholder, the inner text of ``="..."``."""
    text = cell.strip()
    if not (text.isascii() and text.isprintable()):
        text = _CONTROLS.sub("", text.translate(_INVISIBLE)).strip()
    if match := _FORMULA_TEXT.fullmatch(text):
        text = match[1].replace('""', '"').strip()
    if text in _PLACEHOLDERS or _ERRORS.fullmatch(text) or text in ("-", "--", "–", "—"):
        return ""
    return text


def escape_formula(text: str) -> str:
    """Return a text that no spreadsheet runs as a formula. Phone numbers stay as they are."""
    is_numbers = all(map(_NUMBER.fullmatch, text.split(SEPARATOR)))
    return text if is_numbers else _FORMULA.sub(r"\1'", text)


def unescape_formula(text: str) -> str:
    """Return the text that :func:`escape_formula` was given."""
    return _ESCAPED_FORMULA.sub(r"\1", text)


def strip_text_marks(cell: str) -> str:
    """Return the numbers without the apostrophe that makes a spreadsheet keep them as text."""
    return _TEXT_MARK.sub(r"\1", cell)


def split_numbers(cell: str) -> list[str]:
    """Return the texts of the phone numbers in a cell, one number in each.

    A semicolon separates only where a number follows, so ``tel:+353-21-202-8252;ext=12`` stays one
    number. Raises ``DamagedNumber`` for ``3.53212E+11``.
    """
    return [
        number
        for value in _split_values(cell)
        for text in _split_semicolons(value)
        for number in _numbers(text)
    ]


def read_extension(text: str) -> str:
    """Return the extension in ``021 202 8260;12``, or ``""``."""
    match = _SEMICOLON_EXTENSION.search(text)
    return match[1] if match else ""


def split_emails(cell: str) -> tuple[list[str], list[str]]:
    """Return the valid addresses in a cell, and the other texts in it."""
    valid: list[str] = []
    invalid: list[str] = []
    for value in _split_values(cell):
        named = re.findall(r"<([^<>\s]+)>", value)
        for text in named or re.split(r"[;,\s]+", value):
            address = re.sub(r"^mailto:", "", text.strip("'\"<>()"), flags=re.IGNORECASE)
            if not address or _PLACEHOLDERS_FOR_NUMBER.fullmatch(address):
                continue
            try:
                validate_email(address)
            except ValidationError:
                invalid.append(address)
            else:
                valid.append(address)
    return valid, invalid


def is_exchange_address(text: str) -> bool:
    """Return whether this is the internal name of a mailbox, as Outlook exports it."""
    return text.casefold().startswith(("/o=", "/cn="))


def _split_values(cell: str) -> Iterator[str]:
    return (text.strip() for text in re.split(r":::|[\r\n]+", cell) if text.strip())


def _split_semicolons(value: str) -> Iterator[str]:
    first, *others = value.split(";")
    text = first
    for part in others:
        is_number = phone.numbers(part.strip()) or _SCIENTIFIC.fullmatch(part.strip())
        if _URI_PARAMETER.match(part.strip()) or not is_number:
            text = f"{text};{part}"
        else:
            yield text
            text = part
    yield text


def _numbers(text: str) -> Iterator[str]:
    text = _restore_digits(text.strip())
    if _PLACEHOLDERS_FOR_NUMBER.fullmatch(text) or _ERRORS.fullmatch(text):
        return
    found = phone.numbers(text)
    if len(found) > 1:
        yield from (number.text for number in found)
    else:
        yield text


def _restore_digits(text: str) -> str:
    """Return the number that a spreadsheet wrote as ``353877654321.0`` or ``3.53877654321E+11``."""
    if match := _FORMULA_TEXT.fullmatch(text):
        text = match[1]
    if match := _INTEGER.fullmatch(text):
        return match[1]
    match = _SCIENTIFIC.fullmatch(text)
    if match and len(match[2] or "") >= int(match[3]):
        return match[1] + match[2][: int(match[3])]
    if match or _FRACTION.fullmatch(text):
        raise DamagedNumber(
            _(
                "“%(number)s” was rounded by a spreadsheet. "
                "Format the column as text, or export the file again."
            )
            % {"number": text}
        )
    return text
