"""The player: where it opens, its controls, and its keys."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ringotel_crm.models import Activity
from tests.api import Api, make_token
from tests.browser.conftest import Desk
from tests.browser.test_player import SECONDS, tone

CALLS = "/admin/ringotel_crm/activity/"
# Places and sizes of the cells of the head and of the first row, and the colours of the rows.
LAYOUT = """() => [
    ...[...document.querySelectorAll("#result_list thead th, #result_list tr:first-child > *")]
        .map(cell => cell.getBoundingClientRect())
        .map(box => [box.x, box.y, box.width, box.height]),
    ...[...document.querySelectorAll("#result_list tbody tr:has(.field-start_time)")]
        .map(row => [getComputedStyle(row).backgroundColor, row.offsetHeight]),
]"""
POSITION = "document.querySelector('audio')?.currentTime"


@pytest.fixture
def calls(db: None) -> None:
    """Create two calls with recordings of ten minutes."""
    api = Api(make_token())
    for n in (1, 2):
        number = f"+44207946000{n}"
        data = {"call_id": f"c-{n}", "activity_type": "inbound", "caller_number": number}
        api.id("CreateActivity", data)
        api.send("UpdateCallRecording", tone(), "audio/wav", query=f"call_id=c-{n}")


@pytest.fixture
def opened(desk: Desk, calls: None) -> Any:
    """The list of calls, in which the player of the first row has been opened."""
    page = desk.open(CALLS)
    page.locator("a.ringotel-play").first.click()
    page.wait_for_function(f"{POSITION} > 0")
    return page


def test_player_opens_below_the_row_and_moves_nothing_else(
    desks: Callable[..., Desk], calls: None
) -> None:
    for width in (1280, 390):
        page = desks(viewport={"width": width, "height": 844}).open(CALLS)
        before = page.evaluate(LAYOUT)
        link = page.locator("a.ringotel-play").first
        link.click()
        page.wait_for_selector("tr .ringotel-player")
        page.wait_for_function("document.querySelector('.ringotel-player img')?.complete")

        assert page.evaluate(LAYOUT) == before
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        assert link.get_attribute("aria-expanded") == "true"

        link.click()
        assert page.locator(".ringotel-player").count() == 0
        assert page.evaluate(LAYOUT) == before
        assert link.get_attribute("aria-expanded") == "false"


def test_keys_and_clicks_move_the_position(opened: Any) -> None:
    slider = opened.get_by_role("slider", name="Position")
    opened.get_by_role("button", name="Pause").click()
    for key, position in (
        ("End", SECONDS),
        ("Home", 0),
        ("ArrowRight", 5),
        ("PageUp", 35),
        ("ArrowLeft", 30),
        ("PageDown", 0),
    ):
        slider.press(key)
        assert opened.evaluate(POSITION) == pytest.approx(position, abs=0.1), key
    assert slider.get_attribute("aria-valuemax") == str(SECONDS)

    box = slider.bounding_box()
    slider.click(position={"x": box["width"] / 2, "y": box["height"] / 2})

    assert opened.evaluate(POSITION) == pytest.approx(SECONDS / 2, abs=5)
    assert int(slider.get_attribute("aria-valuenow")) == pytest.approx(SECONDS / 2, abs=5)
    assert slider.get_attribute("aria-valuetext").endswith("/ 10:00")

    before = opened.evaluate(POSITION)
    opened.get_by_role("button", name="Back 10 seconds").click()
    assert opened.evaluate(POSITION) == pytest.approx(before - 10, abs=0.1)


def test_speed_is_kept_for_the_next_player(opened: Any) -> None:
    speed = "[...document.querySelectorAll('audio')].map(audio => audio.playbackRate)"
    for value in ("1.25", "1.5", "2"):
        opened.get_by_role("combobox", name="Speed").select_option(value)
        assert opened.evaluate(speed) == [float(value)]

    opened.locator("a.ringotel-play").nth(1).click()
    opened.wait_for_function("document.querySelectorAll('audio')[1]?.currentTime > 0")

    assert opened.evaluate(speed) == [2, 2]


def test_one_recording_plays_at_a_time(opened: Any) -> None:
    opened.locator("a.ringotel-play").nth(1).click()
    opened.wait_for_function("document.querySelectorAll('audio')[1]?.currentTime > 0")

    paused = "[...document.querySelectorAll('audio')].map(audio => audio.paused)"
    assert opened.evaluate(paused) == [True, False]


def test_keyboard_opens_controls_and_closes_the_player(desk: Desk, calls: None) -> None:
    page = desk.open(CALLS)
    page.locator("a.ringotel-play").first.press("Enter")
    page.wait_for_function(f"{POSITION} > 0")
    focused = "document.activeElement.getAttribute('aria-label')"
    assert page.evaluate(focused) == "Pause"

    page.keyboard.press("Space")
    page.wait_for_function("document.querySelector('audio')?.paused")
    page.keyboard.press("Tab")
    assert page.evaluate(focused) == "Back 10 seconds"
    page.keyboard.press("Escape")

    assert page.locator(".ringotel-player").count() == 0
    assert page.evaluate("document.activeElement.className") == "ringotel-play"


def test_player_works_without_script(desks: Callable[..., Desk], calls: None) -> None:
    page = desks(java_script_enabled=False).open(
        f"{CALLS}{Activity.objects.earliest('pk').pk}/change/"
    )

    assert page.locator("audio[controls]").is_visible()
    assert not page.get_by_role("button", name="Back 10 seconds").is_visible()
