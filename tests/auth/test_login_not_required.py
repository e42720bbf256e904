"""Endpoints with their own credentials work on sites with ``LoginRequiredMiddleware``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from pytest_django import Settings

from tests.api import HOOKS

MIDDLEWARE = "django.contrib.auth.middleware.LoginRequiredMiddleware"

# Methods of each endpoint that authenticates requests itself.
ENDPOINTS = [
    *HOOKS.values(),
    ("POST", "/ringotel/webhook/support/"),
    ("POST", "/ringotel/oauth/token/"),
]

# Names of the URLs of pages for users who are logged in.
LOGIN_REQUIRED = {
    "authorize",
    "call",
    "message-file",
    "pop",
    "recording",
    "player",
    "waveform",
}


def patterns(resolver: URLResolver) -> Iterator[URLPattern]:
    for pattern in resolver.url_patterns:
        if isinstance(pattern, URLResolver):
            yield from patterns(pattern)
        else:
            yield pattern


def app_patterns() -> list[URLPattern]:
    """Return all URL patterns of the app."""
    (resolver,) = (
        pattern
        for pattern in get_resolver().url_patterns
        if isinstance(pattern, URLResolver) and pattern.app_name == "ringotel_crm"
    )
    return list(patterns(resolver))


def test_only_pages_for_users_require_a_login() -> None:
    required = {
        pattern.name
        for pattern in app_patterns()
        if getattr(pattern.callback, "login_required", True)
    }

    assert required == LOGIN_REQUIRED
    assert len(app_patterns()) > len(LOGIN_REQUIRED)


@pytest.mark.django_db
@pytest.mark.parametrize(("method", "path"), ENDPOINTS)
def test_endpoint_is_not_redirected_to_the_login(
    client: Client, settings: Settings, method: str, path: str
) -> None:
    settings.MIDDLEWARE = [*settings.MIDDLEWARE, MIDDLEWARE]
    response: Any = client.generic(method, path, b"{}", "application/json")

    assert response.status_code in (400, 401, 403)
