"""FindContact. All notations of numbers are in tests/phone."""

from __future__ import annotations

import datetime as dt
from typing import Any
from urllib.parse import quote

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test.utils import CaptureQueriesContext
from pytest_django import Settings

from ringotel_crm.minicrm.models import Contact, Organization, PhoneKind
from ringotel_crm.models import Activity
from tests.api import HOOKS, Api, read
from tests.factories import at, make_contact, make_organization, number, set_times

PATH = HOOKS["FindContact"][1]


def find(api: Api, phone: str) -> list[str]:
    """Return the ids of the contacts found."""
    return [contact["id"] for contact in api.results("FindContact", {"phone": phone})]


def test_response_has_all_fields(api: Api) -> None:
    ada = make_contact(
        "Ada Example",
        "020 7946 0001 ext. 12",
        email="ada@example.com",
        job_title="Baker",
        organization=make_organization(),
    )
    ada.phones.all().delete()
    ada.phones.create(kind=PhoneKind.FAX, raw=number(9))
    ada.phones.create(kind=PhoneKind.HOME, raw="+44 (0)20 7946 0001 ext. 12")
    ada.phones.create(kind=PhoneKind.MOBILE, raw="083 913 4567")
    assert api.ok("FindContact", {"phone": number(1)}) == {
        "results": [
            {
                "id": str(ada.pk),
                "first_name": "Ada",
                "last_name": "Example",
                "email": "ada@example.com",
                "phone": number(1),
                "mobile": "+353839134567",
                "organization": {"name": "Sample Ltd"},
                "job_title": "Baker",
                "url": f"http://testserver/admin/ringotel_minicrm/contact/{ada.pk}/change/",
            }
        ]
    }


def test_url_is_the_page_of_the_contact(api: Api, admin_client: Any) -> None:
    make_contact("Ada Example", number(1))
    assert (
        admin_client.get(api.results("FindContact", {"phone": number(1)})[0]["url"]).status_code
        == 200
    )


@pytest.mark.parametrize(
    "query",
    [
        "%2B442079460001",
        "+442079460001",  # the plus arrives as a space
        "%20442079460001",
        "442079460001",
        "00442079460001",
        "%2B44%20(0)20%207946%200001",
        quote("tel:+44-20-7946-0001"),
        quote("sip:+442079460001@pbx.example.com"),
        quote("+４４２０７９４６０００１"),
        quote("\u202a+44\u00a020\u00a07946\u00a00001\u202c"),
        quote("+442079460001;ext=12"),
    ],
)
def test_number_is_found_in_any_notation_and_escaping(api: Api, query: str) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0001")
    response = api.client.get(f"{PATH}?phone={query}")
    assert [contact["id"] for contact in read(response)["results"]] == [str(ada.pk)]


def test_number_stored_by_another_hook_is_found(api: Api) -> None:
    id = api.id("CreateContact", {"first_name": "Ada", "phone": "(020) 910-0001 / 083 913 4567"})
    assert find(api, "0209100001") == find(api, "+353839134567") == [id]


@pytest.mark.parametrize("kind", PhoneKind.values)
def test_number_of_every_kind_is_found(api: Api, kind: str) -> None:
    ada = make_contact("Ada Example", number(8), number(1), kind=kind)
    assert find(api, number(1)) == [str(ada.pk)]


UNKNOWN = [
    *(
        "",
        " ",
        "anonymous",
        "Anonymous",
        "restricted",
        "unknown",
        "private",
        "withheld",
        "unavailable",
        "null",
        "None",
    ),
    *(
        "2001",
        "101",
        "112",
        "999",
        "911",
        "1800",
        "*72",
        "#31#",
        "0000000",
        "0000000000",
        "+",
        "-",
        "abc",
        "%",
        "_",
    ),
    *(
        "2079460001",
        "442079460",
        "44207946000",
        "4420794600011",
        "79460001",
        "0001",
        "9442079460001",
    ),
    *("' OR 1=1 --", ".*", "💥", "x" * 250),
]


@pytest.mark.parametrize("phone", UNKNOWN)
def test_unknown_number_returns_no_contact(api: Api, phone: str) -> None:
    make_contact("Ada Example", number(1))
    make_contact("Ida Example", "anonymous", "2001", "101", "unknown")
    make_contact("Eva Example")
    assert find(api, phone) == []


def test_too_long_number_is_rejected(api: Api) -> None:
    assert api.refused("FindContact", {"phone": "4" * 256}).keys() == {"phone"}


@pytest.mark.parametrize("key", ["COMPANY_NUMBERS", "IGNORED_NUMBERS"])
@pytest.mark.parametrize("phone", [number(1), "00 44 20 7946 0001", " 442079460001"])
def test_listed_number_returns_no_contact(
    api: Api, settings: Settings, key: str, phone: str
) -> None:
    ada = make_contact("Ada Example", number(1), number(2))
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "IE", key: ["+44 (0)20 7946-0001"]}
    assert find(api, phone) == []
    assert find(api, number(2)) == [str(ada.pk)]


def test_national_number_needs_a_default_region(api: Api, settings: Settings) -> None:
    ada = make_contact("Ada Example", number(1))
    settings.RINGOTEL_CRM = {}
    assert find(api, number(1)) == find(api, number(1)[1:]) == [str(ada.pk)]
    assert find(api, "020 910 0001") == []


# --- several contacts with one number ---


@pytest.fixture
def sharing(db: None) -> list[Contact]:
    """Contacts with the same numbers: oldest, with the last call, and changed last."""
    found = [
        make_contact(name, number(1), number(2))
        for name in ("Ada Example", "Bea Example", "Eva Example")
    ]
    for contact, created, updated, called in zip(
        found, (8, 9, 10), (12, 11, 13), (14, 15, None), strict=True
    ):
        set_times(contact, created_at=at(created), updated_at=at(updated))
        if called:
            Activity.objects.create(
                call_id=f"c{contact.pk}",
                contact_type=ContentType.objects.get_for_model(Contact),
                contact_id=str(contact.pk),
                start=at(called),
            )
    return found


RULES = [("recent_call", 1), ("recently_updated", 2), ("oldest", 0)]


@pytest.mark.parametrize(("rule", "expected"), RULES)
def test_shared_number_returns_the_contact_of_the_rule(
    api: Api, settings: Settings, sharing: list[Contact], rule: str, expected: int
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "IE", "SHARED_NUMBER_RULE": rule}
    assert find(api, number(1)) == find(api, number(2)) == [str(sharing[expected].pk)]


def test_default_rule_is_the_most_recent_call(api: Api, sharing: list[Contact]) -> None:
    assert find(api, number(1)) == [str(sharing[1].pk)]


@pytest.mark.parametrize("rule", [rule for rule, _ in RULES])
def test_tie_returns_the_lowest_id(api: Api, settings: Settings, rule: str) -> None:
    """Ids are compared as numbers: 9 is before 10."""
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "IE", "SHARED_NUMBER_RULE": rule}
    for pk in (11, 9, 10, 100):
        Contact.objects.create(pk=pk).phones.create(raw=number(1))
    Contact.objects.update(created_at=at(8), updated_at=at(8))
    assert find(api, number(1)) == ["9"]


def test_calls_of_another_tenant_are_ignored(api: Api, sharing: list[Contact]) -> None:
    Activity.objects.filter(contact_id=str(sharing[1].pk)).update(tenant="other")
    assert find(api, number(1)) == [str(sharing[0].pk)]


def test_call_of_a_shared_number_follows_the_rule(api: Api, sharing: list[Contact]) -> None:
    api.ok(
        "CreateActivity", {"call_id": "c", "activity_type": "inbound", "caller_number": number(1)}
    )
    assert Activity.objects.get(call_id="c").contact_id == str(sharing[1].pk)


def test_contact_with_the_number_twice_is_returned_once(api: Api) -> None:
    ada = make_contact("Ada Example", number(1), "00442079460001")
    assert find(api, number(1)) == [str(ada.pk)]


def test_likelier_reading_of_digits_is_preferred(api: Api) -> None:
    """Bare digits that are a number of another country and of the region."""
    digits = "33123456789"
    make_contact("Eva Example", f"0{digits}")
    there = make_contact("Ada Example", f"+{digits}")
    assert find(api, digits) == [str(there.pk)]


# --- numbers of organizations ---


@pytest.fixture
def company(db: None) -> Organization:
    return make_organization(phone="+44 20 7946 0100")


def test_number_of_organization_returns_its_main_contact(api: Api, company: Organization) -> None:
    make_contact("Ada Example", organization=company)
    company.main_contact = make_contact("Bea Example", number(2), organization=company)
    company.save()
    found = api.results("FindContact", {"phone": number(100)})
    assert [(contact["id"], contact["phone"]) for contact in found] == [
        (str(company.main_contact.pk), number(2))
    ]


def test_number_of_organization_without_main_contact_returns_the_oldest(
    api: Api, company: Organization
) -> None:
    make_contact("Eva Example")
    ada = make_contact("Ada Example", organization=company)
    make_contact("Bea Example", organization=company)
    assert find(api, number(100)) == [str(ada.pk)]


def test_number_of_organization_without_contacts_returns_no_contact(
    api: Api, company: Organization
) -> None:
    make_contact("Ada Example", number(1))
    assert find(api, number(100)) == []


def test_number_of_contact_is_preferred_to_that_of_organization(
    api: Api, company: Organization
) -> None:
    make_contact("Ada Example", organization=company)
    bea = make_contact("Bea Example", number(100))
    assert find(api, number(100)) == [str(bea.pk)]


def test_number_shared_by_organizations_follows_the_rule(api: Api, company: Organization) -> None:
    other = make_organization("Other Ltd", phone=number(100))
    ada = make_contact("Ada Example", organization=other)
    bea = make_contact("Bea Example", organization=company)
    set_times(ada, updated_at=at(8))
    set_times(bea, updated_at=at(9))
    assert find(api, number(100)) == [str(ada.pk)]


# --- without writing ---


@pytest.mark.parametrize("phone", [number(1), number(100), number(5), "anonymous", "2001", ""])
def test_search_writes_nothing(
    api: Api, company: Organization, sharing: list[Contact], phone: str
) -> None:
    find(api, number(1))  # the first use of a key is stored
    before = {
        model: list(model._default_manager.order_by("pk").values()) for model in apps.get_models()
    }
    with CaptureQueriesContext(connection) as queries:
        find(api, phone)
    assert {query["sql"].split()[0] for query in queries} == {"SELECT"}
    assert {
        model: list(model._default_manager.order_by("pk").values()) for model in apps.get_models()
    } == before


def test_older_call_is_not_the_most_recent(api: Api, sharing: list[Contact]) -> None:
    Activity.objects.filter(contact_id=str(sharing[0].pk)).update(
        start=at(15) + dt.timedelta(seconds=1)
    )
    assert find(api, number(1)) == [str(sharing[0].pk)]
