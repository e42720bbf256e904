"""Contacts and Organizations: complete, by pages, and changed since a time."""

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
    """Create `count` rows; return their ids."""
    model = Contact if hook == "Contacts" else Organization
    return [str(model.objects.create().pk) for _ in range(count)]


def ids(page: dict[str, Any]) -> list[str]:
    return [record["id"] for record in page["results"]]


# --- complete ---


def test_contacts_have_all_fields(api: Api) -> None:
    ada = make_contact("Ada Example", "020 910 0001", job_title="Baker", email="Ada@Example.com")
    ada.organization = make_organization("Sample Ltd")
    ada.save()
    ada.phones.create(kind=PhoneKind.MOBILE, raw="083 913 4567")
    bea = make_contact("Bea", "ask reception")
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
def test_phone_and_mobile_are_chosen_by_kind(
    api: Api, kinds: list[str], phone: int | None, mobile: int | None
) -> None:
    ada = make_contact()
    for n, kind in enumerate(kinds):
        ada.phones.create(kind=kind, raw=number(n))
    found = api.results("Contacts")[0]
    assert found["phone"] == ("" if phone is None else number(phone))
    assert found["mobile"] == ("" if mobile is None else number(mobile))


def test_organizations_have_all_fields(api: Api) -> None:
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
def test_list_without_paging_is_complete(api: Api, hook: str, count: int) -> None:
    made = make(hook, count)
    data = api.ok(hook)
    assert (ids(data), data["next"]) == (made, None)


@BOTH
@pytest.mark.parametrize("count", [999, 1000, 1001])
def test_long_list_is_complete_at_the_edges_of_batches(
    api: Api, monkeypatch: pytest.MonkeyPatch, hook: str, count: int
) -> None:
    monkeypatch.setattr("ringotel_crm.minicrm.backend.PAGE", 100)
    model: Any = Contact if hook == "Contacts" else Organization
    model.objects.bulk_create([model() for _ in range(count)])
    found = ids(api.ok(hook))
    assert len(set(found)) == len(found) == count


def test_list_keeps_every_script(api: Api) -> None:
    make_contact("Žofie 📞", email="z@example.com")
    assert [found["last_name"] for found in api.results("Contacts")] == ["📞"]


@pytest.mark.slow
def test_list_is_streamed_in_bounded_memory(api: Api) -> None:
    count = 20_000
    Contact.objects.bulk_create(
        (Contact(first_name=f"Ada {n}") for n in range(count)), batch_size=2000
    )
    pks = Contact.objects.values_list("pk", flat=True)
    ContactPhone.objects.bulk_create(
        (ContactPhone(contact_id=pk, raw="ask") for pk in pks), batch_size=2000
    )
    api.results("Contacts", {"limit": 1})  # loads what is cached by the process

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
def test_pages_add_up_to_the_list(api: Api, hook: str, limit: int) -> None:
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
def test_cursor_without_limit_returns_a_page_of_default_size(api: Api, hook: str) -> None:
    made = make(hook, 103)
    first = api.ok(hook, {"limit": 2})
    second = api.ok(hook, {"cursor": first["next"]})
    assert ids(second) == made[2:102]
    assert ids(api.ok(hook, {"cursor": second["next"]})) == made[102:]


@BOTH
def test_rows_created_and_deleted_between_pages_affect_no_others(api: Api, hook: str) -> None:
    model = Contact if hook == "Contacts" else Organization
    made = make(hook, 6)
    first = api.ok(hook, {"limit": 2})
    model.objects.filter(
        pk__in=[made[0], made[1], made[3]]
    ).delete()  # includes the record of the cursor
    made += make(hook, 1)
    second = api.ok(hook, {"limit": 2, "cursor": first["next"]})
    third = api.ok(hook, {"limit": 2, "cursor": second["next"]})
    assert ids(first) + ids(second) + ids(third) == [*made[:3], *made[4:]]
    assert third["next"] is None


@BOTH
@pytest.mark.parametrize(
    "limit", ["0", "-1", "1.5", "abc", "1001", "10000000000000000000", "1e3", "nan", "9" * 2000]
)
def test_invalid_limit_is_rejected(api: Api, hook: str, limit: str) -> None:
    assert api.refused(hook, {"limit": limit}).keys() == {"limit"}


def test_page_size_is_limited_by_a_setting(api: Api, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"MAX_PAGE_SIZE": 2}
    made = make("Contacts", 4)
    assert api.refused("Contacts", {"limit": 3}) == {"limit": ["Must be at most 2."]}
    first = api.ok("Contacts", {"limit": 2})
    assert ids(api.ok("Contacts", {"cursor": first["next"]})) == made[2:]


@BOTH
@pytest.mark.parametrize(
    "cursor",
    ["garbage", "abcd", "!!!", "1", "MQ==", "YWJj", "AAAA", "=", "💥", "' OR 1=1", "9" * 500],
)
def test_invalid_cursor_is_rejected(api: Api, hook: str, cursor: str) -> None:
    make(hook, 2)
    assert api.refused(hook, {"cursor": cursor}).keys() == {"cursor"}


# --- changed since a time ---


def since(api: Api, hook: str, time: dt.datetime, **more: Any) -> list[str]:
    return ids(api.ok(hook, {"updated_since": time.isoformat().replace("+00:00", "Z"), **more}))


@BOTH
def test_updated_since_returns_changed_records(api: Api, hook: str) -> None:
    model = Contact if hook == "Contacts" else Organization
    made = make(hook, 3)
    for pk, hour in zip(made, (8, 10, 9), strict=True):
        set_times(model.objects.get(pk=pk), updated_at=at(hour))
    assert since(api, hook, at(7)) == made
    assert since(api, hook, at(9)) == made[1:]
    assert since(api, hook, at(10)) == since(api, hook, at(9, 0, 1)) == [made[1]]
    assert since(api, hook, at(11)) == []


@BOTH
def test_updated_since_can_be_paged(api: Api, hook: str) -> None:
    model = Contact if hook == "Contacts" else Organization
    made = make(hook, 5)
    set_times(model.objects.get(pk=made[2]), updated_at=at(8))
    time = at(9).isoformat().replace("+00:00", "Z")
    first = api.ok(hook, {"updated_since": time, "limit": 2})
    second = api.ok(hook, {"updated_since": time, "limit": 2, "cursor": first["next"]})
    assert ids(first) + ids(second) == [*made[:2], *made[3:]]
    assert second["next"] is None


@pytest.fixture
def ada(db: None) -> Contact:
    """A contact with an organization, both not changed since 8:00."""
    ada = make_contact("Ada Example", number(1), organization=make_organization())
    set_times(ada, updated_at=at(8))
    return ada


CHANGES = {
    "a number added": lambda ada: ada.phones.create(raw=number(2)),
    "a number changed": lambda ada: ada.phones.get().save(),
    "a number deleted": lambda ada: ada.phones.get().delete(),
    "the contact changed": lambda ada: ada.save(),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_changed_contact_is_returned(api: Api, ada: Contact, change: Any) -> None:
    before = timezone.now()
    change(ada)
    assert since(api, "Contacts", before) == [str(ada.pk)]


def test_renamed_organization_changes_its_contacts(api: Api, ada: Contact) -> None:
    before = timezone.now()
    assert ada.organization is not None
    ada.organization.phone = number(100)
    ada.organization.save()
    assert since(api, "Contacts", before) == []
    ada.organization.name = "Sample plc"
    ada.organization.save()
    assert since(api, "Contacts", before) == [str(ada.pk)]
    assert since(api, "Organizations", before) == [str(ada.organization.pk)]


def test_deleted_organization_changes_its_contacts(api: Api, ada: Contact) -> None:
    before = timezone.now()
    assert ada.organization is not None
    ada.organization.delete()
    assert since(api, "Contacts", before) == [str(ada.pk)]


def test_contact_changed_by_a_hook_is_returned(api: Api, ada: Contact) -> None:
    before = timezone.now()
    api.ok("UpdateContact", {"id": str(ada.pk), "phone": number(3)})
    assert since(api, "Contacts", before) == [str(ada.pk)]


@BOTH
def test_head_is_allowed(api: Api, hook: str) -> None:
    assert api.client.head(HOOKS[hook][1]).status_code == 200


def test_streamed_list_is_valid_json(api: Api) -> None:
    make_contact('Ada "Quote" \\ </script>')
    body = b"".join(api.call("Contacts"))
    assert json.loads(body)["results"][0]["last_name"] == '"Quote" \\ </script>'
    assert read(api.call("Contacts")) == json.loads(body)
