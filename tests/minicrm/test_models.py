from __future__ import annotations

import pytest
from pytest_django import Settings

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization
from tests.factories import make_contact, make_organization, number

pytestmark = pytest.mark.django_db


def numbers(contact: Contact) -> list[tuple[str, str, str]]:
    return list(contact.phones.values_list("raw", "e164", "extension"))


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("020 910 0001", [("020 910 0001", "+353209100001", "")]),
        ("+44 20 7946 0001 x12", [("+44 20 7946 0001 x12", "+442079460001", "12")]),
        ("ask Ada", [("ask Ada", "", "")]),
        ("2001", [("2001", "", "")]),
        (
            "020 910 0001 / +44 20 7946 0001 ext. 3",
            [
                ("020 910 0001", "+353209100001", ""),
                ("+44 20 7946 0001 ext. 3", "+442079460001", "3"),
            ],
        ),
    ],
)
def test_numbers_are_stored_as_typed_and_normalized(
    typed: str, stored: list[tuple[str, str, str]]
) -> None:
    assert numbers(make_contact("Ada", typed)) == stored


def test_longest_text_is_stored() -> None:
    assert numbers(make_contact("Ada", "9" * 255)) == [("9" * 255, "", "")]


def test_numbers_are_normalized_in_bulk() -> None:
    ada = make_contact("Ada")
    ContactPhone.objects.bulk_create([ContactPhone(contact=ada, raw="020 910 0001")])
    Organization.objects.bulk_create([Organization(name="Sample  LTD", phone="020 910 0000")])
    assert numbers(ada) == [("020 910 0001", "+353209100001", "")]
    sample = Organization.objects.get()
    assert (sample.e164, sample.name_normalized) == ("+353209100000", "sample ltd")


def test_changed_number_is_normalized_again(settings: Settings) -> None:
    [held] = make_contact("Ada", "020 910 0001").phones.all()
    held.raw = number(1)
    held.save()
    held.refresh_from_db()
    assert held.e164 == number(1)


def test_email_is_found_in_any_case() -> None:
    make_contact("Ada", email="Ada@Example.com")
    assert Contact.objects.get(email="ADA@example.COM").email == "ada@example.com"


def test_contacts_of_a_deleted_organization_remain() -> None:
    ada = make_contact("Ada", organization=make_organization())
    Organization.objects.get().delete()
    ada.refresh_from_db()
    assert ada.organization is None


def test_organization_of_a_deleted_main_contact_remains() -> None:
    ada = make_contact("Ada")
    sample = make_organization(main_contact=ada)
    ada.delete()
    sample.refresh_from_db()
    assert sample.main_contact is None


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"first_name": "Ada", "last_name": "Example"}, "Ada Example"),
        ({"last_name": "Example", "email": "ada@example.com"}, "Example"),
        ({"email": "ada@example.com"}, "ada@example.com"),
        ({"pk": 7}, "#7"),
    ],
)
def test_contact_is_shown_by_name_or_email_or_id(fields: dict[str, str], expected: str) -> None:
    assert str(Contact(**fields)) == expected


def test_emoji_are_stored() -> None:
    ada = make_contact("Žofie 📞", "☎ +44 20 7946 0001")
    ada.refresh_from_db()
    assert ada.last_name == "📞"
