from __future__ import annotations

import datetime as dt
import re
from collections import Counter
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from django.utils.formats import date_format
from pytest_django import Settings

from ringotel_crm.models import Activity
from tests.fixtures.admin import make_call

URL = "/admin/ringotel_crm/activity/overview/"


def make_day(day: dt.date) -> None:
    """Create three answered calls, one missed and one internal call."""
    for n, (hour, status, direction) in enumerate(
        [
            (9, "answered", "inbound"),
            (9, "answered", "outbound"),
            (14, "answered", "inbound"),
            (14, "missed", "inbound"),
            (15, "answered", "internal"),
        ]
    ):
        start = timezone.make_aware(dt.datetime.combine(day, dt.time(hour)))
        make_call(
            n,
            start=start,
            end=start + dt.timedelta(seconds=85),
            duration={"answered": 75, "missed": 0}[status],
            status=status,
            direction=direction,
            agent_id="7",
            agent_name="Una Sample",
        )


def links(html: str) -> dict[str, str]:
    """Return the URLs of the bars by their texts."""
    found = re.findall(r'<a xlink:href="([^"]*)"[^>]*aria-label="([^"]*)"', html)
    return {unescape(text): unescape(url) for url, text in found}


def test_figure_links_to_the_counted_calls(boss: Client) -> None:
    day = timezone.localdate()
    make_day(day)

    figures = links(boss.get(URL).content.decode())

    counted = {
        text: int(text.rsplit(" ", 2)[1])
        for text in figures
        if text.endswith(("answered", "missed"))
    }
    assert "9:00: 2 answered" in counted
    assert "14:00: 1 missed" in counted
    assert "Una Sample (3:45): 3 answered" in counted
    for text, url in figures.items():
        found = len(boss.get(url).context["cl"].result_list)
        assert found == counted.get(text, found), text


def test_answer_time_is_charted(boss: Client) -> None:
    make_day(timezone.localdate())

    assert any(text.endswith(": 10.0 s") for text in links(boss.get(URL).content.decode()))


def test_single_day_shows_answer_time_as_figure(boss: Client) -> None:
    make_day(timezone.localdate())

    html = boss.get(URL, {"days": "1"}).content.decode()

    assert re.search(r"time to answer</dt>\s*<dd><a [^>]*>10\.0 s<", html)
    assert "Calls per day<" not in html


def test_long_name_is_truncated(boss: Client) -> None:
    make_day(timezone.localdate())
    Activity.objects.update(agent_name="Sample-Notreal " * 15)

    html = boss.get(URL, {"days": "1"}).content.decode()

    assert "Sample-Notreal Sample-N…" in html
    assert '<rect x="-' not in html


def test_chart_needs_one_query(boss: Client) -> None:
    make_day(timezone.localdate())
    with CaptureQueriesContext(connection) as queries:
        boss.get(URL)

    # The charts per day share a query.
    assert len([query for query in queries if "GROUP BY" in query["sql"]]) == 4


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
    ],
)
def test_period_limits_the_counts(boss: Client, query: dict[str, str], count: int) -> None:
    make_day(timezone.localdate() - dt.timedelta(days=20))

    response = boss.get(URL, query)

    assert response.status_code == 200
    assert (response.context["answered"]) == count


def test_custom_range_is_counted(boss: Client) -> None:
    make_day(dt.date(2026, 3, 2))

    response = boss.get(URL, {"since": "2026-03-02", "until": "2026-03-02"})

    assert (response.context["answered"], response.context["missed"]) == (3, 1)


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

    label = date_format(day, "SHORT_DATE_FORMAT")
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
