from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from ringotel_crm.models import Agent
from tests.api import Api
from tests.factories import make_user, the_call


def test_each_user_comes_with_what_is_needed_for_mapping(api: Api) -> None:
    una = make_user("una", "2001", phone="020 910 0001", first_name="Una", last_name="Sample")
    ben = make_user("ben", first_name="Ben")
    assert api.ok("Users") == {
        "results": [
            {
                "id": str(una.pk),
                "first_name": "Una",
                "last_name": "Sample",
                "email": "una@example.com",
                "phone": "+353209100001",
                "extension": "2001",
            },
            {
                "id": str(ben.pk),
                "first_name": "Ben",
                "last_name": "",
                "email": "ben@example.com",
                "phone": "",
                "extension": "",
            },
        ],
        "next": None,
    }


def test_a_user_without_a_name_is_called_by_the_username(api: Api) -> None:
    make_user("una")
    assert api.results("Users")[0]["first_name"] == "una"


def test_a_direct_number_that_cannot_be_read_is_left_out(api: Api) -> None:
    make_user("una", "2001", phone="ask at the desk")
    assert api.results("Users")[0]["phone"] == ""


def test_an_inactive_user_drops_out_and_comes_back_with_the_same_id(api: Api) -> None:
    make_user("ben")
    una = make_user("una")
    before = api.results("Users")
    User.objects.filter(pk=una.pk).update(is_active=False)
    assert api.results("Users") == before[:1]
    User.objects.filter(pk=una.pk).update(is_active=True)
    assert api.results("Users") == before


def test_the_user_that_ringotel_acts_as_is_no_colleague(api: Api) -> None:
    assert User.objects.count() == 1
    assert api.results("Users") == []


def test_a_colleague_who_may_use_the_api_is_one(api: Api) -> None:
    una = make_user("una")
    una.groups.add(Group.objects.create(name="Sales"), Group.objects.create(name="Support"))
    assert [user["id"] for user in api.results("Users")] == [str(una.pk)]


# --- to whom a call belongs ---


@pytest.fixture
def users(db: None) -> dict[str, User]:
    return {
        name: make_user(name, extension)
        for name, extension in (("una", "2001"), ("ben", "2002"), ("ida", ""))
    }


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"user_id": "una"}, "una"),
        ({"extension": "2002"}, "ben"),
        ({"user_email": "ida@example.com"}, "ida"),
        ({"user_email": "IDA@Example.COM"}, "ida"),
        ({"user_id": "una", "extension": "2002", "user_email": "ida@example.com"}, "una"),
        (
            {
                "user_id": "17295348437628309790",
                "extension": "2002",
                "user_email": "ida@example.com",
            },
            "ben",
        ),
        ({"user_id": "no id at all", "extension": "9999", "user_email": "ida@example.com"}, "ida"),
        ({"user_id": "-1", "extension": "9999", "user_email": "nobody@example.com"}, ""),
        ({"user_id": "1.5"}, ""),
        ({"user_id": "$user_id$", "extension": "", "user_email": None}, ""),
        ({}, ""),
    ],
)
def test_agent(api: Api, users: dict[str, User], said: dict[str, str], expected: str) -> None:
    said = {name: str(users[value].pk) if value in users else value for name, value in said.items()}
    api.ok("CreateActivity", {"call_id": "c1", "caller_number": "442079460001", **said})
    call = the_call()
    assert call.agent_id == (str(users[expected].pk) if expected else "")
    assert call.agent_name == (f"{expected}" if expected else "")


def test_a_call_for_a_user_who_left_is_nobodys_and_not_lost(api: Api) -> None:
    una = make_user("una", "2001", is_active=False)
    api.ok("CreateActivity", {"call_id": "c1", "user_id": str(una.pk), "extension": "2001"})
    assert (the_call().agent_id, the_call().extension) == ("", "2001")


def test_an_address_that_two_share_names_neither(api: Api) -> None:
    make_user("una", email="desk@example.com")
    make_user("ben", email="Desk@example.com")
    api.ok("CreateActivity", {"call_id": "c1", "user_email": "desk@example.com"})
    assert the_call().agent_id == ""


def test_a_user_named_later_is_filled_in_and_then_stays(api: Api, users: dict[str, User]) -> None:
    api.ok("CreateActivity", {"call_id": "c1"})
    api.ok("CreateActivity", {"call_id": "c1", "extension": "2001"})
    api.ok("CreateActivity", {"call_id": "c1", "extension": "2002"})
    assert the_call().agent_id == str(users["una"].pk)
    assert Agent.objects.count() == 2
