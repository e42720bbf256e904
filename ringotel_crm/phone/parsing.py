"""From digits to a number, by the rules of its country.

``phonenumbers`` receives clean digits only, because it is too lenient by itself: ``101`` in the US
would become +1101 and ``0044...`` +10044... A number counts if its length is possible, so that
callers from new ranges are not lost. What had to be corrected counts only if it is valid.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache

import phonenumbers
from phonenumbers import (
    NumberParseException,
    PhoneMetadata,
    PhoneNumber,
    PhoneNumberFormat,
    PhoneNumberType,
    ValidationResult,
)

from .cleaning import digits_in
from .numbering_plans import PLAN_CHANGES, other_forms, replacement

# Digits of a number with its country code. What is shorter is an extension or a service.
MIN_DIGITS = 7
_MAX_DIGITS = 15

# A prefix for calls abroad that is written again after a country code.
_PREFIX_AGAIN = re.compile("(?:00|0?011)([1-9][0-9]+)")
# The prefixes of the US and of Australia, written in any country.
_FOREIGN_PREFIX = re.compile("0?011([1-9][0-9]+)")
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")


def is_region(code: str) -> bool:
    """Return whether numbers of the region ``code``, e.g. "IE", are known."""
    return code in phonenumbers.SUPPORTED_REGIONS


def is_valid(number: PhoneNumber | None) -> bool:
    """Return whether the number is in a range that its country has assigned."""
    return number is not None and phonenumbers.is_valid_number(number)


def is_mobile(number: PhoneNumber) -> bool:
    """Return whether the number belongs to a mobile range, and to no landlines."""
    return phonenumbers.number_type(number) == PhoneNumberType.MOBILE


def country_code(region: str | None) -> str:
    """Return the country code of a region (``"353"``), ``""`` without a region."""
    return str(phonenumbers.country_code_for_region(region)) if region else ""


def to_e164(number: PhoneNumber) -> str:
    """Return ``+353212028252``."""
    return f"+{number.country_code}{phonenumbers.national_significant_number(number)}"


def to_national(number: PhoneNumber) -> str:
    """Return ``021 202 8252``."""
    return phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)


def to_international(number: PhoneNumber) -> str:
    """Return ``+353 21 202 8252``."""
    return phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)


@lru_cache(maxsize=1024)  # a page shows one number many times
def display(e164: str) -> str:
    """Return ``+353 21 202 8252`` for a number in E.164, and other text unchanged."""
    number = _parse(e164) if _E164.fullmatch(e164) else None
    return to_international(number) if number else e164


def equivalents(number: PhoneNumber) -> Iterator[str]:
    """Yield the other E.164 forms in which the subscriber of ``number`` may be stored."""
    code = number.country_code or 0
    if code in PLAN_CHANGES:
        for form in other_forms(code, phonenumbers.national_significant_number(number)):
            yield f"+{code}{form}"


def parse_international(digits: str, *, has_plus: bool, region: str | None) -> PhoneNumber | None:
    """Read digits as a country code and what follows, after a plus, ``00`` or nothing."""
    if not digits.startswith("0"):
        return _parse("+" + digits)
    if foreign := _FOREIGN_PREFIX.match(digits):
        return _parse("+" + foreign[1]) if has_plus else None
    if digits.startswith("00"):
        return _parse("+" + digits[2:])
    number = digits.lstrip("0")
    if not has_plus or not region or not number.startswith(country_code(region)):
        return None
    own = _parse("+" + number)  # "+0353 ..."
    return own if is_valid(own) else None


def parse_national(digits: str, region: str) -> PhoneNumber | None:
    """Read what is dialled in a region, also with its own prefix for calls abroad."""
    if digits.startswith("00") and not has_international_prefix(digits, region):
        return None
    number = _parse(digits, region)
    if number and phonenumbers.is_valid_short_number_for_region(number, region):
        return None
    return number


def parse_dialled(digits: str, region: str | None) -> PhoneNumber | None:
    """Read what follows the prefix for an outside line, if it is valid as it is dialled."""
    number = parse_national(digits, region) if region else None
    if digits.startswith("00"):
        number = number or _parse("+" + digits[2:])
    if not is_valid(number):
        return None
    if region and number and str(number.country_code) == country_code(region):
        return None if lacks_trunk_prefix(digits, number, region) else number
    return number


def parse_foreign(digits: str) -> PhoneNumber | None:
    """Read digits after the prefix for calls abroad of another region, if they are valid."""
    match = _FOREIGN_PREFIX.match(digits)
    number = _parse("+" + match[1]) if match else None
    return number if is_valid(number) else None


def has_international_prefix(digits: str, region: str) -> bool:
    """Return whether the digits begin with a prefix for calls abroad, such as ``00``."""
    metadata = PhoneMetadata.metadata_for_region(region)
    return bool(metadata and re.match(metadata.international_prefix or "-", digits))


def trunk_prefix(region: str) -> str:
    """Return what is dialled before an area code (``0``), ``""`` where nothing is."""
    return phonenumbers.ndd_prefix_for_region(region, True) or ""


def lacks_trunk_prefix(digits: str, number: PhoneNumber, region: str) -> bool:
    """Return whether a national number is usually written with a trunk prefix, and was not."""
    prefix = trunk_prefix(region)
    return not digits.startswith(prefix) and digits_in(to_national(number)).startswith(prefix)


@lru_cache
def usual_length(region: str) -> int:
    """Return how many digits a landline of a region has, without a trunk prefix."""
    example = phonenumbers.example_number_for_type(region, PhoneNumberType.FIXED_LINE)
    return len(phonenumbers.national_significant_number(example)) if example else _MAX_DIGITS


def _parse(digits: str, region: str | None = None) -> PhoneNumber | None:
    """Return the number that the digits form, if numbers of its country can be that long.

    A form that a new numbering plan replaced becomes the new one, and a prefix that was written
    twice (``+44 44 20 ...``, ``0 91 98...`` in India) is removed, if only that makes it valid.
    """
    number = _parse_as_written(digits, region)
    if not number:
        return None
    code = number.country_code or 0
    national = phonenumbers.national_significant_number(number)
    is_correctable = code in PLAN_CHANGES or national.startswith(_suspect_beginnings(code))
    if is_correctable and not phonenumbers.is_valid_number(number):
        instead = _corrections(code, national, has_country_code=not region)
        corrected = next(filter(is_valid, map(_parse_as_written, instead)), None)
        if corrected:
            return corrected
        # E.164 is read again wherever it is stored, and must be the same number then: "1000000"
        # in Italy is not +39 01000000, and +43 00912373 is +43 912373.
        e164 = to_e164(number)
        again = _parse(e164) if e164 != digits else number
        if not again or to_e164(again) != e164:
            return None if region else again
    return number if _is_possible(number, code, national) else None


@lru_cache
def _suspect_beginnings(code: int) -> tuple[str, ...]:
    """Return what a number may begin with whose prefix was written twice."""
    region = phonenumbers.region_code_for_country_code(code)
    return "0", str(code), trunk_prefix(region) or "0"


def _is_possible(number: PhoneNumber, code: int, national: str) -> bool:
    if phonenumbers.is_possible_number_with_reason(number) != ValidationResult.IS_POSSIBLE:
        return False
    if not MIN_DIGITS <= len(f"{code}{national}") <= _MAX_DIGITS:
        return False
    if code == 1 and national[0] in "01":  # no North American area code begins so
        return False
    is_filler = national.count(national[0]) == len(national)
    return not is_filler or phonenumbers.is_valid_number(number)


def _parse_as_written(digits: str, region: str | None = None) -> PhoneNumber | None:
    try:
        return phonenumbers.parse(digits, region)
    except NumberParseException:
        return None


def _corrections(code: int, national: str, *, has_country_code: bool) -> Iterator[str]:
    """Yield in E.164 what was meant, if a number is not valid as it is written."""
    if code in PLAN_CHANGES:
        new = replacement(code, national, has_country_code=has_country_code)
        if new:
            yield f"+{code}{new}"
    without_zeros = national.lstrip("0")
    if without_zeros.startswith(str(code)):
        yield f"+{without_zeros}"
    if without_zeros != national and (again := _PREFIX_AGAIN.match(national)):
        yield f"+{again[1]}"
