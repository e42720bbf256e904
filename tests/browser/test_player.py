"""Chromium plays, seeks, and shows the picture."""

from __future__ import annotations

import io
import math
import os
import re
import shutil
import struct
import wave
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from pytest_django.live_server_helper import LiveServer

from ringotel_crm.models import AuditEntry, Recording
from tests.api import Api, make_token
from tests.factories import make_user
from tests.fixtures.recordings import browser as logged_in

playwright = pytest.importorskip("playwright.sync_api")
CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.browser,
    pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium"),
    pytest.mark.django_db(transaction=True),
]

SECONDS = 600
RATE = 8000

# Resolves to where the player is, once it has got there.
SEEK = """
async ([url, seconds]) => {
    const player = new Audio(url);
    const once = name => new Promise((resolve, reject) => {
        player.addEventListener(name, resolve, {once: true});
        player.addEventListener("error", () => reject(player.error.message), {once: true});
    });
    player.preload = "metadata";
    player.load();
    await once("loadedmetadata");
    player.currentTime = seconds;
    await once("seeked");
    return [player.duration, player.currentTime, player.seekable.length ? player.seekable.end(0) : 0];
}
"""


def tone() -> bytes:
    """Ten minutes, so that the browser does not have the end before it is asked to go there."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        second = struct.pack(f"<{RATE}h", *(round(9000 * math.sin(n / 3)) for n in range(RATE)))
        out.writeframes(second * SECONDS)
    return file.getvalue()


@contextmanager
def chromium(live_server: LiveServer) -> Iterator[Any]:
    """A page of Chromium in which root is logged in. Inside it, Django's database is out of bounds."""
    user: User = make_user("root", is_superuser=True, is_staff=True)
    session = logged_in(user).cookies["sessionid"].value
    with playwright.sync_playwright() as starter:
        browser = starter.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox"] if os.geteuid() == 0 else []
        )
        context = browser.new_context()
        context.add_cookies([{"name": "sessionid", "value": session, "url": live_server.url}])
        yield context.new_page()
        browser.close()


@pytest.fixture
def recording(db: None) -> Recording:
    api = Api(make_token())
    id = api.id(
        "CreateActivity",
        {"call_id": "c-1", "activity_type": "inbound", "caller_number": "+442079460001"},
    )
    assert api.send("UpdateCallRecording", tone(), "audio/wav", query=f"id={id}").status_code == 200
    return Recording.objects.get()


def test_seeking(live_server: LiveServer, recording: Recording) -> None:
    answers: list[tuple[int, str]] = []
    with chromium(live_server) as page:
        page.goto(f"{live_server.url}/admin/")
        page.on(
            "response",
            lambda answer: answers.append((answer.status, answer.headers.get("content-range", ""))),
        )
        url = f"{live_server.url}/ringotel/recordings/{recording.pk}/"
        duration, position, seekable = page.evaluate(SEEK, [url, 500])
    assert (duration, position, seekable) == (SECONDS, 500, SECONDS)
    assert {status for status, _range in answers} == {206}
    firsts = [int(re.findall(r"\d+", span)[0]) for _status, span in answers]
    assert firsts[0] == 0
    assert firsts[-1] > 400 * RATE * 2
    assert AuditEntry.objects.count() == 1


def test_the_player_in_the_admin(live_server: LiveServer, recording: Recording) -> None:
    with chromium(live_server) as page:
        page.goto(f"{live_server.url}/admin/ringotel_crm/recording/{recording.pk}/change/")
        picture = page.locator("img[src$='waveform.svg']")
        picture.scroll_into_view_if_needed()
        page.wait_for_function(
            "image => image.complete && image.naturalWidth", arg=picture.element_handle()
        )
        player = page.locator("audio")
        player.evaluate("player => { player.muted = true; return player.play(); }")
        page.wait_for_function("player => player.currentTime > 0.2", arg=player.element_handle())
        assert player.evaluate("player => player.error") is None
