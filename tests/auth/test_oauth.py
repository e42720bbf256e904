from __future__ import annotations

import base64
import datetime as dt
import hashlib
from collections.abc import Iterator
from html.parser import HTMLParser
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from django.contrib.auth.models import User
from django.test import Client, override_settings
from django.urls import reverse
from django.utils import timezone
from oauth2_provider.models import get_access_token_model, get_application_model
from oauth2_provider.settings import oauth2_settings
from pytest_django import DjangoAssertNumQueries, Settings

from ringotel_crm.auth import oauth
from ringotel_crm.auth.service_users import grant_api_permission
from ringotel_crm.exceptions import InvalidInput
from ringotel_crm.models import ApiKey
from tests.auth.conftest import PASSWORD, Get, assert_rejected, basic

pytestmark = [pytest.mark.django_db, pytest.mark.urls("tests.auth.oauth_urls"), pytest.mark.slow]

AccessToken = get_access_token_model()
Application = get_application_model()
REDIRECT_URI = "https://phone.example/oauth/back"
VERIFIER = "a-verifier-of-at-least-forty-three-characters-made-up"
CHALLENGE = (
    base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
)


class Form(HTMLParser):
    """The fields of the form on a page, as a browser sends them after a click on ``press``."""

    def __init__(self, response: Any, press: str = "") -> None:
        super().__init__()
        self.press = press
        self.data: dict[str, str] = {}
        self.feed(response.content.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        field = dict(attrs)
        name = field.get("name")
        if tag == "input" and name and (field.get("type") != "submit" or name == self.press):
            self.data[name] = field.get("value") or ""


@pytest.fixture
def agent(agent: User) -> User:
    agent.is_staff = True  # required by the login page of the admin
    agent.save()
    return agent


@pytest.fixture
def browser(agent: User) -> Client:
    return Client(enforce_csrf_checks=True)


@pytest.fixture
def application() -> tuple[str, str]:
    return oauth.make_application(name="Phones", redirect_uri=REDIRECT_URI)


def authorize_url(client_id: str, **extra: str) -> str:
    query = {
        "response_type": "code",
        "client_id": client_id,
        "redirect_uri": REDIRECT_URI,
        "scope": "ringotel",
    }
    return f"{reverse('ringotel_crm:authorize')}?{urlencode({**query, 'state': 'st&te', **extra})}"


def decide(browser: Client, url: str, press: str = "allow") -> dict[str, list[str]]:
    """Log in and press a button; return the parameters of the redirect to Ringotel."""
    response: Any = browser.get(url)
    assert response.status_code == 302
    login_url = response["Location"]
    assert urlsplit(login_url).path == reverse("admin:login")
    form = Form(browser.get(login_url)).data
    response = browser.post(login_url, {**form, "username": "agnes", "password": PASSWORD})
    assert response.status_code == 302
    page = browser.get(response["Location"])
    assert page.status_code == 200
    assert "Work with contacts and calls as Ringotel" in page.content.decode()
    response = browser.post(response["Location"], Form(page, press=press).data)
    assert response["Location"].startswith(REDIRECT_URI)
    return parse_qs(urlsplit(response["Location"]).query)


def exchange(client: Client, application: tuple[str, str], **data: str) -> Any:
    """Request a token, with the client id and secret in the body (RFC 6749, 2.3.1)."""
    client_id, client_secret = application
    return client.post(
        reverse("ringotel_crm:token"),
        {"client_id": client_id, "client_secret": client_secret, **data},
    )


def get_tokens(client: Client, browser: Client, application: tuple[str, str]) -> dict[str, Any]:
    code = decide(browser, authorize_url(application[0]))["code"][0]
    response = exchange(
        client, application, grant_type="authorization_code", code=code, redirect_uri=REDIRECT_URI
    )
    assert response.status_code == 200
    tokens: dict[str, Any] = response.json()
    return tokens


def make_token(user: User | None, **changes: Any) -> str:
    fields = {
        "scope": "ringotel",
        "expires": timezone.now() + dt.timedelta(hours=1),
        "token": "a-token",
        **changes,
    }
    token: str = AccessToken.objects.create(
        user=user, application=Application.objects.first(), **fields
    ).token
    return token


@pytest.mark.parametrize(
    ("challenge", "proof"),
    [
        ({}, {}),
        (
            {"code_challenge": CHALLENGE, "code_challenge_method": "S256"},
            {"code_verifier": VERIFIER},
        ),
    ],
    ids=["without PKCE", "with PKCE"],
)
def test_authorization_code_flow_from_login_to_refresh(
    client: Client,
    get: Get,
    browser: Client,
    application: tuple[str, str],
    challenge: dict[str, str],
    proof: dict[str, str],
) -> None:
    redirect = decide(browser, authorize_url(application[0], **challenge))
    assert redirect["state"] == ["st&te"]
    code = {
        "grant_type": "authorization_code",
        "code": redirect["code"][0],
        "redirect_uri": REDIRECT_URI,
    }

    tokens = exchange(client, application, **code, **proof).json()
    assert tokens["token_type"] == "Bearer"
    assert tokens["scope"] == "ringotel"
    assert get(f"Bearer {tokens['access_token']}").json() == {"user": "agnes", "tenant": ""}
    assert (
        get(f"bearer {tokens['access_token']}", "/me/?phone= 353 21 202&x=%zz").status_code == 200
    )

    refreshed = exchange(
        client, application, grant_type="refresh_token", refresh_token=tokens["refresh_token"]
    ).json()
    assert get(f"Bearer {refreshed['access_token']}").status_code == 200
    assert_rejected(get(f"Bearer {tokens['access_token']}"))

    assert exchange(client, application, **code, **proof).status_code == 400


def test_wrong_code_verifier_is_rejected(
    client: Client, browser: Client, application: tuple[str, str]
) -> None:
    url = authorize_url(application[0], code_challenge=CHALLENGE, code_challenge_method="S256")
    code = {
        "grant_type": "authorization_code",
        "code": decide(browser, url)["code"][0],
        "redirect_uri": REDIRECT_URI,
    }

    assert exchange(client, application, **code, code_verifier=VERIFIER[::-1]).status_code == 400
    assert exchange(client, application, **code).status_code == 400


def test_denied_access_returns_no_code(browser: Client, application: tuple[str, str]) -> None:
    redirect = decide(browser, authorize_url(application[0]), press="")

    assert redirect["error"] == ["access_denied"]
    assert "code" not in redirect


def test_other_redirect_uri_is_rejected(
    client: Client, agent: User, application: tuple[str, str]
) -> None:
    client.force_login(agent)

    assert (
        client.get(authorize_url(application[0], redirect_uri="https://other.example/")).status_code
        == 400
    )


def test_repeated_refresh_returns_the_same_access_token(
    client: Client, browser: Client, application: tuple[str, str]
) -> None:
    tokens = get_tokens(client, browser, application)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    first, second = (
        exchange(client, application, **refresh),
        exchange(client, application, **refresh),
    )

    assert first.status_code == second.status_code == 200
    assert first.json()["access_token"] == second.json()["access_token"]


def test_new_secret_keeps_access_tokens_and_is_required_to_refresh(
    client: Client, get: Get, browser: Client, application: tuple[str, str]
) -> None:
    tokens = get_tokens(client, browser, application)
    refresh = {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"]}
    rotated = oauth.make_application(name="Phones", redirect_uri=REDIRECT_URI)

    assert rotated[0] == application[0]
    assert Application.objects.count() == 1
    assert get(f"Bearer {tokens['access_token']}").status_code == 200
    assert exchange(client, application, **refresh).status_code == 401
    assert exchange(client, rotated, **refresh).status_code == 200


def test_secret_is_stored_hashed(application: tuple[str, str]) -> None:
    assert application[1] not in Application.objects.get().client_secret


def test_other_application_of_the_same_name_is_not_changed(
    application: tuple[str, str],
) -> None:
    Application.objects.update(client_id="the-sites-own")

    assert oauth.make_application(name="Phones", redirect_uri=REDIRECT_URI)[0] != "the-sites-own"
    assert Application.objects.filter(client_id="the-sites-own").exists()


def test_application_is_replaced_only_by_exactly_its_name(application: tuple[str, str]) -> None:
    assert oauth.make_application(name="phones", redirect_uri=REDIRECT_URI)[0] != application[0]


@pytest.mark.parametrize(
    "redirect_uri", ["", "not a uri", "ftp://phone.example/", "https://phone.example/#part"]
)
def test_invalid_redirect_uri_raises(redirect_uri: str) -> None:
    with pytest.raises(InvalidInput, match=r"redirect.uri"):
        oauth.make_application(name="Phones", redirect_uri=redirect_uri)

    assert not Application.objects.exists()


@pytest.mark.parametrize(
    "changes",
    [
        {"expires": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)},
        {"scope": "read write"},
        {"scope": ""},
        {"scope": "ringotelephone"},
        {"user": None},
    ],
    ids=repr,
)
def test_expired_or_unsuitable_token_is_rejected(
    get: Get, agent: User, changes: dict[str, Any]
) -> None:
    assert_rejected(get(f"Bearer {make_token(**{'user': agent, **changes})}"))


def test_unknown_token_is_rejected(get: Get) -> None:
    assert_rejected(get("Bearer unknown"))


def test_token_of_an_inactive_user_is_rejected(get: Get, agent: User) -> None:
    token = make_token(agent)
    User.objects.update(is_active=False)

    assert_rejected(get(f"Bearer {token}"))


def test_token_of_a_user_without_permission_is_rejected(get: Get, agent: User) -> None:
    agent.user_permissions.clear()

    assert_rejected(get(f"Bearer {make_token(agent)}"))


def test_token_runs_one_query(
    get: Get, agent: User, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    token = make_token(agent)

    with django_assert_num_queries(1):
        assert get(f"Bearer {token}").status_code == 200


@pytest.mark.parametrize(
    "content_type", ["audio/mpeg", "application/json", "multipart/form-data; boundary=x"]
)
def test_authentication_does_not_read_the_body(
    client: Client, agent: User, content_type: str
) -> None:
    headers = {"Authorization": f"Bearer {make_token(agent)}"}
    response = client.generic(
        "POST", "/me/", b"not of this content type", content_type=content_type, headers=headers
    )

    assert response.status_code == 200
    assert response.json() == {"bytes": 24}


def test_all_authentication_methods_work_side_by_side(get: Get, agent: User) -> None:
    _key, token = ApiKey.objects.issue(name="desk", user=agent, tenant="north")
    responses = [
        get(authorization).json()
        for authorization in (
            f"Bearer {token}",
            basic("agnes", PASSWORD),
            f"Bearer {make_token(agent)}",
        )
    ]

    assert responses == [{"user": "agnes", "tenant": tenant} for tenant in ("north", "", "")]


@pytest.fixture
def other_clients() -> list[str]:
    """Clients of the site, one with a client id like that of Ringotel."""
    kinds = [
        ("confidential", Application.CLIENT_CONFIDENTIAL),
        ("public", Application.CLIENT_PUBLIC),
        ("ringotel-look-alike", Application.CLIENT_PUBLIC),
    ]
    for client_id, client_type in kinds:
        Application.objects.create(
            client_id=client_id,
            client_type=client_type,
            authorization_grant_type=Application.GRANT_AUTHORIZATION_CODE,
            redirect_uris=REDIRECT_URI,
        )
    return [client_id for client_id, _ in kinds]


def test_other_clients_must_use_pkce(client: Client, agent: User, other_clients: list[str]) -> None:
    client.force_login(agent)
    for client_id in other_clients:
        redirect = client.get(authorize_url(client_id))
        assert redirect.status_code == 302
        assert parse_qs(urlsplit(redirect["Location"]).query)["error"] == ["invalid_request"]


def test_default_settings_are_applied() -> None:
    assert set(oauth2_settings.SCOPES) == {"read", "write", "ringotel"}
    assert oauth2_settings.REFRESH_TOKEN_GRACE_PERIOD_SECONDS == 30


def test_settings_of_the_site_override_the_defaults(settings: Settings) -> None:
    settings.OAUTH2_PROVIDER = {
        "SCOPES": {"openid": "Identity", "ringotel": "Phones"},
        "PKCE_REQUIRED": False,
    }

    assert oauth2_settings.SCOPES == {"openid": "Identity", "ringotel": "Phones"}
    assert oauth2_settings.PKCE_REQUIRED is False
    assert oauth2_settings.REFRESH_TOKEN_GRACE_PERIOD_SECONDS == 30


def test_defaults_remain_after_a_change_of_settings() -> None:
    with override_settings(OAUTH2_PROVIDER={"SCOPES": {"ringotel": "Phones"}}):
        pass

    assert set(oauth2_settings.SCOPES) == {"read", "write", "ringotel"}


@pytest.fixture
def original_defaults() -> Iterator[None]:
    before = dict(oauth2_settings.defaults)
    yield
    oauth2_settings.defaults.update(before)
    oauth2_settings.reload()


def test_defaults_apply_to_settings_read_before(original_defaults: None) -> None:
    oauth2_settings.defaults["REFRESH_TOKEN_GRACE_PERIOD_SECONDS"] = 0
    oauth2_settings.reload()
    assert oauth2_settings.REFRESH_TOKEN_GRACE_PERIOD_SECONDS == 0
    oauth.apply_default_settings()

    assert oauth2_settings.REFRESH_TOKEN_GRACE_PERIOD_SECONDS == 30


@pytest.mark.skipif(
    "COMPLIANT_BCP_RFC9700_TOKEN_STORAGE" not in oauth2_settings.defaults,
    reason="this toolkit cannot store tokens hashed",
)
def test_hashed_tokens_have_no_grace_period(settings: Settings, original_defaults: None) -> None:
    oauth2_settings.defaults["REFRESH_TOKEN_GRACE_PERIOD_SECONDS"] = 0
    settings.OAUTH2_PROVIDER = {"COMPLIANT_BCP_RFC9700_TOKEN_STORAGE": True}
    oauth.apply_default_settings()

    assert oauth2_settings.REFRESH_TOKEN_GRACE_PERIOD_SECONDS == 0


def test_user_without_the_permission_cannot_approve(
    client: Client, application: tuple[str, str]
) -> None:
    client.force_login(User.objects.create_user("bruno"))
    response = client.get(authorize_url(application[0]))

    assert response.status_code == 403
    assert "bruno does not have the permission ringotel_crm.use_api" in response.content.decode()


def test_token_acts_as_the_user_who_approved(get: Get, agent: User) -> None:
    bruno = User.objects.create_user("bruno")
    grant_api_permission(bruno)

    assert get(f"Bearer {make_token(bruno)}").json()["user"] == "bruno"
