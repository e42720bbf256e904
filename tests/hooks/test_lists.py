"""Contacts and Organizations: whole, by pages, and what changed."""

from __future__ import annotations

import datetime as dt
import json
import tracemalloc
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization, PhoneKind
from tests.api import HOOKS, Api, read
from tests.factories import at, make_contact, make_organization, number, set_times

BOTH = pytest.mark.parametrize("hook", ["Contacts", "Organizations"])


def make(hook: str, count: int) -> list[str]:
    """The ids of new rows."""
    model = Contact if hook == "Contacts" else Organization
    return [str(model.objects.create().pk) for _ in range(count)]


def ids(page: dict[str, Any]) -> list[str]:
    return [record["id"] for record in page["results"]]


# --- whole ---


def test_contacts(api: Api) -> None:
    ada = make_contact("Ada Example", "020 910 0001", job_title="Baker", email="Ada@Example.com")
    ada.organization = make_organization("Sample Ltd")
    ada.save()
    ada.phones.create(kind=PhoneKind.MOBILE, raw="083 913 4567")
    bea = make_contact("Bea", "ask at the desk")
    assert api.ok("Contacts") == {
        "results": [
            {
                "id": str(ada.pk),
                "first_name": "Ada",
                "last_name": "Example",
                "email": "ada@example.com",
                "phone": "+353209100001",
                "mobile": "+353839134567",
                "organization": {"name": "Sample Ltd"},
                "job_title": "Baker",
            },
            {
                "id": str(bea.pk),
                "first_name": "Bea",
                "last_name": "",
                "email": "",
                "phone": "",
                "mobile": "",
                "organization": {"name": ""},
                "job_title": "",
            },
        ],
        "next": None,
    }


@pytest.mark.parametrize(
    ("kinds", "phone", "mobile"),
    [
        (["work", "mobile"], 0, 1),
        (["mobile", "work"], 1, 0),
        (["home", "work"], 1, None),
        (["other", "home"], 1, None),
        (["other"], 0, None),
        (["mobile"], None, 0),
        (["work", "work", "mobile", "mobile"], 0, 2),
        (["fax"], None, None),
    ],
)
def test_which_numbers_are_shown(
    api: Api, kinds: list[str], phone: int | None, mobile: int | None
) -> None:
    ada = make_contact()
    for n, kind in enumerate(kinds):
        ada.phones.create(kind=kind, raw=number(n))
    found = api.results("Contacts")[0]
    assert found["phone"] == ("" if phone is None else number(phone))
    assert found["mobile"] == ("" if mobile is None else number(mobile))


def test_organizations(api: Api) -> None:
    sample = make_organization(
        "Sample Ltd",
        phone="020 910 0000",
        email="Desk@Example.com",
        website="https://sample.example.com",
    )
    assert api.ok("Organizations") == {
        "results": [
            {
                "id": str(sample.pk),
                "name": "Sample Ltd",
                "phone": "+353209100000",
                "email": "desk@example.com",
                "website": "https://sample.example.com",
            }
        ],
        "next": None,
    }


@BOTH
@pytest.mark.parametrize("count", [0, 1, 3])
def test_an_empty_list_and_short_ones(api: Api, hook: str, count: int) -> None:
    made = make(hook, count)
    answer = api.ok(hook)
    assert (ids(answer), answer["next"]) == (made, None)


@BOTH
@pytest.mark.parametrize("count", [999, 1000, 1001])
def test_long_lists_at_the_edges_of_batches(
    api: Api, monkeypatch: pytest.MonkeyPatch, hook: str, count: int
) -> None:
    monkeypatch.setattr("ringotel_crm.minicrm.backend.PAGE", 100)
    model: Any = Contact if hook == "Contacts" else Organization
    model.objects.bulk_create([model() for _ in range(count)])
    found = ids(api.ok(hook))
    assert len(set(found)) == len(found) == count


def test_every_script_comes_through(api: Api) -> None:
    make_contact("Žofie 📞", email="z@example.com")
    assert [found["last_name"] for found in api.results("Contacts")] == ["📞"]


def test_a_whole_list_is_streamed_in_bounded_memory(api: Api) -> None:
    count = 20_000
    Contact.objects.bulk_create(
        (Contact(first_name=f"Ada {n}") for n in range(count)), batch_size=2000
    )
    pks = Contact.objects.values_list("pk", flat=True)
    ContactPhone.objects.bulk_create(
        (ContactPhone(contact_id=pk, raw="ask") for pk in pks), batch_size=2000
    )
    api.results("Contacts", {"limit": 1})  # what is loaded once does not count

    tracemalloc.start()
    response = api.call("Contacts")
    assert response.streaming
    length = sum(map(len, response.streaming_content))
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert length > count * 140
    assert peak < 12_000_000


# --- by pages ---


@BOTH
@pytest.mark.parametrize("limit", [1, 2, 3, 4, 5, 6, 1000])
def test_pages_are_the_whole_list(api: Api, hook: str, limit: int) -> None:
    made, found = make(hook, 5), []
    page = api.ok(hook, {"limit": limit})
    while True:
        assert len(page["results"]) <= limit
        found += ids(page)
        if page["next"] is None:
            break
        assert len(page["results"]) == limit
        page = api.ok(hook, {"limit": limit, "cursor": page["next"]})
    assert found == made


@BOTH
def test_a_cursor_alone_goes_on_with_pages_of_the_usual_size(api: Api, hook: str) -> None:
    made = make(hook, 103)
    first = api.ok(hook, {"limit": 2})
    second = api.ok(hook, {"cursor": first["next"]})
    assert ids(second) == made[2:102]
    assert ids(api.ok(hook, {"cursor": second["next"]})) == made[102:]


@BOTH
def test_rows_that_come_and_go_between_pages_disturb_no_other(api: Api, hook: str) -> None:
    model = Contact if hook == "Contacts" else Organization
    made = make(hook, 6)
    first = api.ok(hook, {"limit": 2})
    model.objects.filter(
        pk__in=[made[0], made[1], made[3]]
    ).delete()  # also the one that the cursor names
    made += make(hook, 1)
    second = api.ok(hook, {"limit": 2, "cursor": first["next"]})
    third = api.ok(hook, {"limit": 2, "cursor": second["next"]})
    assert ids(first) + ids(second) + ids(third) == [*made[:3], *made[4:]]
    assert third["next"] is None


@BOTH
@pytest.mark.parametrize(
    "limit", ["0", "-1", "1.5", "abc", "1001", "10000000000000000000", "1e3", "nan", "9" * 2000]
)
def test_bad_limits(api: Api, hook: str, limit: str) -> None:
    assert api.refused(hook, {"limit": limit}).keys() == {"limit"}


def test_the_largest_page_is_a_setting(api: Api, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"MAX_PAGE_SIZE": 2}
    made = make("Contacts", 4)
    assert api.refused("Contacts", {"limit": 3}) == {"limit": ["At most 2 is expected."]}
    first = api.ok("Contacts", {"limit": 2})
    assert ids(api.ok("Contacts", {"cursor": first["next"]})) == made[2:]


@BOTH
@pytest.mark.parametrize(
    "cursor",
    ["garbage", "abcd", "!!!", "1", "MQ==", "YWJj", "AAAA", "=", "💥", "' OR 1=1", "9" * 500],
)
def test_bad_cursors(api: Api, hook: str, cursor: str) -> None:
    make(hook, 2)
    assert api.refused(hook, {"cursor": cursor}).keys() == {"cursor"}


# --- what changed ---


def since(api: Api, hook: str, moment: dt.datetime, **more: Any) -> list[str]:
    return ids(api.ok(hook, {"updated_since": moment.isoformat().replace("+00:00", "Z"), **more}))


@BOTH
def test_updated_since(api: Api, hook: str) -> None:
    model = Contact if hook == "Contacts" else Organization
    made = make(hook, 3)
    for pk, hour in zip(made, (8, 10, 9), strict=True):
        set_times(model.objects.get(pk=pk), updated_at=at(hour))
    assert since(api, hook, at(7)) == made
    assert since(api, hook, at(9)) == made[1:]
    assert since(api, hook, at(10)) == since(api, hook, at(9, 0, 1)) == [made[1]]
    assert since(api, hook, at(11)) == []


@BOTH
def test_updated_since_by_pages(api: Api, hook: str) -> None:
    model = Contact if hook == "Contacts" else Organization
    made = make(hook, 5)
    set_times(model.objects.get(pk=made[2]), updated_at=at(8))
    moment = at(9).isoformat().replace("+00:00", "Z")
    first = api.ok(hook, {"updated_since": moment, "limit": 2})
    second = api.ok(hook, {"updated_since": moment, "limit": 2, "cursor": first["next"]})
    assert ids(first) + ids(second) == [*made[:2], *made[3:]]
    assert second["next"] is None


@pytest.fixture
def ada(db: None) -> Contact:
    """Somebody who has not changed for long, in a company."""
    ada = make_contact("Ada Example", number(1), organization=make_organization())
    set_times(ada, updated_at=at(8))
    return ada


CHANGES = {
    "a number added": lambda ada: ada.phones.create(raw=number(2)),
    "a number changed": lambda ada: ada.phones.get().save(),
    "a number deleted": lambda ada: ada.phones.get().delete(),
    "the person changed": lambda ada: ada.save(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_a_change_of_a_contact_is_seen(api: Api, ada: Contact, change: Any) -> None:
    before = timezone.now()
    change(ada)
    assert since(api, "Contacts", before) == [str(ada.pk)]


def test_a_company_with_a_new_name_is_a_change_of_its_contacts(api: Api, ada: Contact) -> None:
    before = timezone.now()
    assert ada.organization is not None
    ada.organization.phone = number(100)
    ada.organization.save()
    assert since(api, "Contacts", before) == []
    ada.organization.name = "Sample plc"
    ada.organization.save()
    assert since(api, "Contacts", before) == [str(ada.pk)]
    assert since(api, "Organizations", before) == [str(ada.organization.pk)]


def test_a_company_that_is_gone_is_a_change_of_its_contacts(api: Api, ada: Contact) -> None:
    before = timezone.now()
    assert ada.organization is not None
    ada.organization.delete()
    assert since(api, "Contacts", before) == [str(ada.pk)]


def test_a_change_by_the_phone_is_seen(api: Api, ada: Contact) -> None:
    before = timezone.now()
    api.ok("UpdateContact", {"id": str(ada.pk), "phone": number(3)})
    assert since(api, "Contacts", before) == [str(ada.pk)]


@BOTH
def test_head(api: Api, hook: str) -> None:
    assert api.client.head(HOOKS[hook][1]).status_code == 200


def test_the_stream_is_json_to_the_byte(api: Api) -> None:
    make_contact('Ada "Quote" \\ </script>')
    body = b"".join(api.call("Contacts"))
    assert json.loads(body)["results"][0]["last_name"] == '"Quote" \\ </script>'
    assert read(api.call("Contacts")) == json.loads(body)
