from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.hashers import PBKDF2PasswordHasher
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.cache.backends.base import BaseCache
from django.core.cache.backends.locmem import LocMemCache
from pytest_django import DjangoAssertNumQueries, Settings

from ringotel_crm.auth.service_users import grant_api_permission
from tests.auth.conftest import PASSWORD, Get, assert_rejected, basic

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.urls")]

RIGHT = basic("agnes", PASSWORD)


@pytest.fixture
def hasher_runs(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[str]:
    """Record the salt of each run of Django's hasher."""
    runs: list[str] = []
    encode = PBKDF2PasswordHasher.encode

    def counted(
        self: PBKDF2PasswordHasher, password: str, salt: str, iterations: int | None = None
    ) -> str:
        runs.append(salt)
        return encode(self, password, salt, iterations)

    monkeypatch.setattr(PBKDF2PasswordHasher, "encode", counted)
    monkeypatch.setattr(PBKDF2PasswordHasher, "iterations", 1)
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.PBKDF2PasswordHasher"]
    return runs


@pytest.fixture
def agent(hasher_runs: list[str], agent: User) -> User:
    hasher_runs.clear()
    return agent


class BrokenCache(BaseCache):
    """A cache that raises on each access."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError

    def set(self, *args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError

    def clear(self) -> None:
        pass


@pytest.mark.parametrize("scheme", ["Basic", "basic"])
def test_password_acts_as_the_user(get: Get, agent: User, scheme: str) -> None:
    response = get(RIGHT.replace("Basic", scheme))

    assert response.status_code == 200
    assert response.json() == {"user": "agnes", "tenant": ""}


@pytest.mark.parametrize(
    ("username", "password", "encoding"),
    [
        ("zoë", "pässwörd: with a colon", "utf-8"),
        ("zoë", "pässwörd: with a colon", "latin-1"),
        ("ζωή", "κωδικός", "utf-8"),
        ("plain", "", "utf-8"),
    ],
)
def test_username_and_password_can_be_any_text(
    get: Get, agent: User, username: str, password: str, encoding: str
) -> None:
    grant_api_permission(User.objects.create_user(username, password=password))

    assert get(basic(username, password, encoding)).json() == {"user": username, "tenant": ""}


def test_hash_is_computed_once(get: Get, agent: User, hasher_runs: list[str]) -> None:
    for _ in range(3):
        assert get(RIGHT).status_code == 200

    assert len(hasher_runs) == 1


def test_cached_credential_runs_one_query(
    get: Get, agent: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    get(RIGHT)

    with django_assert_num_queries(1):
        assert get(RIGHT).status_code == 200


def test_caching_can_be_disabled(
    get: Get, agent: User, hasher_runs: list[str], settings: Settings
) -> None:
    get(RIGHT)
    settings.RINGOTEL_CRM = {"CREDENTIAL_CACHE_SECONDS": 0}
    get(RIGHT)
    cache.clear()
    get(RIGHT)
    settings.RINGOTEL_CRM = {}
    get(RIGHT)

    assert len(hasher_runs) == 4


def test_cache_does_not_contain_the_password(
    get: Get, agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[Any] = []
    monkeypatch.setattr(LocMemCache, "set", lambda self, *args: stored.extend(args))
    get(RIGHT)

    assert stored
    assert PASSWORD not in repr(stored)


@pytest.mark.parametrize("password", ["wrong", "", "correct hors", "Correct horse", PASSWORD + " "])
def test_wrong_password_is_rejected_while_the_right_one_is_cached(
    get: Get, agent: User, password: str
) -> None:
    get(RIGHT)

    assert_rejected(get(basic("agnes", password)))


def test_changed_password_takes_effect_immediately(get: Get, agent: User) -> None:
    get(RIGHT)
    agent.set_password("another one")
    agent.save()

    assert_rejected(get(RIGHT))
    assert get(basic("agnes", "another one")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"is_active": False}, {"username": "agatha"}],
    ids=lambda changes: next(iter(changes)),
)
def test_changed_user_takes_effect_immediately(
    get: Get, agent: User, changes: dict[str, Any]
) -> None:
    get(RIGHT)
    User.objects.update(**changes)

    assert_rejected(get(RIGHT))


def test_removed_permission_takes_effect_immediately(get: Get, agent: User) -> None:
    get(RIGHT)
    agent.user_permissions.clear()

    assert_rejected(get(RIGHT))


def test_deleted_user_is_rejected_immediately(get: Get, agent: User) -> None:
    get(RIGHT)
    agent.delete()

    assert_rejected(get(RIGHT))


@pytest.mark.parametrize("is_staff", [False, True])
def test_user_without_permission_is_rejected(get: Get, agent: User, is_staff: bool) -> None:
    User.objects.create_user("bruno", password=PASSWORD, is_staff=is_staff)

    assert_rejected(get(basic("bruno", PASSWORD)))


def test_rejections_do_not_differ_and_compute_one_hash(
    get: Get, agent: User, hasher_runs: list[str]
) -> None:
    User.objects.create_user("idle", password=PASSWORD, is_active=False)
    User.objects.create_user("bruno", password=PASSWORD)
    responses = []
    for username, password in [
        ("unknown", "wrong"),
        ("agnes", "wrong"),
        ("idle", PASSWORD),
        ("bruno", PASSWORD),
    ]:
        hasher_runs.clear()
        responses.append((get(basic(username, password)).json(), len(hasher_runs)))

    assert responses == [responses[0]] * 4
    assert responses[0][1] == 1


def test_failing_cache_only_costs_the_hash(
    get: Get,
    agent: User,
    hasher_runs: list[str],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.auth.test_basic.BrokenCache"}}

    assert get(RIGHT).status_code == 200
    assert get(RIGHT).status_code == 200
    assert_rejected(get(basic("agnes", "wrong")))
    assert len(hasher_runs) == 3
    assert "cache is down" in caplog.text
    assert PASSWORD not in caplog.text
