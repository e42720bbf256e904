from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from html import unescape
from typing import Any

import pytest
from django.contrib import admin
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import Settings

from ringotel_crm.admin.overview import Period
from tests.fixtures.admin import login_as, make_call

URL = "/admin/ringotel_crm/activity/overview/"


def make_day(day: dt.date, prefix: str = "") -> None:
    """Create three answered calls, one missed, one internal and one outbound without answer."""
    for n, (hour, status, direction) in enumerate(
        [
            (9, "answered", "inbound"),
            (9, "answered", "outbound"),
            (14, "answered", "inbound"),
            (14, "missed", "inbound"),
            (15, "answered", "internal"),
            (16, "missed", "outbound"),
        ]
    ):
        start = timezone.make_aware(dt.datetime.combine(day, dt.time(hour)))
        make_call(
            n,
            call_id=f"{prefix}{n}",
            start=start,
            end=start + dt.timedelta(seconds=85),
            duration={"answered": 75, "missed": 0}[status],
            status=status,
            direction=direction,
            agent_id="7",
            agent_name="Una Sample",
            contact_id="9",
            contact_name="Ada Example",
        )


def links(html: str) -> dict[str, str]:
    """Return the URLs of the bars by their texts."""
    found = re.findall(r'<a xlink:href="([^"]*)"[^>]*aria-label="([^"]*)"', html)
    return {unescape(text): unescape(url) for url, text in found}


def shown(client: Client, url: str) -> int:
    """Return the number of calls in the list at ``url``."""
    count: int = client.get(url).context["cl"].result_count
    return count


def test_bar_links_to_the_counted_calls(boss: Client) -> None:
    day = timezone.localdate()
    make_day(day)

    figures = links(boss.get(URL).content.decode())

    states = ("answered", "missed", "no answer")
    counted = {
        text: int(re.split(": | ", text)[-3 if text.endswith("no answer") else -2])
        for text in figures
        if text.endswith(states)
    }
    assert {"9:00: 1 answered", "14:00: 1 answered", "14:00: 1 missed", "16:00: 1 no answer"} <= {
        *counted
    }
    assert [text for text, url in figures.items() if shown(boss, url) != counted.get(text)] == [
        text for text in figures if text.endswith(" s")
    ]


def test_figure_equals_the_number_of_listed_calls(boss: Client) -> None:
    make_day(timezone.localdate())
    response = boss.get(URL)
    found = re.findall(
        r'<a href="([^"]*)">(\d+)</a>', response.content.decode().partition("ringotel-figures")[2]
    )

    assert len(found) == 4 + 4 + 4  # the totals, the agent, the contact
    for url, number in found:
        assert shown(boss, unescape(url)) == int(number), url


def test_directions_are_counted_apart(boss: Client) -> None:
    make_day(timezone.localdate())
    figures = boss.get(URL).context["figures"]

    inbound, outbound = figures["inbound"]["counts"], figures["outbound"]["counts"]
    assert (inbound.answered, inbound.unanswered) == (2, 1)
    assert (outbound.answered, outbound.unanswered) == (1, 1)
    html = boss.get(URL).content.decode()
    assert "66.7%" in html
    assert "50%" in html
    assert "Inbound calls per day<" in html
    assert "Outbound calls per day<" in html


def test_overview_of_one_agent_counts_the_calls_of_the_agent(boss: Client) -> None:
    make_day(timezone.localdate())
    make_call(50, start=timezone.now(), agent_id="8", agent_name="Kim Sample")
    make_call(51, start=timezone.now(), status="missed")

    response = boss.get(URL)
    [una, none, kim] = response.context["tables"][0]["rows"]
    assert [row["name"] for row in (una, none, kim)] == ["Una Sample", "No agent", "Kim Sample"]
    assert shown(boss, none["inbound"]["unanswered_url"]) == 1

    response = boss.get(f"{URL}{kim['url']}")
    figures = response.context["figures"]["inbound"]
    assert (figures["counts"].answered, figures["counts"].unanswered) == (1, 0)
    assert shown(boss, figures["answered_url"]) == 1
    assert "Calls by agent" not in response.content.decode()
    assert f"agent={una['url'].partition('agent=')[2]}" in una["url"]
    assert 'href="?days=30&amp;agent=8"' in response.content.decode()


def test_callers_with_a_conversation_afterwards_were_called_back(boss: Client) -> None:
    start = timezone.now() - dt.timedelta(days=3)

    def call(caller: int, minutes: float, **fields: Any) -> None:
        at = start + dt.timedelta(minutes=minutes)
        make_call(caller, call_id=f"{caller} {minutes}", start=at, **fields)

    def back(caller: int, minutes: float) -> None:
        number = f"+44207946{caller:04}"
        call(caller, minutes, direction="outbound", caller_e164="", called_e164=number)

    call(1, 0, status="missed")  # called back an hour after the second missed call
    call(1, 30, status="voicemail")
    back(1, 90)
    call(2, 0, status="missed")  # called again
    call(2, 20)
    call(3, 0)  # missed after the conversation
    call(3, 10, status="missed")
    call(4, 0, status="missed", caller_e164="")
    call(5, 0, status="missed", direction="outbound")

    response = boss.get(URL)

    callbacks = response.context["callbacks"]
    assert (callbacks.callers, callbacks.called_back) == (3, 2)
    assert callbacks.median == dt.timedelta(minutes=40)
    html = response.content.decode()
    assert "40\xa0minutes" in html
    assert "66.7%" in html


def test_conversation_weeks_later_is_no_callback(boss: Client) -> None:
    start = timezone.now() - dt.timedelta(days=20)
    make_call(1, status="missed", start=start)
    make_call(1, call_id="later", start=start + dt.timedelta(days=15))

    callbacks = boss.get(URL, {"days": "30"}).context["callbacks"]

    assert (callbacks.callers, callbacks.called_back) == (1, 0)


@pytest.mark.parametrize(
    ("since", "until", "title", "count", "label"),
    [
        ("2026-03-01", "2026-03-31", "Inbound calls per day", 31, "March 2"),
        ("2026-03-01", "2026-04-01", "Inbound calls per week", 5, "March 1"),
        ("2025-03-15", "2026-03-15", "Inbound calls per month", 13, "March 2026"),
    ],
)
def test_long_period_is_charted_by_week_or_month(
    boss: Client, since: str, until: str, title: str, count: int, label: str
) -> None:
    make_day(dt.date(2026, 3, 2))

    response = boss.get(URL, {"since": since, "until": until})

    charts = dict(response.context["charts"])
    assert title in charts
    figures = links(charts[title])
    assert {f"{label}: 2 answered", f"{label}: 1 missed"} == {*figures}
    assert shown(boss, figures[f"{label}: 2 answered"]) == 2
    period = Period(
        site=admin.site,
        since=dt.date.fromisoformat(since),
        until=dt.date.fromisoformat(until),
        agent="",
    )
    parts = [*period.parts().values()]
    assert len(parts) == count
    assert (parts[0].since, parts[-1].until) == (period.since, period.until)
    assert sum(part.number_of_days for part in parts) == period.number_of_days


def test_answer_time_is_charted(boss: Client) -> None:
    make_day(timezone.localdate())

    assert any(text.endswith(": 10.0 s") for text in links(boss.get(URL).content.decode()))


def test_single_day_shows_answer_time_as_figure(boss: Client) -> None:
    make_day(timezone.localdate())

    html = boss.get(URL, {"days": "1"}).content.decode()

    assert re.search(r"time to answer</dt>\s*<dd><a [^>]*>10\.0 s<", html)
    assert "calls per day<" not in html


@pytest.mark.parametrize("days", [1, 7, 365])
def test_period_needs_the_same_queries(boss: Client, days: int) -> None:
    make_day(timezone.localdate())
    with CaptureQueriesContext(connection) as queries:
        boss.get(URL, {"days": str(days)})

    calls = [
        query
        for query in queries
        if 'FROM "ringotel_crm_activity"' in query["sql"].replace("`", '"')
    ]
    # The limit, by time, by agent, callbacks, by contact, and the count in the menu.
    assert len(calls) == 6


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ({}, 0),
        ({"days": "30"}, 3),
        ({"days": "1"}, 0),
        ({"days": "x"}, 0),
        ({"since": "2026-01-01", "until": "2025-01-01"}, 0),
        ({"since": "2000-01-01", "until": "2026-01-01"}, 0),
        ({"since": "x", "until": "x"}, 0),
        ({"days": "30", "agent": "7"}, 3),
        ({"days": "30", "agent": "77"}, 0),
        ({"days": "30", "agent": "7\0"}, 3),
        ({"days": "30", "agent": "7" * 300}, 3),
    ],
)
def test_period_limits_the_counts(boss: Client, query: dict[str, str], count: int) -> None:
    make_day(timezone.localdate() - dt.timedelta(days=20))

    response = boss.get(URL, query)

    assert response.status_code == 200
    figures = response.context.get("figures")
    found = sum(figures[name]["counts"].answered for name in figures) if figures else 0
    assert found == count


def test_custom_range_is_counted(boss: Client) -> None:
    make_day(dt.date(2026, 3, 2))

    response = boss.get(URL, {"since": "2026-03-02", "until": "2026-03-02"})

    inbound = response.context["figures"]["inbound"]["counts"]
    assert (inbound.answered, inbound.unanswered) == (2, 1)


@pytest.mark.usefixtures("groups")
def test_agent_sees_own_figures_without_a_choice_of_agents() -> None:
    una = login_as("agent", "una")
    make_call(1, start=timezone.now(), agent_id=str(una.session["_auth_user_id"]))
    make_call(2, start=timezone.now(), agent_id="999")

    response = una.get(URL, {"agent": "999"})

    assert response.context["figures"]["inbound"]["counts"].answered == 1
    assert 'name="agent"' not in response.content.decode()


# From each zone one day with a change of its offset, and one without.
DAYS = [
    *(("Europe/Dublin", dt.date(2026, 3, 2)), ("Europe/Dublin", dt.date(2026, 3, 29))),
    *(("Europe/Dublin", dt.date(2026, 10, 25)), ("America/New_York", dt.date(2026, 11, 1))),
    *(("Asia/Kolkata", dt.date(2026, 3, 2)), ("Australia/Lord_Howe", dt.date(2026, 4, 5))),
    *(("Pacific/Kiritimati", dt.date(2026, 3, 2)), ("America/St_Johns", dt.date(2026, 3, 8))),
]


@pytest.mark.parametrize(("zone", "day"), DAYS)
def test_days_and_hours_are_local(
    boss: Client, settings: Settings, zone: str, day: dt.date
) -> None:
    settings.TIME_ZONE = zone
    midnight = timezone.make_aware(dt.datetime.combine(day, dt.time()))
    hours: Counter[int] = Counter()
    quarter = midnight.astimezone(dt.UTC)
    while timezone.localtime(quarter).date() == day:
        make_call(call_id=f"{quarter}", start=quarter)
        hours[timezone.localtime(quarter).hour] += 1
        quarter += dt.timedelta(minutes=15)
    for outside in (midnight - dt.timedelta(minutes=1), quarter):
        make_call(call_id=f"{outside}", start=outside)

    since, until = day - dt.timedelta(days=3), day + dt.timedelta(days=3)
    figures = links(boss.get(URL, {"since": str(since), "until": str(until)}).content.decode())

    label = date_format(day, "MONTH_DAY_FORMAT")
    assert f"{label}: {hours.total()} answered" in figures
    figures = links(boss.get(URL, {"since": str(day), "until": str(day)}).content.decode())
    # Of the hours of ordinary length, the first and the last.
    for hour in {0, 23, *(hour for hour, count in hours.items() if count != 4)} & hours.keys():
        count = hours[hour]
        url = figures[f"{hour}:00: {count} answered"]
        assert boss.get(url).context["cl"].result_count == count


@pytest.mark.parametrize(
    "period",
    [
        {},
        {"start__gte": "2026-03-02"},
        {"start__gte": "x", "start__lt": "y"},
        {"start__gte": "0001-01-01T00:00", "start__lt": "9999-12-31T23:59"},
        {"start__gte": "2026-03-02T00:00", "start__lt": "2026-03-01T00:00"},
    ],
)
@pytest.mark.parametrize("hour", ["9", "99", "x", "-1", "9" * 30])
def test_invalid_hour_or_period_is_no_error(
    boss: Client, hour: str, period: dict[str, str]
) -> None:
    make_call()
    assert boss.get("/admin/ringotel_crm/activity/", {"hour": hour, **period}).status_code < 400


def test_charts_comply_with_strict_csp(boss: Client) -> None:
    make_day(timezone.localdate())
    html = boss.get(URL).content.decode()
    drawn = "".join(re.findall(r'<svg[^>]*class="ringotel-chart".*?</svg>', html, re.DOTALL))

    assert drawn.count("<svg") == 5
    assert not re.search(r"<script|<style|style=|https?://(?!www\.w3\.org/)", drawn)


def test_empty_list_links_to_connect_page(boss: Client) -> None:
    assert b"Choose a longer period" in boss.get(URL).content
