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
from tests.auth.conftest import Ask, assert_refused

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
def test_a_key_acts_as_its_user_in_its_tenant(ask: Ask, token: str, scheme: str) -> None:
    response = ask(f"{scheme} {token}")

    assert response.status_code == 200
    assert response.json() == {"user": "agnes", "tenant": "north"}


@pytest.mark.parametrize("permit", [lambda user: None, give_permission_by_group, make_superuser])
def test_a_key_costs_one_query(
    ask: Ask,
    token: str,
    agent: User,
    permit: Callable[[User], None],
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    permit(agent)
    ask(f"Bearer {token}")  # writes last_used_at

    with django_assert_num_queries(1):
        assert ask(f"Bearer {token}").status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"expires_at": LONG_AGO},
        {"revoked_at": LONG_AGO},
        {"digest": ApiKey.digest_of("rtk_another")},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_key_that_is_not_valid_is_refused(
    ask: Ask, key: ApiKey, token: str, changes: dict[str, object]
) -> None:
    ApiKey.objects.update(**changes)

    assert_refused(ask(f"Bearer {token}"))


def test_a_key_is_valid_until_it_expires(ask: Ask, token: str) -> None:
    ApiKey.objects.update(expires_at=timezone.now() + dt.timedelta(minutes=1))

    assert ask(f"Bearer {token}").status_code == 200


@pytest.mark.parametrize("is_superuser", [False, True])
def test_an_inactive_user_is_refused(ask: Ask, token: str, is_superuser: bool) -> None:
    User.objects.update(is_active=False, is_superuser=is_superuser)

    assert_refused(ask(f"Bearer {token}"))


def test_a_user_without_the_permission_is_refused_even_if_staff(
    ask: Ask, token: str, agent: User
) -> None:
    agent.user_permissions.set(Permission.objects.exclude(codename="use_api"))
    User.objects.update(is_staff=True)

    assert_refused(ask(f"Bearer {token}"))


def test_a_staff_login_does_not_open_the_api(client: Client, admin_user: User) -> None:
    client.force_login(admin_user)

    assert_refused(client.get("/me/"))


def test_all_refusals_read_the_same(ask: Ask, token: str) -> None:
    unknown = ask("Bearer rtk_unknown").json()
    ApiKey.objects.update(expires_at=LONG_AGO)
    expired = ask(f"Bearer {token}").json()
    ApiKey.objects.update(expires_at=None)
    User.objects.update(is_active=False)

    assert unknown == expired == ask(f"Bearer {token}").json()


def test_the_time_of_last_use_is_written_now_and_then(ask: Ask, token: str) -> None:
    now = timezone.now()
    lately, before = now - dt.timedelta(minutes=4), now - dt.timedelta(minutes=6)

    ask(f"Bearer {token}")
    assert ApiKey.objects.filter(last_used_at__gte=now).exists()

    ApiKey.objects.update(last_used_at=lately)
    ask(f"Bearer {token}")
    assert ApiKey.objects.filter(last_used_at=lately).exists()

    ApiKey.objects.update(last_used_at=before)
    ask(f"Bearer {token}")
    assert ApiKey.objects.filter(last_used_at__gte=now).exists()


def test_a_refused_key_was_not_used(ask: Ask, token: str) -> None:
    User.objects.update(is_active=False)
    ask(f"Bearer {token}")

    assert ApiKey.objects.get().last_used_at is None


class Generous(BaseBackend):
    """Permits everybody, as the backend of a company's own directory might."""

    def has_perm(self, user_obj: User | AnonymousUser, perm: str, obj: object = None) -> bool:
        return perm == "ringotel_crm.use_api"


class Strict(BaseBackend):
    """Denies everybody, before other backends are asked."""

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
def test_other_authentication_backends_have_their_say(
    ask: Ask,
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

    assert ask(f"Bearer {token}").status_code == status


def test_without_oauth2_any_other_bearer_is_refused(
    ask: Ask, token: str, settings: Settings
) -> None:
    settings.INSTALLED_APPS = [app for app in settings.INSTALLED_APPS if app != "oauth2_provider"]

    assert ask(f"Bearer {token}").status_code == 200
    assert_refused(ask("Bearer somebody-elses-token"))
    assert ask("Bearer somebody-elses-token").json() == ask("Bearer rtk_unknown").json()
