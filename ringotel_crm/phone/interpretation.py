"""From the text of one number to the numbers that it may stand for, the likeliest first."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType

from .cleaning import digits_in
from .parsing import (
    MIN_DIGITS,
    country_code,
    equivalents,
    has_international_prefix,
    is_mobile,
    is_valid,
    lacks_trunk_prefix,
    parse_dialled,
    parse_foreign,
    parse_international,
    parse_national,
    to_e164,
    to_international,
    to_national,
    trunk_prefix,
    usual_length,
)


class Refusal(StrEnum):
    """The reason why a text is not a number that can identify a contact."""

    EMPTY = "empty"
    WITHHELD = "withheld"
    SHORT = "short"
    EMERGENCY = "emergency"
    NO_REGION = "no_region"
    IMPOSSIBLE = "impossible"
    OWN = "own"
    IGNORED = "ignored"


class Dialing(NamedTuple):
    """Where a text was typed: the region, and what phones dial there for an outside line."""

    region: str | None
    prefix: str = ""


class Interpretation(NamedTuple):
    """The possible numbers that one text may stand for, the likeliest first, or a refusal."""

    numbers: tuple[PhoneNumber, ...] = ()
    refusal: Refusal | None = None

    @property
    def is_valid(self) -> bool:
        return bool(self.numbers) and is_valid(self.numbers[0])

    def is_landline_in(self, country_codes: frozenset[int]) -> bool:
        """Return whether the likeliest reading, which must exist, is a landline there."""
        number = self.numbers[0]
        return number.country_code in country_codes and not is_mobile(number)

    @property
    def is_service(self) -> bool:
        """Whether the number is a valid one of a service, such as a toll-free number."""
        return bool(self.numbers) and phonenumbers.number_type(self.numbers[0]) in _SERVICES

    def candidates(self) -> tuple[str, ...]:
        """Return each number in E.164, then the other forms in which it may be stored."""
        e164s = map(to_e164, self.numbers)
        others = (other for number in self.numbers for other in equivalents(number))
        return tuple(dict.fromkeys((*e164s, *others)))


# Digits. Fewer are an extension, unless the landlines of the region are that short.
_MIN_NATIONAL_DIGITS = 6

_SERVICES = frozenset(
    {
        PhoneNumberType.TOLL_FREE,
        PhoneNumberType.PREMIUM_RATE,
        PhoneNumberType.SHARED_COST,
        PhoneNumberType.UAN,
    }
)

_SUBSCRIBERS = frozenset(
    {
        PhoneNumberType.FIXED_LINE,
        PhoneNumberType.MOBILE,
        PhoneNumberType.FIXED_LINE_OR_MOBILE,
        PhoneNumberType.VOIP,
    }
)

_WITHHELD_WORDS = re.compile(
    "anonymous|blocked|hidden|no ?caller|out of area|private|restricted|unavailable|undefined|"
    "unknown|withheld",
    re.IGNORECASE,
)
# ANONYMOUS and UNAVAILABLE on a keypad.
_WITHHELD_DIGITS = frozenset({"266696687", "86282452253"})

_WRITTEN_NUMBER = re.compile(r"[\s(\[]*\+*[\s()\[\].,/\\~_'\d-]*")
_OPTIONAL_ZERO = re.compile(r"(?<=[\d)])[\s.-]*\(0\)")
_LOST_PLUS = re.compile(r" [1-9]")
_AREA_CODE = re.compile(r"\s*(?:(\d{1,4})[\s.-]*)?[(\[]\s*(\d[\d\s-]*)[)\]]")


def interpret(text: str, dialing: Dialing) -> Interpretation:
    """Read a text that holds one number and nothing else."""
    digits = digits_in(text)
    if refusal := _refusal(text, digits, dialing):
        return Interpretation(refusal=refusal)
    numbers = _numbers(text, digits, dialing)
    if "(0)" in text:  # to be left out in "+44 (0)20 ...", but not in "+39 (0)6 ..."
        without = _OPTIONAL_ZERO.sub("", text)
        numbers = _numbers(without, digits_in(without), dialing) + numbers
        numbers.sort(key=is_valid, reverse=True)
    if not numbers:
        is_readable = dialing.region or "+" in text
        return Interpretation(refusal=Refusal.IMPOSSIBLE if is_readable else Refusal.NO_REGION)
    return Interpretation(tuple(numbers))


def stands_alone(text: str, interpretation: Interpretation, dialing: Dialing) -> bool:
    """Return whether a valid number is read without a guess, so that it is not the end of another.

    That is, its country code, area code or trunk prefix can be seen, or its country writes none.
    """
    if not interpretation.is_valid:
        return False
    region, digits, number = dialing.region, digits_in(text), interpretation.numbers[0]
    if not region or "+" in text or digits.startswith("00"):
        return True
    if str(number.country_code) != country_code(region):
        return has_international_prefix(digits, region)
    is_certain = digits == to_e164(number)[1:] or _AREA_CODE.match(text) or is_mobile(number)
    return bool(is_certain) or not lacks_trunk_prefix(digits, number, region)


def is_national(interpretation: Interpretation, dialing: Dialing) -> bool:
    """Return whether the likeliest reading, if there is one, is a number of the region."""
    code = country_code(dialing.region)
    return not interpretation.numbers or str(interpretation.numbers[0].country_code) == code


def is_grouped_as_usual(text: str, number: PhoneNumber) -> bool:
    """Return whether each separator in ``text`` is where the number's own country writes one."""
    typed = _separators(text)
    return any(typed <= _separators(style(number)) for style in (to_national, to_international))


def _refusal(text: str, digits: str, dialing: Dialing) -> Refusal | None:
    """Return the reason why a text is no number, as far as it can be seen without reading it."""
    if not digits and not text.strip():
        return Refusal.EMPTY
    if digits in _WITHHELD_DIGITS:
        return Refusal.WITHHELD
    if len(digits) < MIN_DIGITS:
        if _WITHHELD_WORDS.search(text):
            return Refusal.WITHHELD
        if dialing.region and phonenumbers.is_emergency_number(digits, dialing.region):
            return Refusal.EMERGENCY
        if not dialing.region or not _is_short_national(text, digits, dialing.region):
            return Refusal.SHORT if digits else Refusal.IMPOSSIBLE
    if text.lstrip(" +") != digits and not _WRITTEN_NUMBER.fullmatch(text):
        return Refusal.IMPOSSIBLE
    return Refusal.WITHHELD if digits.count(digits[0]) == len(digits) else None


def _is_short_national(text: str, digits: str, region: str) -> bool:
    """Return whether so few digits are a subscriber of the region, as in the Faroe Islands."""
    length = usual_length(region)
    if "+" in text or len(digits) < min(_MIN_NATIONAL_DIGITS, length):
        return False
    number = parse_national(digits, region)
    if not number or not phonenumbers.is_valid_number_for_region(number, region):
        return False
    kind = phonenumbers.number_type(number)
    is_dialled = not lacks_trunk_prefix(digits, number, region)
    if kind == PhoneNumberType.SHARED_COST:  # 13 12 34 in Australia
        return is_dialled
    is_certain = (
        len(digits) == length
        or digits.startswith(trunk_prefix(region))
        or (length <= MIN_DIGITS and is_dialled)
        or _AREA_CODE.match(text)
    )
    return kind in _SUBSCRIBERS and bool(is_certain)


def _numbers(text: str, digits: str, dialing: Dialing) -> list[PhoneNumber]:
    """Return the possible numbers that a text may stand for, the likeliest first."""
    region, has_plus = dialing.region, "+" in text
    international = parse_international(digits, has_plus=has_plus, region=region)
    national = parse_national(digits, region) if region and not has_plus else None
    if region and international and national:
        numbers = _in_order(text, digits, region, international, national)
    else:
        numbers = [number for number in (international, national) if number]
    if dialing.prefix and not has_plus and digits.startswith(dialing.prefix):
        as_dialled = international if digits.startswith("00") else national
        outside = parse_dialled(digits.removeprefix(dialing.prefix), region)
        if outside and not is_valid(as_dialled):
            numbers = [outside, *numbers]
    foreign = parse_foreign(digits) if digits.startswith("0") else None
    return [foreign] if foreign and not any(map(is_valid, numbers)) else numbers


def _in_order(
    text: str, digits: str, region: str, international: PhoneNumber, national: PhoneNumber
) -> list[PhoneNumber]:
    """Return both readings of digits without a plus, or the only one that the notation allows.

    An area code in parentheses is national: ``(495) 123-45-67`` in Russia is +74951234567 and
    nothing else. For other texts, the first of these that differs decides:

    1. a space at the beginning, which is a plus that went through a URL: international;
    2. a valid reading comes before a merely possible one;
    3. the reading whose country groups its digits as they were typed, alone if it does so
       exactly: ``495 123-45-67`` is +7 495 123-45-67 and not +49 5123 4567;
    4. digits that begin with the region's own country code: international;
    5. digits that begin with its trunk prefix, or make one of its mobile numbers: national;
    6. where a trunk prefix is usually written (Germany, India): international;
       where it is not (Spain, the US, Brazil): national.

    For example, in Russia, where each of these is a valid number in both readings:

    ===============  ==========================  ========================================
    Text             Readings                    Reason
    ===============  ==========================  ========================================
    (495) 123-45-67  +74951234567                area code
    495 123-45-67    +74951234567                3: Germans write 5123 4567
    4951234567       +4951234567, +74951234567   6: a German caller whose plus is missing
    84951234567      +74951234567, +84951234567  5: 8 is the trunk prefix
    ===============  ==========================  ========================================
    """
    both = [international, national]
    if international == national:
        return [national]
    if _LOST_PLUS.match(text):
        return both
    is_national_valid, is_international_valid = is_valid(national), is_valid(international)
    if is_national_valid and (only := _only_reading(text, digits, international, national)):
        return [only]
    if is_national_valid != is_international_valid:
        return both if is_international_valid else both[::-1]
    if not text.isdecimal() and (by_grouping := _by_grouping(text, international, national)):
        return by_grouping
    is_national = not digits.startswith(country_code(region)) and (
        is_mobile(national) or not lacks_trunk_prefix(digits, national, region)
    )
    return both[::-1] if is_national else both


def _only_reading(
    text: str, digits: str, international: PhoneNumber, national: PhoneNumber
) -> PhoneNumber | None:
    """Return the reading that the notation leaves, if the national one is valid."""
    if to_e164(international)[1:] != digits.removeprefix("00"):
        return national  # the international one has been corrected
    area_code = None if text.isdecimal() else _AREA_CODE.match(text)
    if not area_code:
        return None
    return international if _is_country_code(area_code, international, national) else national


def _by_grouping(text: str, international: PhoneNumber, national: PhoneNumber) -> list[PhoneNumber]:
    """Return first the reading whose country separates digits where they are separated.

    If it has all the separators that were typed, it is the only one. Returns nothing if none is
    better.
    """
    typed = _separators(text.strip())
    if not typed:
        return []
    surplus = [
        len(typed - _separators(to_international(international))),
        len(typed - _separators(to_national(national))),
    ]
    if surplus[0] == surplus[1]:
        return []
    best, other = (
        (international, national) if surplus[0] < surplus[1] else (national, international)
    )
    return [best, other] if min(surplus) else [best]


def _is_country_code(
    area_code: re.Match[str], international: PhoneNumber, national: PhoneNumber
) -> bool:
    """Return whether a country code was put into parentheses, or before them.

    ``(353) 21 202 8252`` in Germany is Irish: no German number is separated after these digits.
    """
    before, inside = area_code[1], digits_in(area_code[2])
    code = str(international.country_code)
    after = len(digits_in(area_code.string[area_code.end() :]))
    is_written = before == code or (
        inside == code and after not in _separators(to_national(national))
    )
    return is_written and is_valid(international)


def _separators(text: str) -> set[int]:
    """Return how many digits follow each separator between two digits."""
    found = set()
    following = 0
    for char in reversed(text):
        if char.isdigit():
            following += 1
        elif following:
            found.add(following)
    return found - {following}
