"""Numbers with the digits that phones dial for an outside line."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from ringotel_crm.phone import Refusal, candidates, explain


@pytest.mark.parametrize(
    ("prefix", "region", "text", "expected"),
    [
        ("0", "DE", "0 030 12345678", "+493012345678"),
        ("0", "DE", "003012345678", "+493012345678"),
        ("0", "DE", "000442071838750", "+442071838750"),
        ("0", "IE", "00212028252", "+353212028252"),
        ("0", "FR", "00 1 23 45 67 89", "+33123456789"),
        ("9", "US", "914155552671", "+14155552671"),
        ("9", "US", "9,14155552671", "+14155552671"),
        ("9", "US", "94155552671", "+14155552671"),
        ("9", "US", "9 011 44 20 7183 8750", "+442071838750"),
        ("9", "GB", "902071838750", "+442071838750"),
        ("9", "GB", "9 07912 345678", "+447912345678"),
        ("9", "GB", "9 020 7183 8750 / 3", "+442071838750"),
        ("9", "ES", "9 612 34 56 78", "+34612345678"),
        ("9", "FO", "9201234", "+298201234"),
        ("9", None, "900353212028252", "+353212028252"),
        # without the prefix
        ("0", "DE", "004930123456", "+4930123456"),
        ("0", "DE", "030123456", "+4930123456"),
        ("0", "IE", "0212028252", "+353212028252"),
        ("9", "US", "9415552671", "+19415552671"),
        ("9", "US", "919876543210", "+919876543210"),
        ("9", "US", "+914155552671", "+914155552671"),
        ("9", "ES", "912345678", "+34912345678"),
        ("", "US", "914155552671", "+914155552671"),
    ],
)
def test_prefix_for_an_outside_line_is_left_out(
    prefix: str, region: str | None, text: str, expected: str, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": region, "DIAL_PREFIX": prefix}
    assert candidates(text)[0] == expected


def test_extension_after_the_prefix_stays_an_extension(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "GB", "DIAL_PREFIX": "9"}
    assert explain("92000").refusal is Refusal.SHORT
