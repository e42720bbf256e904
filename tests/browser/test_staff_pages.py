"""What staff do in the admin."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable

import pytest
from django.core.management import call_command
from django.utils import timezone

from ringotel_crm.models import Activity, FollowUp
from tests.browser.conftest import Desk
from tests.browser.test_pages import CALLS, has_minicrm, make_people, recorded, tenant
from tests.factories import make_user
from tests.fixtures.admin import make_call


def test_recording_plays_in_the_row(desk: Desk) -> None:
    make_people()
    recorded()
    page = desk.open(CALLS)

    page.click("a.ringotel-play")

    page.wait_for_function("document.querySelector('audio')?.readyState >= 2")
    assert page.evaluate("document.querySelector('audio').duration") == pytest.approx(1, abs=0.1)


def test_times_are_shown_in_browser_time_zone(desks: Callable[..., Desk]) -> None:
    make_people()
    make_call(1, tenant=tenant(), start=dt.datetime(2026, 3, 2, 23, 30, tzinfo=dt.UTC))
    here = desks(timezone_id="Asia/Tokyo").open(CALLS).inner_text("#result_list time")
    there = desks(timezone_id="America/New_York").open(CALLS).inner_text("#result_list time")

    assert "3 Mar" in here
    assert "8:30" in here
    assert "2 Mar" in there
    assert "18:30" in there


@pytest.mark.parametrize(
    ("locale", "shown"),
    [("en-US", "Mar 2, 11:30 PM"), ("en-IE", "2 Mar, 23:30"), ("de-DE", "Mar 2, 11:30 PM")],
)
def test_times_have_the_format_of_the_browsers_region(
    desks: Callable[..., Desk], locale: str, shown: str
) -> None:
    make_call(1, tenant=tenant(), start=dt.datetime(2026, 3, 2, 23, 30, tzinfo=dt.UTC))
    page = desks(locale=locale, timezone_id="UTC").open(CALLS)

    assert page.inner_text("#result_list time").replace("\u202f", " ") == shown


def test_live_page_updates_automatically(desk: Desk) -> None:
    make_people()
    desk.context.grant_permissions(["notifications"])
    page = desk.open(f"{CALLS}live/")
    page.evaluate(
        """() => {
            window.notified = [];
            window.Notification = class {
                constructor(title, options) { notified.push(options.body); }
            };
            Notification.permission = "granted";
        }"""
    )
    assert "No calls are live." in page.inner_text("#ringotel-live")

    call = make_call(1, tenant=tenant(), status="ringing", start=timezone.now())
    page.wait_for_selector(f'[data-call="{call.pk}"]')
    assert page.evaluate("notified") == ["+44 20 7946 0001"]

    Activity.objects.filter(pk=call.pk).update(status="answered")
    page.wait_for_selector(f'[data-call="{call.pk}"]', state="detached")


def test_follow_up_is_added_and_marked_done(desk: Desk) -> None:
    person = make_people()[1]
    page = desk.open(
        f"/admin/{person._meta.app_label}/{person._meta.model_name}/{person.pk}/change/"
    )

    page.fill("#id_note-text", "Send the offer")
    page.fill("#id_note-due", "2026-03-04")
    page.click(".ringotel-note-form button")
    page.click(".ringotel-timeline button:has-text('Mark as done')")

    page.wait_for_selector(".ringotel-timeline .ringotel-answered")
    assert FollowUp.objects.get().done_at


def test_call_is_assigned_by_keyboard(desk: Desk) -> None:
    make_people()
    call = make_call(1, tenant=tenant())
    page = desk.open(f"{CALLS}assign/?id={call.pk}&q=")

    page.focus("#ringotel-q")
    page.keyboard.type("Exa")
    page.keyboard.press("Enter")
    page.wait_for_selector(".ringotel-choices button")
    page.focus("#ringotel-q")
    for _stop in ("search", "what happens to the number", "contact"):
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    page.wait_for_url(f"**{CALLS}{call.pk}/change/")
    assert Activity.objects.get().contact_name == "Ada Example"


@pytest.mark.skipif(not has_minicrm, reason="Tests the form of the mini-CRM.")
def test_duplicates_are_shown_while_typing(desk: Desk) -> None:
    make_people()
    page = desk.open("/admin/ringotel_minicrm/contact/add/")

    page.fill("#id_phones-0-raw", "0044 20 7946 0001")

    page.wait_for_selector("#ringotel-duplicates a:has-text('Ada Example')")


@pytest.mark.skipif(not has_minicrm, reason="The service user has no branch.")
def test_connection_is_created_and_tested(desk: Desk) -> None:
    make_user("una", extension="101")
    desk.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = desk.open("/admin/ringotel_crm/apikey/connect/")

    page.click(".submit-row input")
    page.wait_for_selector("#ringotel-value-1")
    token = page.inner_text("#ringotel-value-1")
    page.click("[data-ringotel-copy=ringotel-value-1]")
    page.wait_for_selector("text=Copied")
    assert page.evaluate("navigator.clipboard.readText()") == token
    with page.expect_download() as download:
        page.click("text=Download")
    assert download.value.suggested_filename == "ringotel.json"
    with desk.context.expect_page() as opened:
        page.click("text=Test all hooks")
    opened.value.wait_for_selector("text=All checks passed.")


def test_overview_bar_links_to_its_calls(desk: Desk) -> None:
    make_people()
    make_call(1, tenant=tenant(), start=timezone.now())
    page = desk.open(f"{CALLS}overview/?days=1")

    page.focus(".ringotel-chart a")
    page.keyboard.press("Enter")

    page.wait_for_selector("#result_list tbody tr")
    assert page.locator("#result_list tbody tr").count() == 1


@pytest.mark.skipif(not has_minicrm, reason="hostcrm maps agents by its own tables.")
def test_agent_plays_own_recordings_only(desks: Callable[..., Desk]) -> None:
    from django.contrib.auth.models import Group

    call_command("ringotel_create_groups", verbosity=0)
    una = make_user("una", is_staff=True)
    una.groups.add(Group.objects.get(name="Ringotel agent"))
    mine, theirs = recorded(1, agent_id=str(una.pk)), recorded(2, agent_id="999")
    desk = desks(una)
    page = desk.open(CALLS)

    assert page.locator("a.ringotel-play").count() == 1
    assert page.request.get(f"{desk.base_url}/ringotel/recordings/{mine.pk}/").status == 200
    assert page.request.get(f"{desk.base_url}/ringotel/recordings/{theirs.pk}/").status in (
        403,
        404,
    )
