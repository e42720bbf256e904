"""The state of a call in the list, on the page of live calls and in the timeline."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.template import Context, Template
from django.test import Client
from django.utils import timezone

from ringotel_crm.models import Activity, CallLeg
from ringotel_crm.records import CallState, Presence, Status
from ringotel_crm.services.calls.states import live_states
from tests.factories import set_times
from tests.fixtures.admin import make_call

LIST = "/admin/ringotel_crm/activity/"
LIVE = f"{LIST}live/calls/"
RINGING, UNANSWERED = CallLeg.Status.RINGING, CallLeg.Status.NOT_ANSWERED

pytestmark = pytest.mark.django_db


def live_call(n: int = 1, *, minutes: float = 0, **fields: Any) -> Activity:
    """Create a call without an end that started ``minutes`` ago."""
    start = timezone.now() - dt.timedelta(minutes=minutes)
    return make_call(n, status=Status.RINGING, start=start, end=None, duration=None, **fields)


def add_legs(call: Activity, **legs: tuple[str, str]) -> None:
    """Create a leg for each pair of status and cause; ``p500`` is the phone 500."""
    for name, (status, cause) in legs.items():
        call.legs.create(extension=name[1:], status=status, cause=cause, start=call.start)


def state_of(presence: dict[str, Presence] | None = None) -> CallState:
    """Return the state of the first live call."""
    calls = list(Activity.objects.order_by("pk").prefetch_related("legs"))
    return live_states(calls, presence or {})[0][1]


def badges(html: str) -> list[str]:
    """Return the words of the badges, without the directions."""
    found = re.findall(r'<span class="ringotel-badge ringotel-(\w+)">([^<]*)</span>', html)
    return [text for kind, text in found if kind != "direction"]


def test_call_without_an_end_is_live_everywhere(boss: Client) -> None:
    call = live_call()

    for page in (LIST, LIVE, f"{LIST}{call.pk}/change/"):
        assert badges(boss.get(page).content.decode()) == ["live"], page


def test_several_open_phones_are_ringing_for_two_minutes() -> None:
    call = live_call()
    add_legs(call, p500=(RINGING, ""), p501=(RINGING, ""))
    assert state_of() == CallState.RINGING

    set_times(call, start=timezone.now() - dt.timedelta(minutes=3))
    assert state_of() == CallState.LIVE


def test_phone_that_stopped_because_another_answered_shows_the_call_in_progress() -> None:
    add_legs(live_call(), p500=(RINGING, ""), p501=(UNANSWERED, "26"))

    assert state_of() == CallState.IN_PROGRESS


def test_phone_that_rang_in_vain_leaves_the_state_open() -> None:
    add_legs(live_call(), p500=(RINGING, ""), p501=(UNANSWERED, "19"))

    assert state_of() == CallState.LIVE


@pytest.mark.parametrize(
    ("presence", "state"),
    [
        (Presence.CONNECTED, CallState.IN_PROGRESS),
        (Presence.RINGING, CallState.RINGING),
        (Presence.DIALING, CallState.RINGING),
        (Presence.ONLINE, CallState.LIVE),
    ],
)
def test_phone_with_one_call_shows_its_state(presence: Presence, state: CallState) -> None:
    live_call(extension="500")

    assert state_of({"500": presence}) == state


def test_phone_with_two_calls_shows_the_state_of_neither() -> None:
    live_call(1, extension="500")
    add_legs(live_call(2), p500=(RINGING, ""), p501=(UNANSWERED, "19"))

    assert state_of({"500": Presence.CONNECTED}) == CallState.LIVE


@pytest.mark.parametrize(("minutes", "is_overdue"), [(9, False), (11, True)])
def test_live_page_greys_a_call_after_ten_minutes(
    boss: Client, minutes: int, is_overdue: bool
) -> None:
    live_call(minutes=minutes)
    html = boss.get(LIVE).content.decode()

    assert ('class="ringotel-overdue"' in html) is is_overdue
    assert ("No end received after 10 minutes." in html) is is_overdue


@pytest.mark.parametrize("minutes", [1.99, 9.99])
def test_live_page_changes_when_only_time_passes(
    boss: Client, minutes: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    live_call(minutes=minutes)
    etag = boss.get(LIVE)["ETag"]
    headers = {"If-None-Match": etag}
    assert boss.get(LIVE, headers=headers).status_code == 304

    later = timezone.now() + dt.timedelta(seconds=5)
    monkeypatch.setattr(timezone, "now", lambda: later)
    assert boss.get(LIVE, headers=headers).status_code == 200


def test_stale_call_has_no_end_before_the_command_closes_it(boss: Client) -> None:
    call = live_call()
    set_times(call, updated_at=timezone.now() - dt.timedelta(hours=5))

    assert badges(boss.get(LIST).content.decode()) == ["no end received"]
    assert boss.get(LIST, {"state": "unknown"}).context["cl"].result_count == 1
    assert boss.get(LIST, {"state": "live"}).context["cl"].result_count == 0


@pytest.mark.parametrize(
    ("direction", "state"),
    [
        ("inbound", "missed"),
        ("outbound", "no answer"),
        ("internal", "no answer"),
        ("", "no answer"),
    ],
)
def test_only_inbound_calls_are_missed(boss: Client, direction: str, state: str) -> None:
    call = make_call(status=Status.MISSED, direction=direction, comment="Later")
    other = make_call(2, contact_id="x", caller_e164=call.caller_e164)
    tag = Template("{% load ringotel %}{{ call|ringotel_status }}")

    assert badges(boss.get(LIST, {"q": "+44 20 7946 0001"}).content.decode())[-1] == state
    for page in (f"{LIST}{call.pk}/change/", f"{LIST}{other.pk}/change/"):
        words = {"missed", "no answer"} & {*badges(boss.get(page).content.decode())}
        assert words <= {state}, page
    assert tag.render(Context({"call": call})) == state
    data = {"action": "export", "_selected_action": [call.pk]}
    exported = b"".join(boss.post(LIST, data)).decode()
    assert f",{state}," in exported
    for value, name in (("missed", "missed"), ("no_answer", "no answer")):
        found = boss.get(LIST, {"state": value}).context["cl"].result_list
        assert [one.pk for one in found] == [call.pk] * (name == state)
