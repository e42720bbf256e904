"""Entries of the cache that another version of the code has written are misses."""

from __future__ import annotations

import base64
import pickle
import sys
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client
from pytest_django import Settings

from ringotel_crm.auth.service_users import grant_api_permission
from tests.factories import make_user

PATH = "/ringotel/users/"


class Removed:
    """A class of another version."""


def unreadable(monkeypatch: pytest.MonkeyPatch) -> bytes:
    entry = pickle.dumps(Removed())
    monkeypatch.delattr(sys.modules[__name__], "Removed")
    return entry


def login(password: str) -> Any:
    encoded = base64.b64encode(f"agnes:{password}".encode()).decode()
    return Client().get(PATH, headers={"Authorization": f"Basic {encoded}"})


@pytest.mark.parametrize("value", [None, "text", {"at": 1}, ("agnes", None), [1, 2, 3]])
def test_entries_of_another_version_are_misses(
    db: None, settings: Settings, monkeypatch: pytest.MonkeyPatch, value: Any
) -> None:
    settings.RINGOTEL_CRM = {"AUTH_FAILURES_PER_MINUTE_BY_IP": 5}
    grant_api_permission(User.objects.create_user("agnes", password="right"))
    assert login("right").status_code == 200
    stored = unreadable(monkeypatch) if value is None else pickle.dumps(value)
    entries: dict[str, bytes] = cache._cache  # type: ignore[attr-defined]
    for key, entry in list(entries.items()):
        if not isinstance(pickle.loads(entry), int):
            entries[key] = stored

    assert login("right").status_code == 200
    statuses = [login("wrong").status_code for _ in range(7)]
    assert statuses == [403] * 5 + [429] * 2

    client = Client()
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))
    assert client.get("/admin/ringotel_crm/apikey/connect/").status_code == 200
