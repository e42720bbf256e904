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
from tests.auth.conftest import PASSWORD, Ask, assert_refused, basic

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.urls")]

RIGHT = basic("agnes", PASSWORD)


@pytest.fixture
def hasher_runs(monkeypatch: pytest.MonkeyPatch, settings: Settings) -> list[str]:
    """The salts of the runs of Django's own hasher."""
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
    """A cache whose server is down."""

    def __init__(self, location: str, params: dict[str, Any]) -> None:
        super().__init__(params)

    def get(self, *args: Any, **kwargs: Any) -> Any:
        raise ConnectionRefusedError

    def set(self, *args: Any, **kwargs: Any) -> None:
        raise ConnectionRefusedError

    def clear(self) -> None:
        pass


@pytest.mark.parametrize("scheme", ["Basic", "basic"])
def test_basic_acts_as_the_user(ask: Ask, agent: User, scheme: str) -> None:
    response = ask(RIGHT.replace("Basic", scheme))

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
def test_any_text_may_be_name_and_password(
    ask: Ask, agent: User, username: str, password: str, encoding: str
) -> None:
    grant_api_permission(User.objects.create_user(username, password=password))

    assert ask(basic(username, password, encoding)).json() == {"user": username, "tenant": ""}


def test_the_hash_is_paid_for_once(ask: Ask, agent: User, hasher_runs: list[str]) -> None:
    for _ in range(3):
        assert ask(RIGHT).status_code == 200

    assert len(hasher_runs) == 1


def test_a_remembered_credential_costs_one_query(
    ask: Ask, agent: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ask(RIGHT)

    with django_assert_num_queries(1):
        assert ask(RIGHT).status_code == 200


def test_remembering_can_be_switched_off(
    ask: Ask, agent: User, hasher_runs: list[str], settings: Settings
) -> None:
    ask(RIGHT)
    settings.RINGOTEL_CRM = {"CREDENTIAL_CACHE_SECONDS": 0}
    ask(RIGHT)
    cache.clear()
    ask(RIGHT)
    settings.RINGOTEL_CRM = {}
    ask(RIGHT)

    assert len(hasher_runs) == 4


def test_the_password_is_not_in_the_cache(
    ask: Ask, agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    stored: list[Any] = []
    monkeypatch.setattr(LocMemCache, "set", lambda self, *args: stored.extend(args))
    ask(RIGHT)

    assert stored
    assert PASSWORD not in repr(stored)


@pytest.mark.parametrize("password", ["wrong", "", "correct hors", "Correct horse", PASSWORD + " "])
def test_a_wrong_password_is_refused_also_while_the_right_one_is_remembered(
    ask: Ask, agent: User, password: str
) -> None:
    ask(RIGHT)

    assert_refused(ask(basic("agnes", password)))


def test_a_changed_password_counts_at_once(ask: Ask, agent: User) -> None:
    ask(RIGHT)
    agent.set_password("another one")
    agent.save()

    assert_refused(ask(RIGHT))
    assert ask(basic("agnes", "another one")).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [{"is_active": False}, {"username": "agatha"}],
    ids=lambda changes: next(iter(changes)),
)
def test_a_changed_user_counts_at_once(ask: Ask, agent: User, changes: dict[str, Any]) -> None:
    ask(RIGHT)
    User.objects.update(**changes)

    assert_refused(ask(RIGHT))


def test_a_permission_that_was_taken_away_counts_at_once(ask: Ask, agent: User) -> None:
    ask(RIGHT)
    agent.user_permissions.clear()

    assert_refused(ask(RIGHT))


def test_a_deleted_user_is_forgotten_at_once(ask: Ask, agent: User) -> None:
    ask(RIGHT)
    agent.delete()

    assert_refused(ask(RIGHT))


@pytest.mark.parametrize("is_staff", [False, True])
def test_without_the_permission_the_right_password_is_refused(
    ask: Ask, agent: User, is_staff: bool
) -> None:
    User.objects.create_user("bruno", password=PASSWORD, is_staff=is_staff)

    assert_refused(ask(basic("bruno", PASSWORD)))


def test_every_refusal_costs_one_hash_and_reads_the_same(
    ask: Ask, agent: User, hasher_runs: list[str]
) -> None:
    User.objects.create_user("idle", password=PASSWORD, is_active=False)
    User.objects.create_user("bruno", password=PASSWORD)
    answers = []
    for username, password in [
        ("nobody", "wrong"),
        ("agnes", "wrong"),
        ("idle", PASSWORD),
        ("bruno", PASSWORD),
    ]:
        hasher_runs.clear()
        answers.append((ask(basic(username, password)).json(), len(hasher_runs)))

    assert answers == [answers[0]] * 4
    assert answers[0][1] == 1


def test_a_cache_that_is_down_costs_the_hash_only(
    ask: Ask,
    agent: User,
    hasher_runs: list[str],
    settings: Settings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.auth.test_basic.BrokenCache"}}

    assert ask(RIGHT).status_code == 200
    assert ask(RIGHT).status_code == 200
    assert_refused(ask(basic("agnes", "wrong")))
    assert len(hasher_runs) == 3
    assert "cache is down" in caplog.text
    assert PASSWORD not in caplog.text
