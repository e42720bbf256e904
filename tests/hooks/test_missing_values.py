"""A missing key, null, "" and an unresolved placeholder mean the same, in each optional field."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection, transaction

from ringotel_crm.minicrm.models import Contact, Organization
from ringotel_crm.models import Activity
from tests.api import Api
from tests.factories import columns, make_contact, make_organization, make_user, number

pytestmark = pytest.mark.slow

OMIT = object()
ABSENT_VALUES = {
    "missing": OMIT,
    "null": None,
    "empty": "",
    "blank": "  ",
    "placeholder": "$name$",
    "spaced": "$API key$",
}

CALL = {
    "call_id": "c1",
    "activity_type": "inbound",
    "caller_number": number(1),
    "called_number": number(2),
    "call_start": 1772452800,
    "user_id": "{user}",
    "user_email": "unknown@example.com",
    "extension": "2999",
    "contact_id": "{contact}",
    "subject": "Leak",
    "comment": "Calls back.",
}
CONTACT = {
    "first_name": "Bea",
    "last_name": "Sample",
    "email": "bea@example.com",
    "phone": number(3),
    "mobile": number(4),
    "organization": {"name": "Other Ltd"},
    "job_title": "Baker",
}
REF = {"id": "{call}", "call_id": "c9"}

# A complete request to each hook, and the fields that cannot be absent or default to now.
REQUESTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "CreateContact": (CONTACT, set()),
    "UpdateContact": ({"id": "{contact}", **CONTACT}, {"id"}),
    "CreateActivity": (CALL, {"call_start"}),
    "AssignActivity": ({**REF, "contact_id": "{contact}"}, set()),
    "UpdateActivity": ({**REF, "subject": "Leak", "comment": "Calls back."}, set()),
    "StopCallActivity": (
        {**REF, "call_end": 1772452800, "call_duration": 27, "call_cause": "17"},
        {"call_end"},
    ),
}


# Fields that have no effect because another one is preferred.
WITHOUT_EFFECT = {
    ("CreateActivity", "user_email"),
    *((hook, "call_id") for hook in REQUESTS if hook.endswith("Activity")),
} - {("CreateActivity", "call_id")}


def fields() -> list[tuple[str, str]]:
    found = [
        (hook, field)
        for hook, (request, required) in REQUESTS.items()
        for field in request.keys() - required
    ]
    return [
        *sorted(found),
        ("CreateContact", "organization.name"),
        ("UpdateContact", "organization.name"),
    ]


def with_value(request: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    """Return the request with this value of one field."""
    name, _, inner = field.partition(".")
    if inner:
        value = with_value(request[name], inner, value)
    return {key: item for key, item in {**request, name: value}.items() if item is not OMIT}


def state() -> list[Any]:
    """Return all stored rows without generated ids and times."""
    calls = Activity.objects.order_by("call_id")
    people = Contact.objects.values_list(
        "first_name",
        "last_name",
        "email",
        "job_title",
        "organization__name",
        "phones__kind",
        "phones__raw",
    )
    return [
        *(columns(call, "id", "created_at") for call in calls),
        *sorted(people, key=str),
        *Organization.objects.order_by("name").values_list("name"),
    ]


@pytest.mark.parametrize(("hook", "field"), fields())
def test_all_absent_values_mean_the_same(api: Api, hook: str, field: str) -> None:
    ids = {
        "{contact}": str(
            make_contact("Ada Example", number(9), organization=make_organization()).pk
        ),
        "{user}": str(make_user("una", "2001").pk),
        "{call}": str(
            Activity.objects.create(
                call_id="c0", subject="Before", last_received_subject="Before"
            ).pk
        ),
    }
    make_contact("Ida Example", number(1))
    request = {key: ids.get(str(value), value) for key, value in REQUESTS[hook][0].items()}

    def state_after(request: dict[str, Any]) -> list[Any]:
        with transaction.atomic(using=connection.alias):
            api.ok(hook, request)
            after = state()
            transaction.set_rollback(True, using=connection.alias)
        return after

    without_field = state_after(with_value(request, field, OMIT))
    assert {
        name: state_after(with_value(request, field, value))
        for name, value in ABSENT_VALUES.items()
    } == dict.fromkeys(ABSENT_VALUES, without_field)
    assert (state_after(request) == without_field) == ((hook, field) in WITHOUT_EFFECT)


@pytest.mark.parametrize("value", ABSENT_VALUES.values(), ids=ABSENT_VALUES)
def test_absent_number_returns_no_contact(api: Api, value: Any) -> None:
    make_contact("Ada Example", number(1))
    query = {} if value is OMIT else {"phone": "null" if value is None else value}
    assert api.results("FindContact", query) == []


@pytest.mark.parametrize("value", ["", "  ", "$limit$", "$API key$"])
@pytest.mark.parametrize("parameter", ["limit", "cursor", "updated_since"])
def test_absent_parameter_returns_the_complete_list(api: Api, parameter: str, value: str) -> None:
    make_contact()
    assert len(api.results("Contacts", {parameter: value})) == 1


@pytest.mark.parametrize("value", [None, "", "  ", "$contact_id$"])
def test_update_of_a_contact_requires_its_id(api: Api, value: Any) -> None:
    assert api.refused("UpdateContact", {"id": value, "first_name": "Bea"}).keys() == {"id"}


@pytest.mark.parametrize(
    "text", ["$5 or $6", "$$", "$1$", "cost: $price$", "$a$ $b$", "$", "US$", "$first-name$"]
)
def test_text_similar_to_a_placeholder_is_stored(api: Api, text: str) -> None:
    api.ok("UpdateActivity", {"call_id": "c1", "comment": text})
    assert Activity.objects.get().comment == text


def test_absent_value_in_the_body_does_not_hide_the_query(api: Api) -> None:
    """The document puts the reference to the call of a recording into both."""
    id = api.id("CreateActivity", {"call_id": "c1"})
    response = api.send(
        "UpdateActivity",
        b'{"id": "$activity_id$", "subject": "Leak"}',
        query=f"id={id}&subject=Query",
    )
    assert response.json() == {"id": id}
    assert Activity.objects.get().subject == "Leak"
