"""From a field that people fill in, or a SIP header, to the numbers in it.

What follows a complete number after a slash or a dash is another number if it is one by itself, and
an extension if it is short. It is never appended: ``030 1234567 / 68`` is +49301234567, because
+4930123456768 may be a stranger.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

from .cleaning import clean, digits_in
from .interpretation import (
    Dialing,
    Interpretation,
    Refusal,
    interpret,
    is_grouped_as_usual,
    is_national,
    stands_alone,
)
from .notation import (
    LABELS,
    find_in_prose,
    find_vanity,
    has_extension,
    is_address,
    strip_signs,
    take_extension,
    to_digits,
    unwrap,
    with_spaces,
)
from .parsing import MIN_DIGITS, is_region, to_e164


class Reading(NamedTuple):
    """One number of a field: the text that holds it, its interpretation, and its extension."""

    text: str
    interpretation: Interpretation
    extension: str = ""

    @property
    def is_number(self) -> bool:
        return bool(self.interpretation.numbers)

    @property
    def is_valid(self) -> bool:
        return self.interpretation.is_valid

    @property
    def e164(self) -> str:
        """The likeliest reading, which must exist."""
        return to_e164(self.interpretation.numbers[0])

    @property
    def is_usual(self) -> bool:
        """Whether the number, which must exist, is grouped as its country groups it."""
        return is_grouped_as_usual(self.text, self.interpretation.numbers[0])

    def stands_alone(self, dialing: Dialing) -> bool:
        """Return whether this is a valid number that cannot be the end of another."""
        return stands_alone(self.text, self.interpretation, dialing)


# Dividers that are looked at in one text, and digits of a text that is split at its spaces.
_MAX_DIVIDERS = 16
_MAX_DIGITS = 60
# Digits of a number with its prefixes.
_MIN_SPLIT_DIGITS, _MAX_NUMBER_DIGITS = 4, 20
# Letters at the end of a vanity number that are not dialled: 1-800-CONTACTS.
_MAX_SURPLUS_LETTERS = 5
# Germany and Austria: what follows a hyphen is dialled (DIN 5008, ÖNORM A 1080).
_DIALLED_AFTER_HYPHEN = frozenset({49, 43})

# One number, its groups separated by a single sign.
_PLAIN = re.compile(
    r" ?(?![0-9]{1,2}\))\+?\(?[0-9](?:[0-9().-]*[0-9)])?"
    r"(?: \(?[0-9](?:[0-9().-]*[0-9)])?)*(?<=[0-9])"
)
_SHORT_END = re.compile(r"[-.]([0-9]|[0-9]{3,4}|(?<![-.][0-9]{2}[-.])[0-9]{2})$")

# What separates numbers.
_NEW_NUMBER = re.compile(
    r"[\n|&]+|:{2,}|(?<=>)\s*,"
    r"|;(?!\s*[a-z-]+=)(?!\s*\d{1,6}\s*#?\s*(?:;|$))"
    r"|\b(?:or|and|oder|und|ou|et)\b"
    r"|(?<=\d)\s+\+\s+(?=\d)|(?<=\d)[\s,/\\~-]*(?=\+)",
    re.IGNORECASE,
)
# What separates numbers, a number and its extension, or the groups of one number.
_DIVIDER = re.compile(
    r"(\s*(?<!,)[,/\\~](?!,)\s*|\s+[^\w\s()\[\]+]+\s*|\s*[^\w\s()\[\]+]+\s+|\s{2,}"
    r"|\s*[\[(](?=\d{1,6}\s*[\])]\s*$))"
)
_SEPARATOR = re.compile(r"(?<=[\d)])[\s.-]+(?=[\d(])")
_SHORT_PART = re.compile(rf"(?:{LABELS})?[\s.:\#]*\d[\d\s.-]*[\s)\]\#]*", re.IGNORECASE)
_LIST_ITEM = re.compile(
    r"\s*(?:(?:#\d{1,2}|\d{1,2}\s?[.):])\s+(?=[+(]*\d)|\(\d{1,2}\)\s+(?=[+(]*[0+]))"
)

_LETTER = re.compile(r"[^\W\d_]")
_LABELLED = re.compile(r"[^\d+(]*([+(]*\d(?:[\W\d_]*\d)?)\D*")
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}")


@lru_cache(maxsize=1024)  # several requests report one call
def read_field(text: str, region: str | None, dial_prefix: str) -> tuple[Reading, ...]:
    """Return the numbers of a field or, when it has none, the refusal of the whole."""
    text = clean(text)
    dialing = _dialing(region, dial_prefix)
    if reading := _read_plain(text, dialing):
        return (reading,)
    readings = [reading for piece in _pieces(text) for reading in _read_piece(piece, dialing)]
    readings = readings or _read_separated(text, dialing)
    return tuple(readings) or (_read_one(unwrap(text)[0], dialing)._replace(text=text.strip()),)


@lru_cache
def _dialing(region: str | None, prefix: str) -> Dialing:
    return Dialing(region if region and is_region(region) else None, prefix)


def _read_plain(text: str, dialing: Dialing) -> Reading | None:
    """Read a text that is clearly one number and nothing else, as most are."""
    is_solid = text.lstrip(" +").isdecimal()
    if not is_solid and not _PLAIN.fullmatch(text):
        return None
    reading = Reading(text.strip(), interpret(text, dialing))
    if reading.is_number:
        is_clear = not _is_doubtful(reading, dialing)
    else:
        is_clear = is_solid or reading.interpretation.refusal == Refusal.WITHHELD
    return reading if is_clear else None


def _read_one(text: str, dialing: Dialing) -> Reading:
    """Read one number with the extension after it and the signs around it."""
    if reading := _read_plain(text, dialing):
        return reading
    number, extension = take_extension(text)
    number = strip_signs(number) or number.strip() or text
    return Reading(text.strip(), interpret(number, dialing), extension)


def _pieces(text: str) -> Iterator[str]:
    first, *others = _NEW_NUMBER.split(text)
    yield first
    yield from map(str.lstrip, others)


def _read_piece(piece: str, dialing: Dialing) -> list[Reading]:
    if reading := _read_plain(piece, dialing):
        return [reading] if reading.is_number else []
    text, extension = unwrap(piece)
    readings = _read_numbers(text, dialing)
    if readings and text != piece:
        extension = extension or readings[0].extension
        readings[0] = readings[0]._replace(text=piece.strip(), extension=extension)
    if not readings and not is_address(piece) and _LETTER.search(piece):
        readings = (
            _read_prose(piece, dialing)
            or _read_labelled(piece, dialing)
            or _read_vanity(piece, dialing)
        )
    return _read_list_item(piece, dialing, readings) or readings


def _read_numbers(text: str, dialing: Dialing) -> list[Reading]:
    """Read the numbers of a text, and the short parts after them as their extensions.

    ``021 202 8252 / 3, 085 012 3456`` is 021 202 8252 with the extension 3, and 085 012 3456.
    """
    number, *rest = _DIVIDER.split(text, maxsplit=_MAX_DIVIDERS)
    current = _read_one(number, dialing)
    readings = []
    for divider, part in zip(rest[::2], rest[1::2], strict=True):
        is_short = _is_short(part, number)
        if current.is_number and not _has_fewer_digits(part, number):
            following = _read_one(part, dialing)
            if following.stands_alone(dialing):
                readings.append(current)
                number, current = part, following
                continue
        joined = _read_one(number + divider + part, dialing)
        if not current.is_number:
            is_group = True
        elif is_short:
            is_group = _is_group(divider, current, joined, dialing)
        else:
            is_group = joined.is_valid and joined.e164.startswith(current.e164)
        if is_group:
            number, current = number + divider + part, joined
        else:
            current = current._replace(
                text=current.text + divider + part.rstrip(),
                extension=current.extension or (digits_in(part) if is_short else ""),
            )
    return [settled for reading in (*readings, current) for settled in _settle(reading, dialing)]


def _is_group(separator: str, left: Reading, whole: Reading, dialing: Dialing) -> bool:
    """Return whether the short last part of ``whole`` is a group of it, not an extension.

    ``021 202 8252 / 3`` and ``020 7183 8750-204`` are not valid as a whole. ``3267 6047 / 68`` in
    Bahrain would be Belgian, and ``06 6984 2819-3`` is not how Italians write: all have extensions.
    ``8 (495) 123-45-67`` and ``08-12-34-56`` are groups, and so is ``030 1234567-68`` in Germany.
    """
    if not whole.is_valid or not left.is_valid or left.extension:
        return whole.is_valid and not left.extension
    is_longer = whole.e164.startswith(left.e164)
    if separator.isspace():
        return is_longer
    is_tight = separator in ("-", ".")
    if not is_longer:
        return is_tight and not left.stands_alone(dialing) and not left.is_usual
    if separator == "-" and left.interpretation.is_landline_in(_DIALLED_AFTER_HYPHEN):
        return True
    separators = re.findall(r"(?<=\d)\D+(?=\d)", whole.text)
    is_uniform = len(separators) > 1 and len(set(separators)) == 1
    return (whole.is_usual or is_uniform) if is_tight else (whole.is_usual and is_uniform)


def _settle(reading: Reading, dialing: Dialing) -> Sequence[Reading]:
    """Return the numbers of a text without dividers: usually one, or several after each other."""
    if reading.is_number and not _is_doubtful(reading, dialing):
        return [reading]
    is_splittable = not reading.extension and not _LETTER.search(reading.text)
    parts = _split(reading.text, dialing) if is_splittable else ()
    return parts or [reading] * reading.is_number


def _is_doubtful(reading: Reading, dialing: Dialing) -> bool:
    """Return whether the last digits of a number may be an extension: ``021 202 8252-3``."""
    end = _SHORT_END.search(reading.text, len(reading.text) - 5)
    if not end:
        return False
    if "+" not in reading.text and not is_national(reading.interpretation, dialing):
        return True
    return len(end[1]) < 4 and not reading.is_usual


@lru_cache(maxsize=64)  # many ways to split a text leave the same end
def _split(text: str, dialing: Dialing) -> tuple[Reading, ...]:
    """Split a text at the last separator after which a number or an extension begins.

    ``020 7183 8750 07912 345678`` is two numbers, and ``020 7183 8750-204`` one with an extension.
    Returns nothing if no split makes each part a valid number.
    """
    if len(digits_in(text)) > _MAX_DIGITS:
        return ()
    for separator in reversed(list(_SEPARATOR.finditer(text))):
        if not _MIN_SPLIT_DIGITS <= len(digits_in(text[: separator.start()])) <= _MAX_NUMBER_DIGITS:
            continue
        left = _read_one(text[: separator.start()], dialing)
        if not left.is_valid:
            continue
        right = _read_one(text[separator.end() :], dialing)
        if not separator[0].isspace() and _is_short(right.text, left.text):
            if _is_group(separator[0], left, _read_one(text, dialing), dialing):
                return ()
            return (left._replace(text=text, extension=digits_in(right.text)),)
        others = (right,) if right.stands_alone(dialing) else _split(right.text, dialing)
        if others and others[0].stands_alone(dialing):
            return (left, *others)
    return ()


def _is_short(part: str, number: str) -> bool:
    """Return whether a part is too short for a number, so that it may be an extension."""
    return _has_fewer_digits(part, number) and bool(_SHORT_PART.fullmatch(part))


def _has_fewer_digits(part: str, number: str) -> bool:
    return len(digits_in(part)) < min(MIN_DIGITS, len(digits_in(number)))


def _read_prose(text: str, dialing: Dialing) -> list[Reading]:
    """Read the numbers among words, each with what follows it up to the next word."""
    found = find_in_prose(text, dialing.region)
    starts = [start for start, _ in found]
    readings = []
    for (start, raw), end in zip(found, [*starts[1:], len(text)], strict=False):
        following = text[start + len(raw) : end]
        if not has_extension(raw + following):
            following = _LETTER.split(following, maxsplit=1)[0].rstrip(" ([-")
        readings += _read_numbers(raw + following, dialing) or _read_numbers(raw, dialing)
    return readings


def _read_labelled(text: str, dialing: Dialing) -> list[Reading]:
    """Read numbers between words that are too short, or too unusual, to be found in prose."""
    match = _LABELLED.fullmatch(text)
    if not match or _DATE.search(match[1]):
        return []
    readings = _read_numbers(match[1], dialing)
    return readings if all(reading.stands_alone(dialing) for reading in readings) else []


def _read_vanity(text: str, dialing: Dialing) -> list[Reading]:
    """Read a number with letters for its digits: ``1-800-FLOWERS``, ``(415) 555-CALL``."""
    digits, letters = find_vanity(text)
    is_name = letters.isupper() or not re.search(r"\s", letters)
    is_ending = len(digits_in(digits)) >= MIN_DIGITS - 1
    for surplus in range(_MAX_SURPLUS_LETTERS if is_name else 1):
        reading = _read_one(digits + to_digits(letters[: len(letters) - surplus]), dialing)
        if reading.interpretation.is_service or (is_ending and reading.is_valid):
            code = reading.interpretation.numbers[0].country_code
            if reading.stands_alone(dialing) or re.match(rf"\W*{code}\W", digits):
                return [reading._replace(text=text.strip(), extension="")]
    return []


def _read_list_item(text: str, dialing: Dialing, whole: list[Reading]) -> list[Reading]:
    """Read what follows the number of a list item, ``2) 021 202 8252``, if that is likelier."""
    item = _LIST_ITEM.match(text)
    readings = _read_numbers(text[item.end() :], dialing) if item else []
    if not item or not readings or not readings[0].stands_alone(dialing):
        return []
    is_likelier = "(" not in item[0] or not whole or not whole[0].is_valid
    return readings if is_likelier else []


def _read_separated(text: str, dialing: Dialing) -> list[Reading]:
    """Read numbers whose groups are separated by unusual signs: ``021*202*8252``."""
    spaced = with_spaces(text)
    readings = _read_numbers(spaced, dialing) if spaced else []
    return [reading for reading in readings if reading.stands_alone(dialing)]
