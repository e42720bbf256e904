from __future__ import annotations

import json
import re
from html import unescape
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.test import Client
from oauth2_provider.models import AccessToken, Grant, RefreshToken
from pytest_django import DjangoAssertNumQueries, Settings

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.exceptions import InvalidInput
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, ApiKey, WebhookToken
from ringotel_crm.onboarding import credentials, self_test
from tests.api import Api
from tests.factories import make_contact, make_user

URL = "/admin/ringotel_crm/apikey/connect/"
FORM = {"auth": "bearer", "name": "desk", "base_url": "https://crm.example.com"}


def values(html: str) -> dict[str, str]:
    """Return the values offered for copying, by label."""
    return dict(re.findall(r'<tr>\s*<th scope="row">([^<]*)</th>\s*<td><code[^>]*>([^<]*)<', html))


@pytest.mark.parametrize(
    ("auth", "labels"),
    [
        ("bearer", ["API key"]),
        ("basic", ["Username", "Password"]),
        ("oauth2", ["Client ID", "Client Secret"]),
    ],
)
def test_connect_shows_values_and_document(boss: Client, auth: str, labels: list[str]) -> None:
    response = boss.post(
        URL, {**FORM, "auth": auth, "redirect_uri": "https://shell.example.com/callback"}
    )
    html = response.content.decode()

    assert list(values(html)) == labels
    assert "no-store" in response["Cache-Control"]
    document = json.loads(
        unescape(re.search(r'<pre id="ringotel-json"[^>]*>(.*?)</pre>', html, re.DOTALL)[1])  # type: ignore[index]
    )
    assert document["properties"] == labels
    assert document["API"]["Users"]["request_url"] == "https://crm.example.com/ringotel/users/"
    link = unescape(re.search(r'href="([^"]*/connect/document/[^"]*)"', html)[1])  # type: ignore[index]
    download = boss.get(link)
    assert download.json() == document
    assert "attachment" in download["Content-Disposition"]


def test_key_works_and_is_shown_once(boss: Client, client: Client) -> None:
    token = values(boss.post(URL, FORM).content.decode())["API key"]

    assert (
        client.get("/ringotel/users/", headers={"Authorization": f"Bearer {token}"}).status_code
        == 200
    )
    assert token not in boss.get(URL).content.decode()
    assert token not in boss.get("/admin/ringotel_crm/apikey/").content.decode()
    assert (
        "New values" in LogEntry.objects.get(object_id=str(ApiKey.objects.get().pk)).change_message
    )


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base_url": "crm.example.com"}, "Enter a URL such as https://crm.example.com, not"),
        ({"auth": "oauth2"}, "Enter the redirect URI"),
        ({"auth": "oauth2", "redirect_uri": "nonsense"}, "nonsense"),
        ({"auth": "magic"}, "magic"),
        ({"name": "No Slug"}, "hyphens"),
    ],
)
def test_invalid_form_is_explained(boss: Client, wrong: dict[str, str], words: str) -> None:
    assert words in unescape(boss.post(URL, {**FORM, **wrong}).content.decode())
    assert not ApiKey.objects.exists()


def test_connect_requires_permission_to_add_keys(client: Client, db: None) -> None:
    client.force_login(make_user("una", is_staff=True))

    assert client.get(URL).status_code == 403
    assert client.post(URL, FORM).status_code == 403
    assert client.get(f"{URL}document/", FORM).status_code == 403


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("auth", ["bearer", "basic", "oauth2"])
def test_self_test_calls_each_hook_and_leaves_no_data(live_server: Any, auth: Any) -> None:
    make_user("una", extension="101")
    contact = make_contact("Ada Example", "+442079460100")
    made = credentials.create_connection(
        auth, base_url=live_server.url, name="desk", redirect_uri="https://shell.example.com/back"
    )

    results = self_test.run_self_test(made, user=make_user("boss", is_superuser=True))

    assert [result for result in results if not result.ok] == []
    assert {result.hook for result in results} == {"authentication", *made.document["API"]}
    assert not Activity.objects.exists()
    assert list(Contact.objects.all()) == [contact]
    for model in (AccessToken, RefreshToken, Grant):
        assert not model.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_self_test_with_wrong_credential_shows_hint(live_server: Any) -> None:
    client = Client()
    client.force_login(make_user("boss", is_staff=True, is_superuser=True))

    response = client.post(
        URL,
        {"self_test": "1", "auth": "bearer", "base_url": live_server.url, "API key": "rtk_wrong"},
    )

    html = response.content.decode()
    assert "Some checks failed" in html
    assert "expired or revoked" in html
    assert "rtk_wrong" not in html


@pytest.mark.parametrize("base_url", ["http://169.254.169.254", "http://evil.example"])
def test_self_test_refuses_foreign_hosts(db: None, base_url: str) -> None:
    with pytest.raises(InvalidInput, match="ALLOWED_HOSTS"):
        self_test.run_self_test(
            credentials.create_connection("bearer", base_url=base_url, name="desk")
        )


def test_latest_requests_are_masked_and_show_hints(boss: Client, api: Api, client: Client) -> None:
    api.ok("FindContact", {"phone": "+442079460100"})
    api.call("AssignActivity", {"contact_id": "1"})
    client.get("/ringotel/users/", headers={"Authorization": "Bearer rtk_secret"})

    html = boss.get(URL).content.decode()

    assert "FindContact" in html
    assert "+442•••00" in html
    assert "ringotel-tests" in html  # the user
    assert self_test.troubleshooting_hint(400) in unescape(html)
    assert "expired or revoked" in html
    for secret in ("442079460100", "rtk_secret"):
        assert secret not in html


def test_latest_requests_include_webhooks(boss: Client, client: Client) -> None:
    _webhook, token = WebhookToken.objects.issue(name="desk", user=service_user("desk"))
    for given in (token, "wrong"):
        body = {"method": "Sing", "api_token": given, "params": {"caller_number": "442079460100"}}
        client.post("/ringotel/webhook/desk/", body, content_type="application/json")

    [refused, taken] = boss.get(URL).context["requests"]
    html = boss.get(URL).content.decode()

    assert (taken[0].action, taken[0].status, taken[1]) == ("desk Sing", 200, "ringotel-desk")
    assert (refused[0].action, refused[0].status, refused[0].code) == ("desk", 403, "forbidden")
    assert "the token in the body is wrong" in html
    assert token not in html


def test_request_log_is_bounded_and_needs_no_query(
    api: Api, boss: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    make_contact("Ada Example", "+442079460100")
    api.ok("FindContact", {"phone": "+442079460100"})
    with django_assert_num_queries(2):  # the key with its user, and the contact
        api.ok("FindContact", {"phone": "+442079460100"})
    for _ in range(60):
        api.ok("FindContact", {"phone": "100"})

    assert len(boss.get(URL).context["requests"]) == 50


def test_broken_cache_does_not_fail_requests(api: Api, settings: Settings) -> None:
    settings.CACHES = {"default": {"BACKEND": "tests.admin.test_connect.Broken"}}

    api.ok("FindContact", {"phone": "+442079460100"})


class Broken:
    """A cache with an unreachable server."""

    def __init__(self, *args: object) -> None:
        self.close = self.add = lambda *args, **kwargs: None

    def get(self, *args: object) -> None:
        raise ConnectionError

    set = get


LOOKUP = "/admin/ringotel_crm/activity/caller-lookup/"


def test_lookup_shows_contact_and_tried_number(boss: Client) -> None:
    make_contact("Ada Example", "+442079460100")
    html = boss.get(LOOKUP, {"number": "0044 20 7946 0100"}).content.decode()

    assert "+44 20 7946 0100" in html
    assert "Ada Example" in html
    assert "Only match." in html


def test_lookup_explains_shared_number(boss: Client, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "SHARED_NUMBER_RULE": "oldest"}
    for name in ("Ada Example", "Bob Notreal"):
        make_contact(name, "+442079460100")

    html = boss.get(LOOKUP, {"number": "+442079460100"}).content.decode()

    assert "the oldest one" in html
    assert re.search(r"Ringotel gets:.*?Ada Example", html, re.DOTALL)


@pytest.mark.parametrize(
    ("number", "words"),
    [
        ("", "Enter a number"),
        ("anonymous", "Caller ID withheld"),
        ("112", "emergency"),
        ("200", "extension"),
        ("+442079460999", "No contact has this number"),
        ("<script>", "not a valid phone number"),
    ],
)
def test_lookup_explains_missing_contact(boss: Client, number: str, words: str) -> None:
    assert words in boss.get(LOOKUP, {"number": number}).content.decode()


def test_key_of_a_user_without_the_permission_shows_an_error(boss: Client) -> None:
    user = make_user("una")
    data = {"name": "una", "user": user.pk}
    page = boss.post("/admin/ringotel_crm/apikey/add/", data, follow=True).content.decode()

    assert "rtk_" in page
    assert "una does not have the permission ringotel_crm.use_api" in page
