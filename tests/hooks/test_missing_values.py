"""A key that is missing, null, "" and a bare placeholder are the same, for each optional field of each hook."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import transaction

from ringotel_crm.minicrm.models import Contact, Organization
from ringotel_crm.models import Activity
from tests.api import Api
from tests.factories import columns, make_contact, make_organization, make_user, number

OMIT = object()
FASHIONS = {
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
    "user_email": "nobody@example.com",
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

# A whole request to each hook; what it cannot do without is tested elsewhere.
REQUESTS: dict[str, tuple[dict[str, Any], set[str]]] = {
    "CreateContact": (CONTACT, set()),
    "UpdateContact": ({"id": "{contact}", **CONTACT}, {"id"}),
    "CreateActivity": (CALL, {"call_start"}),  # without it, it is now
    "AssignActivity": ({**REF, "contact_id": "{contact}"}, set()),
    "UpdateActivity": ({**REF, "subject": "Leak", "comment": "Calls back."}, set()),
    "StopCallActivity": (
        {**REF, "call_end": 1772452800, "call_duration": 27, "call_cause": "17"},
        {"call_end"},  # without it, it is now
    ),
}


# Fields that make no difference beside another one, which goes first.
IDLE = {
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


def said_with(request: dict[str, Any], field: str, value: Any) -> dict[str, Any]:
    """The request with this value for one field."""
    name, _, inner = field.partition(".")
    if inner:
        value = said_with(request[name], inner, value)
    return {key: item for key, item in {**request, name: value}.items() if item is not OMIT}


def state() -> list[Any]:
    """All that is stored, but for ids that are given anew and times of writing."""
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
def test_all_fashions_are_the_same(api: Api, hook: str, field: str) -> None:
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
        with transaction.atomic():
            api.ok(hook, request)
            after = state()
            transaction.set_rollback(True)
        return after

    left_out = state_after(said_with(request, field, OMIT))
    assert {
        name: state_after(said_with(request, field, value)) for name, value in FASHIONS.items()
    } == dict.fromkeys(FASHIONS, left_out)
    assert (state_after(request) == left_out) == ((hook, field) in IDLE)


@pytest.mark.parametrize("value", FASHIONS.values(), ids=FASHIONS)
def test_find_nobody(api: Api, value: Any) -> None:
    make_contact("Ada Example", number(1))
    assert (
        api.results(
            "FindContact", {} if value is OMIT else {"phone": "null" if value is None else value}
        )
        == []
    )


@pytest.mark.parametrize("value", ["", "  ", "$limit$", "$API key$"])
@pytest.mark.parametrize("parameter", ["limit", "cursor", "updated_since"])
def test_lists_are_whole(api: Api, parameter: str, value: str) -> None:
    make_contact()
    assert len(api.results("Contacts", {parameter: value})) == 1


@pytest.mark.parametrize("value", [None, "", "  ", "$contact_id$"])
def test_a_contact_to_change_has_to_be_named(api: Api, value: Any) -> None:
    assert api.refused("UpdateContact", {"id": value, "first_name": "Bea"}).keys() == {"id"}


@pytest.mark.parametrize(
    "text", ["$5 or $6", "$$", "$1$", "cost: $price$", "$a$ $b$", "$", "US$", "$first-name$"]
)
def test_what_only_looks_like_a_placeholder_is_said(api: Api, text: str) -> None:
    api.ok("UpdateActivity", {"call_id": "c1", "comment": text})
    assert Activity.objects.get().comment == text


def test_a_body_may_say_less_than_the_query(api: Api) -> None:
    """The document gives the call's id of a recording in both; a body with placeholders hides nothing of the query."""
    id = api.id("CreateActivity", {"call_id": "c1"})
    response = api.send(
        "UpdateActivity",
        b'{"id": "$activity_id$", "subject": "Leak"}',
        query=f"id={id}&subject=Query",
    )
    assert response.json() == {"id": id}
    assert Activity.objects.get().subject == "Leak"
