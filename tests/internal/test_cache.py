"""Pages and hooks work without the cache."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache.backends.locmem import LocMemCache
from django.test import Client
from pytest_django import Settings

from ringotel_crm.auth.service_users import grant_api_permission
from ringotel_crm.internal import cache
from tests.api import Api
from tests.factories import make_user

DOWN = {"default": {"BACKEND": "tests.internal.test_cache.Failing"}}
calls: list[str] = []
down = True


class Failing(LocMemCache):
    """A cache that raises while ``down`` is set."""

    def __init__(self, name: str, params: dict[str, Any]) -> None:
        super().__init__("failing", params)

    def call(self, *args: Any, **kwargs: Any) -> Any:
        calls.append(str(args[0]))
        if down:
            raise ConnectionError
        return getattr(LocMemCache, self.operation)(self, *args, **kwargs)

    def __getattribute__(self, name: str) -> Any:
        if name in ("get", "get_many", "set", "add", "incr", "decr", "delete"):
            self.operation = name
            return self.call
        return super().__getattribute__(name)


@pytest.fixture(autouse=True)
def cache_down(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.internal.test_cache.down", True)
    settings.CACHES = DOWN
    calls.clear()


def end_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """End the backoff."""
    monkeypatch.setattr(cache, "_backoff_until", 1e-9)


def test_failing_cache_is_skipped_until_the_backoff_ends(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    for _ in range(5):
        assert api.results("FindContact", {"phone": "+442079460100"}) == []
    assert len(calls) == 1
    end_backoff(monkeypatch)
    for _ in range(5):
        api.ok("FindContact", {"phone": "+442079460100"})
    assert len(calls) == 2


def test_recovered_cache_is_used_again(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    api.ok("Users")
    monkeypatch.setattr("tests.internal.test_cache.down", False)
    end_backoff(monkeypatch)
    api.ok("Users")
    calls.clear()
    api.ok("Users")
    assert len(calls) > 1


@pytest.mark.parametrize(
    "path", ["activity/live/", "activity/live/calls/", "apikey/connect/", "activity/"]
)
def test_page_works_without_cache(db: None, path: str) -> None:
    client = Client()
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    assert client.get(f"/admin/ringotel_crm/{path}").status_code == 200


@pytest.mark.parametrize(("password", "status"), [("right", 200), ("wrong", 403)])
def test_password_works_without_cache(db: None, password: str, status: int) -> None:
    grant_api_permission(User.objects.create_user("agnes", password="right"))
    encoded = base64.b64encode(f"agnes:{password}".encode()).decode()
    for _ in range(3):
        response = Client().get("/ringotel/users/", headers={"Authorization": f"Basic {encoded}"})
        assert response.status_code == status
    assert len(calls) == 1
