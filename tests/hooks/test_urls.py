"""The trailing slash of the hooks' URLs is optional."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.urls import resolve, reverse
from pytest_django import Settings

from tests.api import HOOKS, Api, read
from tests.factories import make_contact, number, the_call
from tests.media.audio_samples import sample

pytestmark = pytest.mark.django_db

# What each hook needs to be answered with 200.
DATA: dict[str, dict[str, Any]] = {
    "FindContact": {"phone": number(1)},
    "CreateContact": {"first_name": "Bea"},
    "UpdateContact": {"id": "{contact}", "last_name": "Sample"},
    "CreateActivity": {"call_id": "c2"},
    "AssignActivity": {"call_id": "c1", "contact_id": "{contact}"},
    "UpdateActivity": {"call_id": "c1", "subject": "Order"},
    "StopCallActivity": {"call_id": "c1"},
}


@pytest.fixture
def contact_id(api: Api) -> str:
    api.ok("CreateActivity", {"call_id": "c1"})
    return str(make_contact("Ada Example", number(1)).pk)


@pytest.mark.parametrize("debug", [True, False])
@pytest.mark.parametrize("hook", [hook for hook in HOOKS if hook != "UpdateCallRecording"])
def test_hook_without_slash_is_answered(
    api: Api, contact_id: str, settings: Settings, hook: str, debug: bool
) -> None:
    settings.DEBUG = debug
    method, path = HOOKS[hook]
    data = {name: value.format(contact=contact_id) for name, value in DATA.get(hook, {}).items()}
    request: dict[str, Any] = {"query_params": data} if method == "GET" else {}
    body = b"" if method == "GET" else json.dumps(data).encode()
    answers = [
        read(api.client.generic(method, url, body, "application/json", **request))
        for url in (path, path.removesuffix("/"))
    ]
    assert answers[0] == answers[1]
    assert "error" not in answers[0]


def test_recording_without_slash_is_stored(api: Api, contact_id: str) -> None:
    url = "/ringotel/activities/recording?call_id=c1"
    response = api.client.generic("POST", url, sample("pcm.wav"), "audio/wav")
    assert response.status_code == 200
    assert the_call().recording.codec == "pcm"


@pytest.mark.parametrize("hook", HOOKS)
def test_reversed_urls_have_the_slash(hook: str) -> None:
    _method, path = HOOKS[hook]
    assert reverse(resolve(path).view_name) == path
