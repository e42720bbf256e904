from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any, TypeAlias

import pytest
from django.contrib.auth.models import User
from django.test import Client

from ringotel_crm.auth.service_users import grant_api_permission

Get: TypeAlias = Callable[..., Any]

PASSWORD = "correct horse"


def basic(username: str, password: str, encoding: str = "utf-8") -> str:
    return f"Basic {base64.b64encode(f'{username}:{password}'.encode(encoding)).decode()}"


@pytest.fixture
def get(client: Client) -> Get:
    """Request a page with an ``Authorization`` header."""

    def call(authorization: str | None = None, path: str = "/me/") -> Any:
        headers = {} if authorization is None else {"Authorization": authorization}
        return client.get(path, headers=headers)

    return call


@pytest.fixture
def agent(db: None) -> User:
    """A user with the permission to use the API."""
    user = User.objects.create_user("agnes", "agnes@example.com", PASSWORD)
    grant_api_permission(user)
    return user


def assert_rejected(response: Any) -> None:
    assert response.status_code == 403
    assert (
        response["WWW-Authenticate"]
        == 'Bearer realm="Ringotel", Basic realm="Ringotel", charset="UTF-8"'
    )
    assert response.json()["error"]["code"] == "forbidden"
