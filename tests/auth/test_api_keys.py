from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.contrib.auth.backends import BaseBackend
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.exceptions import PermissionDenied
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ringotel_crm.models import ApiKey
from tests.auth.conftest import Get, assert_rejected

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.urls")]

LONG_AGO = timezone.now() - dt.timedelta(days=365)
MODEL_BACKEND = "django.contrib.auth.backends.ModelBackend"


@pytest.fixture
def key(agent: User) -> ApiKey:
    return ApiKey.objects.issue(name="desk", user=agent, tenant="north")[0]


@pytest.fixture
def token(key: ApiKey) -> str:
    return ApiKey.objects.issue(name="desk", user=key.user, tenant="north")[1]


def give_permission_by_group(user: User) -> None:
    user.user_permissions.clear()
    group = Group.objects.create(name="phones")
    group.permissions.add(Permission.objects.get(codename="use_api"))
    user.groups.add(group)


def make_superuser(user: User) -> None:
    user.user_permissions.clear()
    User.objects.filter(pk=user.pk).update(is_superuser=True)


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
def test_key_acts_as_its_user_in_its_tenant(get: Get, token: str, scheme: str) -> None:
    response = get(f"{scheme} {token}")

    assert response.status_code == 200
    assert response.json() == {"user": "agnes", "tenant": "north"}


@pytest.mark.parametrize("permit", [lambda user: None, give_permission_by_group, make_superuser])
def test_key_runs_one_query(
    get: Get,
    token: str,
    agent: User,
    permit: Callable[[User], None],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    permit(agent)
    get(f"Bearer {token}")  # writes last_used_at

    with django_assert_num_queries(1):
        assert get(f"Bearer {token}").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": LONG_AGO},
        {"revoked_at": LONG_AGO},
        {"digest": ApiKey.digest_of("rtk_another")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_invalid_key_is_rejected(
    get: Get, key: ApiKey, token: str, changes: dict[str, object]
) -> None:
    ApiKey.objects.update(**changes)

    assert_rejected(get(f"Bearer {token}"))


def test_key_is_valid_until_it_expires(get: Get, token: str) -> None:
    ApiKey.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=1))

    assert get(f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("is_superuser", [False, True])
def test_key_of_an_inactive_user_is_rejected(get: Get, token: str, is_superuser: bool) -> None:
    User.objects.update(is_active=False, is_superuser=is_superuser)

    assert_rejected(get(f"Bearer {token}"))


def test_key_of_staff_without_permission_is_rejected(get: Get, token: str, agent: User) -> None:
    agent.user_permissions.set(Permission.objects.exclude(codename="use_api"))
    User.objects.update(is_staff=True)

    assert_rejected(get(f"Bearer {token}"))


def test_session_of_staff_is_rejected(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)

    assert_rejected(client.get("/me/"))


def test_rejections_do_not_differ(get: Get, token: str) -> None:
    unknown = get("Bearer rtk_unknown").json()
    ApiKey.objects.update(expires_at=LONG_AGO)
    expired = get(f"Bearer {token}").json()
    ApiKey.objects.update(expires_at=None)
    User.objects.update(is_active=False)

    assert unknown == expired == get(f"Bearer {token}").json()


def test_last_use_is_written_every_five_minutes(get: Get, token: str) -> None:
    now = timezone.now()
    lately, before = now - dt.timedelta(minutes=4), now - dt.timedelta(minutes=6)

    get(f"Bearer {token}")
    assert ApiKey.objects.filter(last_used_at__gte=now).exists()

    ApiKey.objects.update(last_used_at=lately)
    get(f"Bearer {token}")
    assert ApiKey.objects.filter(last_used_at=lately).exists()

    ApiKey.objects.update(last_used_at=before)
    get(f"Bearer {token}")
    assert ApiKey.objects.filter(last_used_at__gte=now).exists()


def test_rejected_key_has_no_last_use(get: Get, token: str) -> None:
    User.objects.update(is_active=False)
    get(f"Bearer {token}")

    assert ApiKey.objects.get().last_used_at is None


class Generous(BaseBackend):
    """Grants the permission to all users."""

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: object = None) -> bool:
        return perm == "ringotel_crm.use_api"


class Strict(BaseBackend):
    """Denies the permission to all users."""

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: object = None) -> bool:
        raise PermissionDenied


@pytest.mark.parametrize(
    ("backends", "own_permission", "status"),
    [
        ([MODEL_BACKEND, "tests.auth.test_api_keys.Generous"], False, 200),
        (["tests.auth.test_api_keys.Strict", MODEL_BACKEND], True, 403),
        (["tests.auth.test_api_keys.Generous"], False, 200),
        (["django.contrib.auth.backends.BaseBackend"], True, 403),
        (["django.contrib.auth.backends.BaseBackend", MODEL_BACKEND], True, 200),
    ],
)
def test_other_authentication_backends_are_respected(
    get: Get,
    token: str,
    agent: User,
    settings: Settings,
    backends: list[str],
    own_permission: bool,
    status: int,
) -> None:
    settings.AUTHENTICATION_BACKENDS = backends
    if not own_permission:
        agent.user_permissions.clear()

    assert get(f"Bearer {token}").status_code == status


def test_other_bearer_tokens_are_rejected_without_oauth2(
    get: Get, token: str, settings: Settings
) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "oauth2_provider"]

    assert get(f"Bearer {token}").status_code == 200
    assert_rejected(get("Bearer other-token"))
    assert get("Bearer other-token").json() == get("Bearer rtk_unknown").json()
