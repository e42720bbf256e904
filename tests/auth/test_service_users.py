from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, Permission, User

from ringotel_crm.auth.service_users import grant_api_permission, service_user, set_service_password
from ringotel_crm.backends import get_backend
from ringotel_crm.exceptions import InvalidInput
from ringotel_crm.records import Actor
from tests.auth.conftest import Get, basic

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.urls")]


def test_service_user_has_only_the_permission_to_use_the_api() -> None:
    Group.objects.create(name="Ringotel service").permissions.set(Permission.objects.all()[:3])

    user = service_user("Head Office")

    assert user.username.startswith("ringotel-head-office-")
    assert user.get_all_permissions() == {"ringotel_crm.use_api"}
    assert not user.has_usable_password()
    assert not user.is_staff


def test_service_user_is_created_once() -> None:
    assert service_user("Head Office") == service_user("Head Office")
    assert User.objects.count() == 1


def test_names_with_the_same_slug_are_different_users() -> None:
    names = ["Head Office", "head office", "head-office"]

    assert len({service_user(name).username for name in names}) == 3
    assert service_user("head-office").username == "ringotel-head-office"


def test_service_user_is_not_listed_as_user() -> None:
    user = service_user("Head Office")

    assert list(get_backend(Actor(user=user)).users.records()) == []


def test_name_can_be_in_any_script() -> None:
    assert service_user("東京").username == "ringotel-東京"


def test_username_is_an_email_if_the_model_requires_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(User, "USERNAME_FIELD", "email")
    monkeypatch.setattr(User._meta.get_field("username"), "blank", True)

    assert service_user("desk").email == "ringotel-desk@service.invalid"
    assert service_user("desk") == User.objects.get()


def test_new_password_replaces_the_old_one(get: Get) -> None:
    user = service_user("desk")
    old, new = set_service_password(user), set_service_password(user)

    assert get(basic("ringotel-desk", old)).status_code == 403
    assert get(basic("ringotel-desk", new)).json()["user"] == "ringotel-desk"


def test_user_outside_the_group_is_not_used() -> None:
    User.objects.create_user("ringotel-desk")

    with pytest.raises(InvalidInput, match="not in the group"):
        service_user("desk")
    assert not User.objects.get().groups.exists()
    assert not Group.objects.exists()


def test_inactive_user_raises() -> None:
    user = service_user("desk")
    User.objects.update(is_active=False)
    user.refresh_from_db()

    with pytest.raises(InvalidInput, match="inactive"):
        service_user("desk")
    with pytest.raises(InvalidInput, match="inactive"):
        grant_api_permission(user)


def test_invalid_username_raises() -> None:
    with pytest.raises(InvalidInput, match="Create a user yourself"):
        service_user("x" * 200)


def test_missing_permission_names_the_command() -> None:
    Permission.objects.all().delete()

    with pytest.raises(InvalidInput, match="migrate"):
        service_user("desk")


def test_permission_is_granted_once() -> None:
    user = User.objects.create_user("agnes")
    grant_api_permission(user)
    grant_api_permission(User.objects.get())

    assert User.objects.get().get_all_permissions() == {"ringotel_crm.use_api"}
