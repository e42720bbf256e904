from __future__ import annotations

import copy
from typing import Any

import pytest

from ringotel_crm.simulator.document import DocumentError, read_document
from tests.simulator.crm import DOCUMENT, OAUTH2_DOCUMENT

BASE_URL = "http://127.0.0.1:8000"
REMOVED = object()


def changed(document: dict[str, Any], path: str, value: object) -> dict[str, Any]:
    """Return a copy with the value at the dotted path replaced, or without it."""
    document = copy.deepcopy(document)
    *parents, key = path.split(".")
    place = document
    for parent in parents:
        place = place[parent]
    if value is REMOVED:
        del place[key]
    else:
        place[key] = value
    return document


@pytest.mark.parametrize(
    ("hook", "base_url", "url"),
    [
        ({"request_path": "/a?x=$phone$"}, "http://h:1/", "http://h:1/a?x=$phone$"),
        ({"request_path": "/a"}, "http://h:1/crm", "http://h:1/crm/a"),
        (
            {"request_url": "https://crm.example/a", "request_path": "/b"},
            "",
            "https://crm.example/a",
        ),
        (
            {"request_url": "https://crm.example:444/a?x=1", "request_path": "/b"},
            "http://h:1",
            "http://h:1/a?x=1",
        ),
    ],
)
def test_hook_url_is_built_from_the_base_url(hook: dict[str, str], base_url: str, url: str) -> None:
    users = {"request_method": "GET", "response_map": [{"id": "$user_id$"}]} | hook
    document = read_document(changed(DOCUMENT, "API", {"Users": users}), base_url=base_url)
    assert document.hooks["Users"].url == url


def test_base_url_applies_to_oauth2() -> None:
    oauth2 = read_document(OAUTH2_DOCUMENT, base_url=BASE_URL).oauth2
    assert oauth2["token_endpoint"] == f"{BASE_URL}/token"
    assert oauth2["authorization_endpoint"] == f"{BASE_URL}/authorize"


def test_hook_variables_are_read_from_the_request() -> None:
    hooks = read_document(DOCUMENT, base_url=BASE_URL).hooks
    assert hooks["UpdateContact"].variables == {"contact_id", "job_title", "mobile"}
    assert hooks["Users"].variables == frozenset()


FORM = {
    "request_content_type": "application/x-www-form-urlencoded",
    "request_parameters": {"a": {"b": "$phone$"}},
}
CREATE = DOCUMENT["API"]["CreateContact"]


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("id", "", "id: "),
        ("name", REMOVED, "name: "),
        ("logo", 5, "logo: "),
        ("class", "sms", "class: "),
        ("properties", "Secret", "properties: "),
        ("properties", [], "auth.token: $Secret$ is not one of the properties"),
        ("auth", REMOVED, "Exactly one of auth and OAuth2"),
        ("OAuth2", OAUTH2_DOCUMENT["OAuth2"], "Exactly one of auth and OAuth2"),
        ("auth", "Bearer", "auth: must be an object"),
        ("auth.type", "Digest", "auth.type: "),
        ("auth.token", REMOVED, "auth.token: "),
        ("auth", {"type": "Basic", "username": "x"}, "auth.password: "),
        ("API", [], "API: must be an object"),
        ("API.Users", REMOVED, "API: Users is required"),
        ("API.Users", None, "API.Users: must be an object"),
        ("API.Callers", {}, "API: Callers is not a hook"),
        ("API.Users.request_method", "DELETE", "API.Users.request_method: "),
        ("API.Users.request_method", ["GET"], "API.Users.request_method: "),
        ("API.Users.request_path", REMOVED, "API.Users.request_path: "),
        ("API.Users.request_path", "agents", "API.Users.request_path: must start with a slash"),
        ("API.Users.request_url", "/agents", "API.Users.request_url: must be an absolute URL"),
        (
            "API.Users.request_parameters",
            {"a": "b"},
            "API.Users.request_parameters: a GET has no body",
        ),
        (
            "API.Users.response_map",
            {"name": "$firstname$"},
            "API.Users.response_map: must capture $user_id$",
        ),
        ("API.Users.response_map", REMOVED, "API.Users.response_map: must capture $user_id$"),
        ("API.Users.response_map", {"a": [{"b": "$user_id$"}] * 2}, "API.Users.response_map.a: "),
        ("API.Users.response_map", {"a": [{"b": "user_id"}]}, "API.Users.response_map.a[].b: "),
        ("API.Users.response_map", {"a": ["$user_id$"]}, "API.Users.response_map.a: "),
        (
            "API.CreateContact.request_parameters",
            "x",
            "API.CreateContact.request_parameters: must be an object",
        ),
        (
            "API.CreateContact.request_content_type",
            "text/xml",
            "API.CreateContact.request_content_type: text/xml",
        ),
        (
            "API.CreateContact.request_content_type",
            "audio/wav",
            "API.CreateContact.request_content_type: audio/wav",
        ),
        (
            "API.CreateContact",
            CREATE | FORM,
            "API.CreateContact.request_parameters: a form contains strings only",
        ),
    ],
)
def test_error_contains_the_path(path: str, value: object, place: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read_document(changed(DOCUMENT, path, value), base_url=BASE_URL)
    assert str(raised.value).startswith(place)


@pytest.mark.parametrize(
    ("path", "value", "place"),
    [
        ("client_id", REMOVED, "OAuth2.client_id: "),
        ("client_secret", "$Secret$", "OAuth2.client_secret: $Secret$ is not one"),
        ("request_auth", "Basic", "OAuth2.request_auth: "),
        ("token_endpoint", "/token", "OAuth2.token_endpoint: "),
        ("authorization_endpoint", REMOVED, "OAuth2.authorization_endpoint: "),
        ("authorization_parameters", "scope=calls", "OAuth2.authorization_parameters: "),
        ("token_parameters", {}, "OAuth2.token_parameters.content_type: "),
        ("token_parameters.content_type", "text/plain", "OAuth2.token_parameters.content_type: "),
    ],
)
def test_error_in_oauth2_contains_the_path(path: str, value: object, place: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read_document(changed(OAUTH2_DOCUMENT, f"OAuth2.{path}", value))
    assert str(raised.value).startswith(place)


@pytest.mark.parametrize(
    ("data", "base_url", "words"),
    [
        ([], "", "not a JSON object"),
        (DOCUMENT, "127.0.0.1:8000", "does not start with http:// or https://"),
        (DOCUMENT, "", "API.Users.request_path: a base URL is required"),
    ],
)
def test_invalid_document_or_base_url_is_rejected(data: object, base_url: str, words: str) -> None:
    with pytest.raises(DocumentError) as raised:
        read_document(data, base_url=base_url)
    assert words in str(raised.value)
