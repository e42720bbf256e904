from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User

from ringotel_crm.auth import service_users
from ringotel_crm.auth.service_users import grant_api_permission, service_user, set_service_password
from ringotel_crm.backends import get_backend
from ringotel_crm.exceptions import InvalidInput
from ringotel_crm.records import Actor
from tests.auth.conftest import Ask, basic

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.urls")]


def test_a_service_user_may_use_the_api_and_nothing_else() -> None:
    Group.objects.create(name="Ringotel service").permissions.set(Permission.objects.all()[:3])

    user = service_user("Head Office")

    assert user.username.startswith("ringotel-head-office-")
    assert user.get_all_permissions() == {"ringotel_crm.use_api"}
    assert not user.has_usable_password()
    assert not user.is_staff


def test_a_service_user_is_made_once() -> None:
    assert service_user("Head Office") == service_user("Head Office")
    assert User.objects.count() == 1


def test_names_that_look_alike_are_two_users() -> None:
    names = ["Head Office", "head office", "head-office"]

    assert len({service_user(name).username for name in names}) == 3
    assert service_user("head-office").username == "ringotel-head-office"


def test_a_service_user_is_nobodys_colleague() -> None:
    user = service_user("Head Office")

    assert list(get_backend(Actor(user=user)).users.records()) == []


def test_a_name_in_any_script_will_do() -> None:
    assert service_user("東京").username == "ringotel-東京"


def test_where_users_are_called_by_their_address(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "USERNAME_FIELD", "email")
    monkeypatch.setattr(User._meta.get_field("username"), "blank", True)

    assert service_user("desk").email == "ringotel-desk@service.invalid"
    assert service_user("desk") == User.objects.get()


def test_the_password_of_a_service_user_opens_the_api(ask: Ask) -> None:
    user = service_user("desk")
    old, new = set_service_password(user), set_service_password(user)

    assert ask(basic("ringotel-desk", old)).status_code == 403
    assert ask(basic("ringotel-desk", new)).json()["user"] == "ringotel-desk"


def test_somebody_elses_name_is_left_alone() -> None:
    User.objects.create_user("ringotel-desk")

    with pytest.raises(InvalidInput, match="not in the group"):
        service_user("desk")
    assert not User.objects.get().groups.exists()
    assert not Group.objects.exists()


def test_a_deactivated_user_is_not_connected() -> None:
    user = service_user("desk")
    User.objects.update(is_active=False)
    user.refresh_from_db()

    with pytest.raises(InvalidInput, match="deactivated"):
        service_user("desk")
    with pytest.raises(InvalidInput, match="deactivated"):
        grant_api_permission(user)


def test_a_name_that_the_user_model_does_not_take_is_said() -> None:
    with pytest.raises(InvalidInput, match="make a user yourself"):
        service_user("x" * 200)


def test_before_migrate_it_says_what_to_type() -> None:
    Permission.objects.all().delete()

    with pytest.raises(InvalidInput, match="migrate"):
        service_user("desk")


def test_allow_gives_a_person_the_permission_once() -> None:
    user = User.objects.create_user("agnes")
    grant_api_permission(user)
    grant_api_permission(User.objects.get())

    assert User.objects.get().get_all_permissions() == {"ringotel_crm.use_api"}


class Bare:
    """A user model of a site that decides about permissions in its own way."""

    _meta = User._meta
    is_active = True

    def __init__(self, permissions: set[str]) -> None:
        self.permissions = permissions

    def has_perm(self, perm: str) -> bool:
        return perm in self.permissions


def test_a_user_model_without_groups_has_no_service_users(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service_users, "get_user_model", lambda: Bare)

    with pytest.raises(InvalidInput, match="no groups"):
        service_user("desk")


def test_a_user_model_without_permissions_has_to_say_yes_itself() -> None:
    grant_api_permission(Bare({"ringotel_crm.use_api"}))

    with pytest.raises(InvalidInput, match="no permissions of their own"):
        grant_api_permission(Bare(set()))
