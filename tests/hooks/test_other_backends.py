"""The hooks with the memory backend, and with a backend that supports only some of them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from pytest_django import Settings

from ringotel_crm.backends.memory import MemoryBackend, MemoryContacts, store
from ringotel_crm.hooks.document import build
from ringotel_crm.records import ContactRecord, OrganizationRecord, UserRecord
from tests.api import Api, error
from tests.factories import at, number, the_call


class ReadOnlyContacts(MemoryContacts):
    can_create = False
    can_update = False


class ReadOnlyBackend(MemoryBackend):
    contact_directory = ReadOnlyContacts
    organization_directory = None  # type: ignore[assignment]


@pytest.fixture(autouse=True)
def _store(settings: Settings) -> Iterator[None]:
    settings.RINGOTEL_CRM = {
        "DEFAULT_REGION": "IE",
        "BACKEND": "ringotel_crm.backends.memory.MemoryBackend",
    }
    store.clear()
    for id, extension, email in (
        ("u1", "2001", "una@example.com"),
        ("u2", "A2", "desk@example.com"),
    ):
        store.users[id] = UserRecord(id=id, first_name=id, extension=extension, email=email)
    store.users["u3"] = UserRecord(id="u3", email="Desk@example.com")
    store.organizations["o1"] = OrganizationRecord(id="o1", name="Sample Ltd")
    for n in (2, 1):
        store.contacts[f"c{n}"] = ContactRecord(
            id=f"c{n}",
            first_name="Ada",
            phone=number(n),
            mobile=number(9),
            email=f"{n}@example.com",
            updated_at=at(n),
        )
    yield
    store.clear()


def test_lists_of_the_memory_backend(api: Api) -> None:
    assert [user["id"] for user in api.results("Users")] == ["u1", "u2", "u3"]
    assert [contact["id"] for contact in api.results("Contacts")] == ["c1", "c2"]
    assert [company["name"] for company in api.results("Organizations")] == ["Sample Ltd"]
    first = api.ok("Contacts", {"limit": 1})
    second = api.ok("Contacts", {"limit": 1, "cursor": first["next"]})
    assert [page["results"][0]["id"] for page in (first, second)] == ["c1", "c2"]
    assert [
        found["id"] for found in api.results("Contacts", {"updated_since": "2026-03-02T02:00:00Z"})
    ] == ["c2"]


@pytest.mark.parametrize(
    ("rule", "expected"), [("recent_call", "c2"), ("recently_updated", "c2"), ("oldest", "c1")]
)
def test_shared_number_follows_the_rule(
    api: Api, settings: Settings, rule: str, expected: str
) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "SHARED_NUMBER_RULE": rule}
    api.ok("CreateActivity", {"call_id": "before", "contact_id": "c2"})
    found = api.results("FindContact", {"phone": number(9)})
    assert [(contact["id"], contact["url"]) for contact in found] == [(expected, "")]
    assert api.results("FindContact", {"phone": number(5)}) == []


def test_contact_is_created_and_updated(api: Api) -> None:
    bea = {
        "first_name": "Bea",
        "last_name": "Example",
        "phone": "020 910 0001",
        "email": "bea@example.com",
    }
    response = api.ok("CreateContact", bea)
    assert (response["id"], response["phone"]) == ("000003", "+353209100001")
    assert api.ok("CreateContact", {**bea, "first_name": "BEA", "email": ""}) == response
    assert api.ok("UpdateContact", {"id": "c1", "mobile": number(7)})["mobile"] == number(7)
    assert store.contacts["c1"].phone == number(1)
    assert api.refused("UpdateContact", {"id": "c9"}, 404).keys() == {"id"}
    del store.contacts["c1"]
    assert api.id("CreateContact", {"first_name": "Eva"}) not in ("000003", "c2")
    assert len(store.contacts) == 3


@pytest.mark.parametrize(
    ("data", "agent"),
    [
        ({"user_id": "u1"}, "u1"),
        ({"extension": "A2"}, "u2"),
        ({"user_id": "9", "user_email": "UNA@example.com"}, "u1"),
        ({"user_email": "desk@example.com"}, ""),
        ({}, ""),
    ],
)
def test_call_is_assigned_to_agent_and_contact(api: Api, data: dict[str, str], agent: str) -> None:
    id = api.id(
        "CreateActivity",
        {"call_id": "k1", "activity_type": "inbound", "caller_number": number(1), **data},
    )
    call = the_call()
    assert (call.agent_id, call.contact_type, call.contact_id, call.contact_name) == (
        agent,
        None,
        "c1",
        "Ada",
    )
    api.ok("AssignActivity", {"id": id, "contact_id": "c2"})
    assert the_call().contact_id == "c2"
    assert api.refused("AssignActivity", {"id": id, "contact_id": "c9"}, 404).keys() == {
        "contact_id"
    }


def test_unsupported_hook_is_not_in_the_document(api: Api, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"BACKEND": f"{__name__}.ReadOnlyBackend"}
    offered = build("bearer", "https://crm.example.com")["API"]
    for hook in ("CreateContact", "UpdateContact", "Organizations"):
        assert hook not in offered
        data = {"id": "c1", "first_name": "Eda"} if hook != "Organizations" else {}
        assert error(api.call(hook, data), 501)["code"] == "unsupported"
    assert {"Users", "Contacts", "FindContact", "CreateActivity"} <= offered.keys()
    assert [contact["id"] for contact in api.results("FindContact", {"phone": number(1)})] == ["c1"]
    assert store.contacts["c1"].first_name == "Ada"


@pytest.mark.django_db
def test_variable_names_can_be_changed(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {
        **settings.RINGOTEL_CRM,
        "VARIABLE_NAMES": {
            "phone": "number",
            "FindContact.phone": "caller",
            "FindContact.contact_url": "link",
            "contact_id": "crm_id",
        },
    }
    described = build("bearer", "https://crm.example.com")["API"]
    assert described["FindContact"]["request_path"].endswith("?phone=$caller$")
    assert described["FindContact"]["response_map"]["results"][0]["phone"] == "$number$"
    assert described["FindContact"]["response_map"]["results"][0]["url"] == "$link$"
    assert described["CreateContact"]["response_map"]["url"] == "$contact_url$"
    assert described["Users"]["response_map"]["results"][0]["phone"] == "$number$"
    assert described["CreateContact"]["response_map"]["id"] == "$crm_id$"
    assert described["AssignActivity"]["request_parameters"]["contact_id"] == "$crm_id$"


@pytest.mark.django_db
def test_name_and_logo_of_the_document_are_settings(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {
        "DOCUMENT_ID": "acme",
        "DOCUMENT_NAME": "Acme CRM",
        "LOGO_URL": "https://static.example.com/acme.svg",
    }
    document = build("basic", "https://crm.example.com/")
    assert (document["id"], document["name"], document["logo"]) == (
        "acme",
        "Acme CRM",
        "https://static.example.com/acme.svg",
    )
    settings.RINGOTEL_CRM = {}
    settings.STATIC_URL = "https://cdn.example.com/"
    assert (
        build("basic", "https://crm.example.com")["logo"]
        == "https://cdn.example.com/ringotel_crm/logo.svg"
    )
