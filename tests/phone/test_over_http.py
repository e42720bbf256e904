"""Contacts stored in one notation and looked up in another, through the hooks."""

from __future__ import annotations

import pytest
from pytest_django import Settings

from tests.api import Api


@pytest.mark.parametrize(
    ("region", "stored", "phone", "asked"),
    [
        ("IE", "☎ 021 202 8252", "+353212028252", "021•202•8252"),
        ("GB", "020 7183 8750 ::: 07912 345678", "+442071838750", "07912 345678"),
        ("DE", "030/1234567/68", "+49301234567", "+49 30 1234567"),
        ("GB", "020 7183 8750 - 204", "+442071838750", "020 7183 8750 / 8751"),
        ("RU", "(495) 123-45-67", "+74951234567", "+74951234567"),
        ("IN", "0919876543210", "+919876543210", "+91 91 98765 43210"),
        ("MX", "+52 1 55 1234 5678", "+525512345678", "+525512345678"),
        ("BR", "+5511987654321", "+5511987654321", "(11) 8765-4321"),
        ("AR", "+54 11 5555-1234", "+541155551234", "+5491155551234"),
        ("US", "1-800-FLOWERS", "+18003569377", "8003569377"),
        ("FO", "201234", "+298201234", "+298201234"),
        ("US", "415-555-2671p12", "+14155552671", "415-555-2671 [12]"),
        ("GB", "442071838750", "+442071838750", '"Ana <boss>" <sip:+442071838750@pbx>'),
    ],
)
def test_contact_is_found_by_another_notation(
    region: str, stored: str, phone: str, asked: str, api: Api, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": region}
    created = api.ok("CreateContact", {"first_name": "Ana", "phone": stored})
    found = api.results("FindContact", {"phone": asked})
    assert created["phone"] == phone
    assert [contact["id"] for contact in found] == [created["id"]]


@pytest.mark.parametrize(
    ("region", "stored", "asked"),
    [
        ("RU", "(495) 123-45-67", "+4951234567"),
        ("RU", "+4951234567", "(495) 123-45-67"),
        ("IN", "+2023456789", "(20) 2345 6789"),
        ("DE", "030 1234567 / 68", "+4930123456768"),
        ("US", "415-555-2671/2672", "+41555526712672"),
    ],
)
def test_stranger_is_not_shown_as_the_contact(
    region: str, stored: str, asked: str, api: Api, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": region}
    api.ok("CreateContact", {"first_name": "Ana", "phone": stored})
    assert api.results("FindContact", {"phone": asked}) == []


def test_extension_of_a_sip_address_is_kept(api: Api) -> None:
    created = api.ok(
        "CreateContact", {"first_name": "Ana", "phone": "sip:+442071838750;ext=12@10.0.0.1"}
    )
    assert created["phone"] == "+442071838750"
    listed = api.results("Contacts")
    assert [contact["phone"] for contact in listed] == ["+442071838750"]
