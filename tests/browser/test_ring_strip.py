"""The strip with the calls of the user's phone."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.utils import timezone

from ringotel_crm.models import Activity
from ringotel_crm.records import Status
from tests.browser.conftest import AXE_RULES, Desk
from tests.browser.test_pages import CALLS, has_minicrm
from tests.factories import make_contact, make_organization
from tests.fixtures.admin import make_call
from tests.fixtures.strip import ringing

pytestmark = pytest.mark.skipif(not has_minicrm, reason="hostcrm maps agents by its own tables.")
STRIP = "#ringotel-strip [data-ringotel-call]"
NUMBER: dict[str, Any] = {"caller_number": "+442079460100", "caller_e164": "+442079460100"}


def note_of(call: Activity) -> str:
    call.refresh_from_db()
    return call.comment


def end(call: Activity) -> None:
    Activity.objects.filter(pk=call.pk).update(status=Status.ANSWERED, updated_at=timezone.now())


def wait_for_note(page: Any, call: Activity, text: str) -> None:
    """Wait until the server has the note."""
    for _attempt in range(60):
        if note_of(call) == text:
            return
        page.wait_for_timeout(100)
    assert note_of(call) == text


def test_strip_appears_and_is_announced(desk: Desk, boss: User) -> None:
    make_contact("Ada Example", "+442079460100", organization=make_organization("Sample Ltd"))
    page = desk.open(CALLS)
    page.wait_for_timeout(500)
    assert page.locator(STRIP).count() == 0

    ringing(boss, **NUMBER)
    page.wait_for_selector(STRIP, timeout=5000)

    assert page.inner_text(f"{STRIP} h2") == "Ada Example, Sample Ltd"
    announced = page.inner_text("[aria-live=polite].ringotel-announcer")
    assert announced == "Incoming call from Ada Example, Sample Ltd"


def test_time_of_the_last_call_is_in_the_time_zone_of_the_browser(
    desks: Callable[..., Desk], boss: User
) -> None:
    contact = make_contact("Ada Example", "+442079460100")
    start = dt.datetime(2026, 3, 2, 23, 30, tzinfo=dt.UTC)
    make_call(
        start=start,
        subject="Delivery",
        contact_type=ContentType.objects.get_for_model(contact),
        contact_id=str(contact.pk),
        **NUMBER,
    )
    ringing(boss, **NUMBER)

    page = desks(timezone_id="Asia/Tokyo").open(CALLS)

    page.wait_for_selector(f"{STRIP} time")
    assert page.inner_text(f"{STRIP} time").replace("\u202f", " ") == "Mar 3, 2026, 8:30 AM"


@pytest.mark.parametrize("color_scheme", ["light", "dark"])
def test_strip_is_accessible_and_fits_a_phone(
    desks: Callable[..., Desk], boss: User, axe: str, color_scheme: str
) -> None:
    company = make_organization("Sample Ltd", phone="+442079460100")
    make_contact("Ada Example", organization=company)
    ringing(boss, **NUMBER)
    desk = desks(color_scheme=color_scheme, viewport={"width": 390, "height": 844})
    page = desk.open(CALLS)
    page.wait_for_selector(STRIP)

    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    if axe:
        page.evaluate(axe)
        found = page.evaluate(f"axe.run('#ringotel-strip', {json.dumps(AXE_RULES)})")
        assert [rule["id"] for rule in found["violations"]] == []


def test_unchanged_strip_is_not_sent_again(desk: Desk, boss: User) -> None:
    ringing(boss)
    responses: list[Any] = []
    desk.page.on("response", lambda response: responses.append(response))
    page = desk.open(CALLS)

    page.wait_for_selector(STRIP)
    page.wait_for_timeout(7000)

    statuses = [response.status for response in responses if "/strip/" in response.url]
    assert statuses[-2:] == [304, 304]


def test_note_is_saved_while_typing_and_survives_the_end(desk: Desk, boss: User) -> None:
    call = ringing(boss)
    page = desk.open(CALLS)
    area = page.wait_for_selector(f"{STRIP} textarea")

    area.click()
    page.keyboard.type("Wants an offer")
    wait_for_note(page, call, "Wants an offer")
    end(call)
    page.wait_for_selector(f"{STRIP}:has-text('answered')")
    page.keyboard.type(" by Friday")

    wait_for_note(page, call, "Wants an offer by Friday")
    page.reload()
    assert page.wait_for_selector(f"{STRIP} textarea").input_value() == "Wants an offer by Friday"
    page.click(f"{STRIP} .ringotel-ring-dismiss")
    page.wait_for_selector(STRIP, state="detached")


def test_call_without_a_note_disappears_when_it_ends(desk: Desk, boss: User) -> None:
    call = ringing(boss)
    page = desk.open(CALLS)
    page.wait_for_selector(STRIP)

    end(call)

    page.wait_for_selector(STRIP, state="detached")


def test_note_is_kept_while_the_connection_is_lost(desk: Desk, boss: User) -> None:
    call = ringing(boss)
    page = desk.open(CALLS)
    area = page.wait_for_selector(f"{STRIP} textarea")
    page.route("**/note/", lambda route: route.abort())

    area.fill("Wants an offer")
    page.wait_for_selector(f"{STRIP}:has-text('Not saved yet')")
    assert note_of(call) == ""
    end(call)
    page.goto(f"{desk.base_url}{CALLS}overview/")
    assert page.wait_for_selector(f"{STRIP} textarea").input_value() == "Wants an offer"
    page.unroute("**/note/")

    wait_for_note(page, call, "Wants an offer")
    desk.faults = [fault for fault in desk.faults if "ERR_FAILED" not in fault]


def test_notes_of_two_people_are_both_kept(desks: Callable[..., Desk], boss: User) -> None:
    call = ringing(boss)
    pages = [desks().open(CALLS) for _desk in range(2)]
    for page in pages:
        page.wait_for_selector(f"{STRIP} textarea").focus()

    pages[0].keyboard.type("One")
    wait_for_note(pages[0], call, "One")
    pages[1].keyboard.type("Two")
    wait_for_note(pages[1], call, "One\nTwo")
    pages[0].keyboard.type(" more")

    wait_for_note(pages[0], call, "One more\nTwo")
    pages[0].keyboard.press("Tab")
    pages[0].wait_for_function(
        "document.querySelector('#ringotel-strip textarea').value === 'One more\\nTwo'"
    )


def test_hidden_call_stays_hidden(desk: Desk, boss: User) -> None:
    first, second = ringing(boss), ringing(boss)
    page = desk.open(CALLS)
    page.wait_for_selector(f'[data-ringotel-call="{second.pk}"]')

    page.click(f'[data-ringotel-call="{first.pk}"] .ringotel-ring-dismiss')
    page.wait_for_selector(f'[data-ringotel-call="{first.pk}"]', state="detached")
    ringing(boss)
    page.wait_for_function("document.querySelectorAll('#ringotel-strip article').length === 2")
    page.reload()

    page.wait_for_selector(f'[data-ringotel-call="{second.pk}"]')
    assert page.locator(f'[data-ringotel-call="{first.pk}"]').count() == 0


def test_hidden_tab_stops_asking(desk: Desk) -> None:
    page = desk.open(CALLS)
    requests: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.evaluate("Object.defineProperty(document, 'hidden', {value: true, configurable: true})")
    page.wait_for_timeout(4000)
    requests.clear()
    page.wait_for_timeout(4000)
    assert requests == []

    page.evaluate("Object.defineProperty(document, 'hidden', {value: false})")
    with page.expect_request("**/strip/**"):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def test_one_request_serves_strip_and_live_calls(desk: Desk, boss: User) -> None:
    urls: list[str] = []
    desk.page.on("request", lambda request: urls.append(request.url))
    page = desk.open(f"{CALLS}live/")
    call = ringing(boss)

    page.wait_for_selector(STRIP)
    page.wait_for_selector(f'[data-call="{call.pk}"]')

    assert not [url for url in urls if "/strip/" in url]


def test_screen_pop_shows_the_call_in_the_page(desk: Desk, boss: User) -> None:
    company = make_organization("Sample Ltd", phone="+442079460100")
    make_contact("Ada Example", organization=company)
    call = ringing(boss, **NUMBER)
    page = desk.open("/ringotel/pop/?caller=%2B442079460100")

    page.fill("#content textarea", "Wants an offer")

    wait_for_note(page, call, "Wants an offer")
