from __future__ import annotations

import base64

import pytest
from django.contrib.auth.models import User
from django.test import Client

from tests.auth.conftest import Get, assert_rejected

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.urls")]


def encoded(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        " ",
        "Bearer",
        "Bearer ",
        "Bearer a b",
        "Bearer rtk_",
        "Bearer rtk_\x00",
        "Bearer \x7f",
        "Bearer schlüssel",
        "Bearer ключ",
        "Bearer \udcff",
        f"Bearer {'a' * 100_000}",
        f"Bearer rtk_{'a' * 100_000}",
        "Bearer eyJhbGciOiJub25lIn0.e30.",
        "rtk_without_a_scheme",
        "Basic",
        "Basic ",
        "Basic =",
        "Basic a",
        "Basic agnes:password",
        "Basic YWduZXM",
        "Basic ключ",
        f"Basic {encoded(b'agnes')}",
        f"Basic {encoded(b'')}",
        f"Basic {encoded(b':')}",
        f"Basic {encoded(b'agnes:')}",
        f"Basic {encoded(b'ag' + bytes(1) + b'nes:password')}",
        f"Basic {encoded(b'agnes:pass' + bytes(1) + b'word')}",
        f"Basic {encoded(bytes([0xFF, 0xFE, 0x3A, 0x80]))}",
        f"Basic {encoded(b'a' * 100_000 + b':' + b'b' * 100_000)}",
        f"Basic {encoded(b'agnes:password')} {encoded(b'agnes:password')}",
        'Digest username="agnes"',
        "Token rtk_a",
        "Negotiate",
    ],
)
def test_malformed_credential_is_rejected(get: Get, agent: User, authorization: str | None) -> None:
    assert_rejected(get(authorization))


def test_token_in_url_or_body_is_rejected(client: Client) -> None:
    assert_rejected(client.get("/me/?access_token=secret"))
    assert_rejected(client.post("/me/", {"access_token": "secret"}))
