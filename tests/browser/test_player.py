"""Playback in Chromium: seeking, and the waveform."""

from __future__ import annotations

import io
import math
import re
import struct
import wave

import pytest

from ringotel_crm.models import AuditEntry, Recording
from tests.api import Api, make_token
from tests.browser.conftest import Desk

SECONDS = 600
RATE = 8000

# Resolves to duration, position and seekable range after seeking.
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
    const end = player.seekable.length ? player.seekable.end(0) : 0;
    return [player.duration, player.currentTime, end];
}
"""


def tone() -> bytes:
    """Ten minutes of audio, so that the browser has not loaded the end before seeking."""
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(RATE)
        second = struct.pack(f"<{RATE}h", *(round(9000 * math.sin(n / 3)) for n in range(RATE)))
        out.writeframes(second * SECONDS)
    return file.getvalue()


@pytest.fixture
def recording(db: None) -> Recording:
    api = Api(make_token())
    id = api.id(
        "CreateActivity",
        {"call_id": "c-1", "activity_type": "inbound", "caller_number": "+442079460001"},
    )
    assert api.send("UpdateCallRecording", tone(), "audio/wav", query=f"id={id}").status_code == 200
    return Recording.objects.get()


def test_player_seeks_with_range_requests(desk: Desk, recording: Recording) -> None:
    responses: list[tuple[int, str]] = []
    page = desk.open("/admin/")
    page.on(
        "response",
        lambda response: responses.append(
            (response.status, response.headers.get("content-range", ""))
        ),
    )

    duration, position, seekable = page.evaluate(
        SEEK, [f"{desk.base_url}/ringotel/recordings/{recording.pk}/", 500]
    )

    assert (duration, position, seekable) == (SECONDS, 500, SECONDS)
    assert {status for status, _range in responses} == {206}
    firsts = [int(re.findall(r"\d+", span)[0]) for _status, span in responses]
    assert firsts[0] == 0
    assert firsts[-1] > 400 * RATE * 2
    assert AuditEntry.objects.count() == 1


def test_admin_player_plays_and_shows_waveform(desk: Desk, recording: Recording) -> None:
    page = desk.open(f"/admin/ringotel_crm/recording/{recording.pk}/change/")

    waveform = page.locator("img[src$='waveform.svg']")
    waveform.scroll_into_view_if_needed()
    page.wait_for_function(
        "image => image.complete && image.naturalWidth", arg=waveform.element_handle()
    )
    player = page.locator("audio")
    player.evaluate("player => { player.muted = true; return player.play(); }")
    page.wait_for_function("player => player.currentTime > 0.2", arg=player.element_handle())
    assert player.evaluate("player => player.error") is None
