"""The overview of days whose calls were counted by ``ringotel_count_calls``."""

from __future__ import annotations

import datetime as dt
from html import unescape
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.models import Activity, HourTotal
from ringotel_crm.services.calls import access, statistics
from ringotel_crm.services.sync import checkpoints
from tests.admin.test_overview import DAYS, URL, links, make_day, shown
from tests.fixtures.admin import login_as, make_call


def days_ago(days: int) -> dt.date:
    return timezone.localdate() - dt.timedelta(days=days)


def count() -> str:
    """Run the command and return its output."""
    out = StringIO()
    call_command("ringotel_count_calls", stdout=out)
    return out.getvalue().strip()


def figures(client: Client, **query: Any) -> dict[str, Any]:
    """Return what the overview shows of a month, without URLs."""
    context = client.get(URL, {"days": "30", **query}).context
    return {
        **{name: context["figures"][name]["counts"] for name in ("inbound", "outbound")},
        "charts": [links(chart) for _title, chart in context["charts"]],
        "agents": context["tables"][0]["rows"],
    }


def test_counted_days_have_the_same_figures_as_their_calls(boss: Client) -> None:
    for day in range(4):
        make_day(days_ago(day), prefix=f"{day} ")
    before = figures(boss)

    assert count() == "Counted days: 3"

    assert figures(boss) == before
    assert before["inbound"].answered == 8
    page = boss.get(URL, {"days": "30"})
    assert "were counted on" in page.content.decode()
    for chart in before["charts"]:
        for text, url in chart.items():
            if text.endswith((" answered", " missed")):
                assert shown(boss, unescape(url)) == int(text.split()[-2])


def test_counted_days_are_not_read(boss: Client) -> None:
    for day in range(4):
        make_day(days_ago(day), prefix=f"{day} ")
    count()
    HourTotal.objects.filter(direction="inbound").update(answered=50)

    inbound = figures(boss)["inbound"]

    assert inbound.answered == 2 + 50 * HourTotal.objects.filter(direction="inbound").count()


@pytest.mark.parametrize("change", ["late", "updated", "deleted", "moved"])
def test_changed_day_is_counted_again(boss: Client, change: str) -> None:
    make_day(days_ago(5))
    make_day(days_ago(3), prefix="3 ")
    count()
    age_checkpoint()
    Activity.objects.update(updated_at=timezone.now() - dt.timedelta(days=1))
    assert count() == "Counted days: 0"
    age_checkpoint()

    calls = Activity.objects.filter(direction="inbound", status="answered")
    match change:
        case "late":
            make_call(call_id="late", start=calls[0].start)
        case "updated":
            call = calls[0]
            call.status = "missed"
            call.save()
        case "deleted":
            calls[0].delete()
        case "moved":
            call = calls[0]
            call.start = timezone.now() - dt.timedelta(days=4)
            call.save()

    assert count() == f"Counted days: {2 if change == 'moved' else 1}"
    inbound = figures(boss)["inbound"]
    assert inbound.answered == calls.count()
    assert (
        inbound.unanswered == Activity.objects.filter(direction="inbound", status="missed").count()
    )


def age_checkpoint() -> None:
    """Let the last run be ten hours ago."""
    value = checkpoints.read("", "call totals")
    counted_at = dt.datetime.fromisoformat(value["counted_at"]) - dt.timedelta(hours=10)
    checkpoints.write("", "call totals", {**value, "counted_at": counted_at.isoformat()})


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("keys", [0, 10])
def test_overview_of_one_agent_and_own_overview_read_the_calls(
    boss: Client, monkeypatch: pytest.MonkeyPatch, keys: int
) -> None:
    monkeypatch.setattr(access, "MAX_COUNTED", keys)
    una = login_as("agent", "una")
    id = str(una.session["_auth_user_id"])
    start = timezone.now() - dt.timedelta(days=3)
    make_call(1, start=start, agent_id=id)
    make_call(2, start=start, agent_id="999")
    rang = make_call(3, start=start, status="missed")
    rang.legs.create(extension="501", agent_id=id)
    rang.legs.create(extension="502", agent_id=id)
    old = make_call(4, start=start - dt.timedelta(days=100), agent_id=id)
    old.legs.create(extension="501", agent_id=id)
    count()

    assert figures(boss)["inbound"].answered == 2
    assert figures(boss, agent="999")["inbound"].answered == 1
    own = figures(una)["inbound"]
    assert (own.answered, own.unanswered) == (1, 1)


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_counted_days_and_hours_are_local(
    boss: Client, settings: Settings, zone: str, day: dt.date
) -> None:
    settings.TIME_ZONE = zone
    quarter = statistics.midnight(day) - dt.timedelta(hours=2)
    for number in range(120):
        make_call(number, start=quarter + number * dt.timedelta(minutes=15))
    period = {"since": str(day - dt.timedelta(days=1)), "until": str(day + dt.timedelta(days=1))}
    before = [figures(boss, **period), figures(boss, since=str(day), until=str(day))]

    count()

    assert [figures(boss, **period), figures(boss, since=str(day), until=str(day))] == before


def test_totals_of_another_time_zone_are_not_used(boss: Client, settings: Settings) -> None:
    make_day(days_ago(5))
    count()
    before = figures(boss)
    HourTotal.objects.update(answered=50)
    settings.TIME_ZONE = "Europe/Dublin"

    assert figures(boss)["inbound"] == before["inbound"]
    assert count() == "Counted days: 1"
    assert figures(boss)["inbound"] == before["inbound"]


def test_calls_that_are_too_many_are_left_out(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (0, 1, 2, 3):
        make_day(days_ago(day), prefix=f"{day} ")
    monkeypatch.setattr(statistics, "MAX_CALLS", 13)  # six calls a day

    response = boss.get(URL, {"days": "30"})

    html = response.content.decode()
    assert response.context["figures"]["inbound"]["counts"].answered == 2 * 2
    since, until = (f"{day:%b. }{day.day}" for day in (days_ago(29), days_ago(2)))
    assert f"Calls from {since}" in html
    assert f"to {until}" in html
    assert "more than 13 calls" in html
    assert "Busiest contacts" in html
    figures = response.context["figures"]["inbound"]
    assert shown(boss, figures["answered_url"]) == figures["counts"].answered

    count()

    response = boss.get(URL, {"days": "30"})
    html = response.content.decode()
    assert response.context["figures"]["inbound"]["counts"].answered == 4 * 2
    assert "are left out" not in html
    assert "for periods with up to 13 calls" in html
    assert "Busiest contacts" not in html
    html = boss.get(URL, {"days": "1"}).content.decode()
    assert "for periods with up to" not in html
    assert "were counted" not in html


def test_long_day_is_read_in_full(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    make_day(days_ago(0))
    monkeypatch.setattr(statistics, "MAX_CALLS", 2)

    response = boss.get(URL, {"days": "1"})

    assert response.context["figures"]["inbound"]["counts"].answered == 2
    assert "are left out" not in response.content.decode()


def test_counted_days_need_two_more_queries(boss: Client) -> None:
    make_day(days_ago(3))
    boss.get(URL)
    with CaptureQueriesContext(connection) as without:
        boss.get(URL)
    count()
    with CaptureQueriesContext(connection) as queries:
        boss.get(URL)

    assert len(queries) == len(without) + 2


def test_command_does_not_run_twice_at_once(db: None) -> None:
    with (
        checkpoints.exclusive("", "ringotel_count_calls"),
        pytest.raises(CommandError, match="already running"),
    ):
        count()
