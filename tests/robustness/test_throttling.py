"""Wrong credentials are rate-limited before they are hashed; valid ones are never locked out."""

from __future__ import annotations

import base64
import concurrent.futures
import json
from typing import Any
from unittest.mock import patch

import pytest
from django.contrib.auth.hashers import MD5PasswordHasher, check_password
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client, RequestFactory
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings
from rest_framework.exceptions import Throttled

from ringotel_crm.auth import throttling
from ringotel_crm.auth.oauth import make_application
from ringotel_crm.auth.service_users import grant_api_permission, service_user
from ringotel_crm.auth.throttling import LoginAttempt, client_ip
from ringotel_crm.checks.deployment import check_proxies
from ringotel_crm.internal import cache as safe_cache
from ringotel_crm.models import ApiKey, WebhookToken
from tests.api import error, make_token, read

URL = "/ringotel/contacts/find/"
TOKEN_URL = "/ringotel/oauth/token/"
PER_ADDRESS, PER_USERNAME = 6, 3
RIGHT = ("agnes", "correct horse")
HOME, ELSEWHERE = "192.0.2.1", "198.51.100.7"


@pytest.fixture(autouse=True)
def _limits(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.RINGOTEL_CRM = {
        "AUTH_FAILURES_PER_MINUTE_BY_IP": PER_ADDRESS,
        "AUTH_FAILURES_PER_MINUTE_BY_USERNAME": PER_USERNAME,
    }
    minute_at(monkeypatch, 0)


@pytest.fixture(autouse=True)
def agnes(db: None) -> User:
    user = User.objects.create_user(RIGHT[0], password=RIGHT[1])
    grant_api_permission(user)
    return user


def minute_at(monkeypatch: pytest.MonkeyPatch, minute: int) -> None:
    monkeypatch.setattr("time.time", lambda: 1_800_000_000.0 + minute * 60 + 13)


def ask(username: str, password: str, address: str = HOME, **headers: str) -> Any:
    encoded = base64.b64encode(f"{username}:{password}".encode()).decode()
    headers = {"Authorization": f"Basic {encoded}", **headers}
    return Client().get(URL, REMOTE_ADDR=address, headers=headers)


def bearer(token: str, address: str = HOME) -> int:
    headers = {"Authorization": f"Bearer {token}"}
    status: int = Client().get(URL, REMOTE_ADDR=address, headers=headers).status_code
    return status


def test_wrong_passwords_of_one_user_are_throttled_before_hashing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    hashes: list[str] = []
    encode = MD5PasswordHasher.encode

    def counted(self: MD5PasswordHasher, password: str, salt: str) -> str:
        hashes.append(salt)
        return encode(self, password, salt)

    monkeypatch.setattr(MD5PasswordHasher, "encode", counted)
    answers = [ask("agnes", f"guess {n}") for n in range(PER_USERNAME + 2)]

    assert [answer.status_code for answer in answers] == [403] * PER_USERNAME + [429] * 2
    assert len(hashes) == PER_USERNAME
    assert error(answers[-1], 429)["code"] == "throttled"
    assert 0 < int(answers[-1]["Retry-After"]) <= 61
    # Even the correct password is rejected while the user is throttled.
    assert ask(*RIGHT).status_code == 429


def test_wrong_passwords_of_many_users_are_throttled_by_address() -> None:
    statuses = [ask(f"user {n}", "guess").status_code for n in range(PER_ADDRESS + 2)]
    assert statuses == [403] * PER_ADDRESS + [429] * 2


def test_limits_are_reset_after_a_minute(monkeypatch: pytest.MonkeyPatch) -> None:
    for n in range(PER_USERNAME + 1):
        ask("agnes", f"guess {n}")
    minute_at(monkeypatch, 1)
    assert ask(*RIGHT).status_code == 200


@pytest.mark.parametrize("address", [HOME, ELSEWHERE])
def test_known_client_is_not_throttled(address: str, settings: Settings) -> None:
    """With or without the cached credential, and even from the address of the attacker."""
    assert ask(*RIGHT, address=address).status_code == 200
    for n in range(PER_ADDRESS + 1):
        ask("agnes", f"guess {n}")
    assert ask(*RIGHT, address=address).status_code == 200
    cache.delete(_credential_cache_key())
    assert ask(*RIGHT, address=address).status_code == 200


def test_new_client_from_another_address_is_not_throttled() -> None:
    for n in range(PER_ADDRESS + 1):
        ask("agnes", f"guess {n}")
    assert ask(*RIGHT, address=ELSEWHERE).status_code == 200


def test_old_password_counts_as_a_failure(agnes: User) -> None:
    assert ask(*RIGHT).status_code == 200
    agnes.set_password("another")
    agnes.save()
    statuses = [ask(*RIGHT).status_code for _ in range(PER_USERNAME + 3)]
    assert statuses == [403] * (PER_USERNAME + 1) + [429] * 2
    assert ask("agnes", "another").status_code == 429


def test_right_password_does_not_count_as_a_failure(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "CREDENTIAL_CACHE_SECONDS": 0}
    assert {ask(*RIGHT).status_code for _ in range(2 * PER_ADDRESS)} == {200}
    assert ask("agnes", "guess").status_code == 403


def test_right_password_without_permission_counts_as_a_failure(agnes: User) -> None:
    agnes.user_permissions.clear()
    assert [ask(*RIGHT).status_code for _ in range(PER_USERNAME + 1)] == [403] * PER_USERNAME + [
        429
    ]


def test_wrong_api_keys_are_throttled() -> None:
    token = make_token()
    assert [bearer(f"{ApiKey.MARK}{n}") for n in range(PER_ADDRESS + 1)] == [403] * PER_ADDRESS + [
        429
    ]
    assert bearer(token) == 200
    assert bearer(f"{ApiKey.MARK}0", ELSEWHERE) == 403
    ApiKey.objects.update(revoked_at=timezone.now())
    assert bearer(token) == 429


def test_wrong_oauth2_tokens_are_throttled() -> None:
    assert [bearer(f"guess{n}") for n in range(PER_ADDRESS + 1)] == [403] * PER_ADDRESS + [429]


def test_wrong_webhook_tokens_are_throttled() -> None:
    _row, token = WebhookToken.objects.issue(name="main", user=service_user("main"))

    def send(token: str) -> Any:
        body = json.dumps({"method": "typing", "api_token": token})
        return Client().post(
            "/ringotel/webhook/main/", body, content_type="application/json", REMOTE_ADDR=HOME
        )

    answers = [send(f"guess {n}") for n in range(PER_ADDRESS + 1)]
    assert [answer.status_code for answer in answers] == [403] * PER_ADDRESS + [429]
    assert read(answers[-1])["error"]["code"] == "throttled"
    assert int(answers[-1]["Retry-After"])
    assert send(token).status_code == 200


def test_zero_disables_the_limits(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {
        "AUTH_FAILURES_PER_MINUTE_BY_IP": 0,
        "AUTH_FAILURES_PER_MINUTE_BY_USERNAME": 0,
    }
    assert {ask("agnes", "guess").status_code for _ in range(100)} == {403}


def test_valid_key_does_not_use_the_cache(
    monkeypatch: pytest.MonkeyPatch, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = make_token()
    bearer(token)
    monkeypatch.setattr(throttling, "cache", None)
    assert bearer(token) == 200


def test_concurrent_attempts_do_not_exceed_the_limit(rf: RequestFactory) -> None:
    request = rf.get("/", REMOTE_ADDR=HOME)

    def attempt(_n: int) -> bool:
        try:
            LoginAttempt(request, "agnes").check_and_count()
        except Throttled:
            return False
        return True

    with concurrent.futures.ThreadPoolExecutor(32) as pool:
        assert sum(pool.map(attempt, range(32))) == PER_USERNAME


def test_throttled_address_adds_no_cache_entries(
    rf: RequestFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: set[str] = set()
    count = safe_cache.increment

    def counted(name: str, seconds: int) -> int:
        if "throttling" in name:
            names.add(name)
        return count(name, seconds)

    monkeypatch.setattr(safe_cache, "increment", counted)
    for n in range(100):
        ask(f"user {n}", "guess")
    assert len(names) == PER_ADDRESS + 1


@pytest.mark.parametrize(
    ("proxies", "forwarded", "found"),
    [
        (0, "203.0.113.9", HOME),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "10.0.0.1, 203.0.113.9", "203.0.113.9"),
        (2, "10.0.0.1, 203.0.113.9, 192.0.2.200", "203.0.113.9"),
        (2, "203.0.113.9", "203.0.113.9"),
        (1, "", HOME),
        (1, "2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        (1, "::ffff:203.0.113.9", "203.0.113.9"),
        (1, "unknown", "unknown"),
        (1, "\ud800" * 3, "\ud800" * 3),
    ],
)
def test_client_ip_is_read_from_the_trusted_proxies(
    rf: RequestFactory, settings: Settings, proxies: int, forwarded: str, found: str
) -> None:
    settings.RINGOTEL_CRM = {"NUM_PROXIES": proxies}
    request = rf.get("/", REMOTE_ADDR=HOME, HTTP_X_FORWARDED_FOR=forwarded)
    assert client_ip(request) == found
    LoginAttempt(request, "agnes\0").check_and_count()


def test_forwarded_header_is_ignored_without_proxies() -> None:
    forged = [
        ask(f"user {n}", "guess", **{"X-Forwarded-For": f"203.0.113.{n}"})
        for n in range(PER_ADDRESS + 1)
    ]
    assert forged[-1].status_code == 429


@pytest.mark.parametrize(
    ("trusts", "proxies", "warned"),
    [(False, 0, False), (True, 0, True), (True, 1, False), (False, 1, False)],
)
def test_check_warns_about_missing_proxies(
    settings: Settings, trusts: bool, proxies: int, warned: bool
) -> None:
    settings.USE_X_FORWARDED_HOST = trusts
    settings.RINGOTEL_CRM = {"NUM_PROXIES": proxies}
    assert bool(check_proxies()) is warned


def test_requests_per_minute_are_limited_per_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = (
        ApiKey.objects.issue(name=name, user=service_user(name))[1] for name in ("first", "second")
    )
    assert {bearer(first) for _ in range(20)} == {200}
    settings.RINGOTEL_CRM = {"REQUESTS_PER_MINUTE": 3}
    assert bearer("wrong") == 403
    assert [bearer(first) for _ in range(5)] == [200] * 3 + [429] * 2
    assert bearer(second) == 200
    assert [ask(*RIGHT).status_code for _ in range(4)] == [200] * 3 + [429]
    minute_at(monkeypatch, 1)
    assert bearer(first) == 200


def _credential_cache_key() -> str:
    from ringotel_crm.auth.basic import _cache_key

    return _cache_key(*RIGHT)


def ask_for_token(client_id: str, secret: str, address: str = HOME) -> Any:
    """Request a token, with the secret in the header, which is checked first."""
    encoded = base64.b64encode(f"{client_id}:{secret}".encode()).decode()
    data = {"grant_type": "refresh_token", "refresh_token": "wrong"}
    return Client().post(
        TOKEN_URL, data, REMOTE_ADDR=address, headers={"Authorization": f"Basic {encoded}"}
    )


def test_wrong_client_secrets_are_throttled_before_hashing(monkeypatch: pytest.MonkeyPatch) -> None:
    client_id, secret = make_application(name="Phones", redirect_uri="https://phone.example/back")
    other, _secret = make_application(name="Others", redirect_uri="https://phone.example/back")
    with patch("oauth2_provider.oauth2_validators.check_password", wraps=check_password) as hashed:
        guesses = [
            ask_for_token(client_id, f"guess {number}") for number in range(PER_USERNAME + 5)
        ]
    assert [response.status_code for response in guesses] == [401] * PER_USERNAME + [429] * 5
    assert hashed.call_count == PER_USERNAME
    assert (guesses[-1].headers["Retry-After"], guesses[-1].json()["error"]) == (
        "47",
        "temporarily_unavailable",
    )
    assert ask_for_token(client_id, secret).status_code == 429
    # The secret is right, the refresh token is not.
    assert ask_for_token(client_id, secret, ELSEWHERE).status_code == 400
    assert ask_for_token(other, "guess").status_code == 401
    assert bearer(make_token()) == 200
    minute_at(monkeypatch, 1)
    assert ask_for_token(client_id, secret).status_code == 400


@pytest.mark.parametrize("field", ["client_id", "client_secret", "code", "grant_type"])
def test_token_request_with_a_nul_is_rejected(field: str) -> None:
    client_id, secret = make_application(name="Phones", redirect_uri="https://phone.example/back")
    data = {
        "client_id": client_id,
        "client_secret": secret,
        "grant_type": "authorization_code",
        "code": "x",
    }
    response = Client().post(TOKEN_URL, data | {field: "a\0b"})
    assert (response.status_code, response.json()["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("charset", ["rot13", "zlib", "utf-16", "foobar"])
def test_token_request_with_another_charset_is_rejected(charset: str) -> None:
    content_type = f"application/x-www-form-urlencoded; charset={charset}"
    response = Client().generic(
        "POST", TOKEN_URL, b"grant_type=refresh_token&client_id=x", content_type
    )
    assert response.status_code in (400, 401)


@pytest.mark.parametrize("header", ["Basic é", "Basic ADoA", "Basic @@@", "Basic", "Bearer x"])
def test_token_request_with_a_malformed_header_is_rejected(header: str) -> None:
    data = {"grant_type": "authorization_code", "code": "x"}
    assert Client().post(TOKEN_URL, data, HTTP_AUTHORIZATION=header).status_code in (400, 401)


@pytest.mark.parametrize(
    "kind", ["password", "client_credentials", "urn:ietf:params:oauth:grant-type:device_code"]
)
def test_other_grant_types_are_rejected(kind: str) -> None:
    response = Client().post(TOKEN_URL, {"grant_type": kind})
    assert (response.status_code, response.json()["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "parameters",
    [
        {"client_id": "\0"},
        {"client_id": "none"},
        {"code_challenge": "\0"},
        {"code_challenge": "x" * 1000},
        {"resource": "nonsense"},
        {"state": "\0"},
        {"redirect_uri": "\0"},
        {"scope": "\0"},
    ],
    ids=repr,
)
def test_invalid_authorization_request_is_handled(agnes: User, parameters: dict[str, str]) -> None:
    client_id, _secret = make_application(name="Phones", redirect_uri="https://phone.example/back")
    facts = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": "https://phone.example/back",
    }
    facts |= {
        "scope": "ringotel",
        "code_challenge_method": "S256",
        "allow": "Authorize",
        **parameters,
    }
    client = Client()
    client.force_login(agnes)
    for ask in (client.get, client.post):
        assert ask("/ringotel/oauth/authorize/", facts).status_code in (200, 302, 400)
