from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User
from django.utils import timezone

from ringotel_crm.models import Agent
from tests.api import Api
from tests.factories import make_user, the_call


def test_users_have_all_fields(api: Api) -> None:
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


def test_user_without_name_has_the_username(api: Api) -> None:
    make_user("una")
    assert api.results("Users")[0]["first_name"] == "una"


def test_unparsable_direct_number_is_omitted(api: Api) -> None:
    make_user("una", "2001", phone="ask reception")
    assert api.results("Users")[0]["phone"] == ""


def test_inactive_user_is_omitted_and_returns_with_the_same_id(api: Api) -> None:
    make_user("ben")
    una = make_user("una")
    before = api.results("Users")
    User.objects.filter(pk=una.pk).update(is_active=False)
    assert api.results("Users") == before[:1]
    User.objects.filter(pk=una.pk).update(is_active=True)
    assert api.results("Users") == before


def test_service_user_is_omitted(api: Api) -> None:
    assert User.objects.count() == 1
    assert api.results("Users") == []


def test_user_in_other_groups_is_listed(api: Api) -> None:
    una = make_user("una")
    una.groups.add(Group.objects.create(name="Sales"), Group.objects.create(name="Support"))
    assert [user["id"] for user in api.results("Users")] == [str(una.pk)]


def test_account_that_cannot_log_in_is_omitted_until_it_has_an_extension(api: Api) -> None:
    # As django-guardian creates its AnonymousUser.
    account = User(username="AnonymousUser")
    account.set_unusable_password()
    account.save()
    assert api.results("Users") == []

    Agent.objects.create(user=account, extension="2001")
    assert [user["extension"] for user in api.results("Users")] == ["2001"]


def test_user_of_single_sign_on_is_listed(api: Api) -> None:
    una = User.objects.create_user("una", "una@example.com")
    ben = User.objects.create_user("ben")
    User.objects.filter(pk=ben.pk).update(last_login=timezone.now())

    assert [user["id"] for user in api.results("Users")] == [str(una.pk), str(ben.pk)]


# --- agent of a call ---


@pytest.fixture
def users(db: None) -> dict[str, User]:
    return {
        name: make_user(name, extension)
        for name, extension in (("una", "2001"), ("ben", "2002"), ("ida", ""))
    }


@pytest.mark.parametrize(
    ("data", "expected"),
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
        ({"user_id": "-1", "extension": "9999", "user_email": "unknown@example.com"}, ""),
        ({"user_id": "1.5"}, ""),
        ({"user_id": "$user_id$", "extension": "", "user_email": None}, ""),
        ({}, ""),
    ],
)
def test_agent_is_found_by_id_extension_or_email(
    api: Api, users: dict[str, User], data: dict[str, str], expected: str
) -> None:
    data = {name: str(users[value].pk) if value in users else value for name, value in data.items()}
    api.ok("CreateActivity", {"call_id": "c1", "caller_number": "442079460001", **data})
    call = the_call()
    assert call.agent_id == (str(users[expected].pk) if expected else "")
    assert call.agent_name == (f"{expected}" if expected else "")


def test_call_of_an_inactive_user_is_logged_without_agent(api: Api) -> None:
    una = make_user("una", "2001", is_active=False)
    api.ok("CreateActivity", {"call_id": "c1", "user_id": str(una.pk), "extension": "2001"})
    assert (the_call().agent_id, the_call().extension) == ("", "2001")


def test_shared_email_finds_no_agent(api: Api) -> None:
    make_user("una", email="desk@example.com")
    make_user("ben", email="Desk@example.com")
    api.ok("CreateActivity", {"call_id": "c1", "user_email": "desk@example.com"})
    assert the_call().agent_id == ""


def test_agent_is_filled_in_once(api: Api, users: dict[str, User]) -> None:
    api.ok("CreateActivity", {"call_id": "c1"})
    api.ok("CreateActivity", {"call_id": "c1", "extension": "2001"})
    api.ok("CreateActivity", {"call_id": "c1", "extension": "2002"})
    assert the_call().agent_id == str(users["una"].pk)
    assert Agent.objects.count() == 2
