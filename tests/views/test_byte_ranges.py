"""Hearing a recording from its link: who may. How the bytes are sent is in tests/views."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Permission
from django.test import Client

from tests.api import Api, read
from tests.factories import make_user
from tests.media.audio_samples import sample


@pytest.fixture
def url(api: Api) -> str:
    response = api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", "call_id=c1")
    return str(read(response)["recording_url"])


def login(*permissions: str) -> Client:
    user = make_user("una", is_staff=True)
    user.user_permissions.add(*Permission.objects.filter(codename__in=permissions))
    client = Client()
    client.force_login(user)
    return client


def test_for_nobody_unknown(url: str) -> None:
    response = Client().get(url)
    assert response.status_code == 302
    assert response["Location"].startswith("/admin/login/?next=")


def test_not_for_everybody_who_is_known(url: str) -> None:
    assert login("view_activity").get(url).status_code == 403


def test_not_for_ringotel(url: str, api: Api) -> None:
    """The key opens the hooks and nothing else."""
    assert api.client.get(url).status_code == 302


def test_for_who_may(url: str) -> None:
    response = login("view_recording").get(url)
    assert response.status_code == 200
    assert b"".join(response) == sample("pcm.wav")
    assert response["Content-Type"] == "audio/wav"
    assert response["X-Content-Type-Options"] == "nosniff"
    assert "private" in response["Cache-Control"]


@pytest.mark.parametrize("pk", [0, 999999, 10**30])
def test_what_is_not_there(url: str, pk: int) -> None:
    assert login("view_recording").get(f"/ringotel/recordings/{pk}/").status_code == 404


def test_only_for_reading(url: str) -> None:
    assert login("view_recording").post(url).status_code == 405
