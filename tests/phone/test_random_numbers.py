"""Random valid numbers of all regions, written as their countries write them."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator

import phonenumbers
import pytest
from phonenumbers import PhoneNumber, PhoneNumberFormat, PhoneNumberType

from ringotel_crm.phone import candidates, e164, numbers

# Numbers of each kind and region, and tries to find them.
COUNT, TRIES = 6, 60
# Digits. The shortest number that is read without an area code in parentheses.
SHORTEST = 6
FIXED = (PhoneNumberType.FIXED_LINE, PhoneNumberType.FIXED_LINE_OR_MOBILE)
MOBILE = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE_OR_MOBILE)


def random_numbers(region: str, kinds: tuple[int, ...]) -> Iterator[PhoneNumber]:
    """Yield valid numbers that begin as the example of the region does."""
    example = phonenumbers.example_number_for_type(region, kinds[0])
    if not example:
        return
    generator = random.Random(f"{region}{kinds}")
    national = phonenumbers.national_significant_number(example)
    found = 0
    for _ in range(TRIES):
        kept = generator.randrange(1, len(national) - 1)
        digits = national[:kept] + "".join(generator.choices("0123456789", k=len(national) - kept))
        number = phonenumbers.parse(f"+{example.country_code}{digits}")
        is_same = phonenumbers.national_significant_number(number) == digits
        is_valid = phonenumbers.is_valid_number_for_region(number, region)
        if is_same and is_valid and phonenumbers.number_type(number) in kinds:
            yield number
            found += 1
        if found == COUNT:
            return


def notations(number: PhoneNumber, region: str) -> Iterator[str]:
    """Yield the number as people of the region write it, with and without its trunk prefix."""
    written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    yield written
    yield re.sub(r"\D", "", written)
    yield re.sub(r"[ ()]+", "-", written).strip("-")
    yield re.sub(r"\D+", ".", written).strip(".")
    first, separator, rest = re.sub(r"[()]", "", written).partition(" ")
    if separator:
        yield from (
            f"{first}/{rest}",
            f"{first} / {rest}",
            f"{first} - {rest}",
            f"({first}) {rest}",
        )
    length = phonenumbers.length_of_geographical_area_code(number)
    national = phonenumbers.national_significant_number(number)
    if length and len(national) >= SHORTEST:
        area, subscriber = national[:length], national[length:]
        yield from (f"({area}) {subscriber}", f"({area}){subscriber[:-4]}-{subscriber[-4:]}")


@pytest.mark.slow
@pytest.mark.parametrize("kinds", [FIXED, MOBILE], ids=["fixed", "mobile"])
@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_number_is_found_in_each_notation_and_is_no_other(
    region: str, kinds: tuple[int, ...]
) -> None:
    for number in random_numbers(region, kinds):
        written = phonenumbers.format_number(number, PhoneNumberFormat.E164)
        same = set(candidates(written))
        texts = [written, written[1:], *notations(number, region)]
        asked = {text: candidates(text, region=region) for text in texts}
        for text, found in asked.items():
            assert [stored.e164 for stored in numbers(text, region=region)] == found[:1], text
            assert found[0] in same, text
        for stored in texts:
            assert all(e164(stored, region=region) in found for found in asked.values()), stored


@pytest.mark.slow
@pytest.mark.parametrize("region", sorted(phonenumbers.SUPPORTED_REGIONS))
def test_short_part_after_a_number_is_never_appended(region: str) -> None:
    for number in random_numbers(region, FIXED):
        written = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
        expected = e164(written, region=region)
        for part in (
            "/3",
            " / 68",
            " - 204",
            "/2672",
            " (12)",
            " [12]",
            ", 12",
            "p12",
            " ext 1234567",
        ):
            found = [extended.e164 for extended in numbers(written + part, region=region)]
            assert found == [expected], written + part
