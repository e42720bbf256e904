from __future__ import annotations

import datetime as dt
import re
from html import unescape

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ringotel_crm.models import Activity
from tests.fixtures.admin import make_call

URL = "/admin/ringotel_crm/activity/overview/"


def make_day(day: dt.date) -> None:
    """Three answered, one missed, one internal."""
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
            duration=75 if status == "answered" else 0,
            status=status,
            direction=direction,
            agent_id="7",
            agent_name="Una Sample",
        )


def links(html: str) -> dict[str, str]:
    """What each figure says, and where it leads."""
    found = re.findall(r'<a xlink:href="([^"]*)"[^>]*aria-label="([^"]*)"', html)
    return {unescape(text): unescape(url) for url, text in found}


def test_each_figure_leads_to_as_many_calls(boss: Client) -> None:
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


def test_the_time_until_an_answer(boss: Client) -> None:
    make_day(timezone.localdate())

    assert any(text.endswith(": 10.0 s") for text in links(boss.get(URL).content.decode()))


def test_a_single_day_has_the_time_until_an_answer_as_a_figure(boss: Client) -> None:
    make_day(timezone.localdate())

    html = boss.get(URL, {"days": "1"}).content.decode()

    assert re.search(r"on average</dt><dd><a [^>]*>10\.0<", html)
    assert "Calls per day<" not in html


def test_a_long_name_leaves_room_for_the_bars(boss: Client) -> None:
    make_day(timezone.localdate())
    Activity.objects.update(agent_name="Sample-Nobody " * 15)

    html = boss.get(URL, {"days": "1"}).content.decode()

    assert "Sample-Nobody Sample-No…" in html
    assert '<rect x="-' not in html


def test_one_query_a_picture(boss: Client) -> None:
    make_day(timezone.localdate())
    with CaptureQueriesContext(connection) as queries:
        boss.get(URL)

    # Days and times until an answer share one.
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
def test_the_period(boss: Client, query: dict[str, str], count: int) -> None:
    make_day(timezone.localdate() - dt.timedelta(days=20))

    response = boss.get(URL, query)

    assert response.status_code == 200
    assert (response.context["answered"]) == count


def test_any_range(boss: Client) -> None:
    make_day(dt.date(2026, 3, 2))

    response = boss.get(URL, {"since": "2026-03-02", "until": "2026-03-02"})

    assert (response.context["answered"], response.context["missed"]) == (3, 1)


def test_nothing_a_strict_policy_would_refuse(boss: Client) -> None:
    make_day(timezone.localdate())
    html = boss.get(URL).content.decode()
    drawn = "".join(re.findall(r'<svg[^>]*class="ringotel-chart".*?</svg>', html, re.DOTALL))

    assert drawn.count("<svg") == 5
    assert not re.search(r"<script|<style|style=|https?://(?!www\.w3\.org/)", drawn)


def test_without_calls_it_says_what_to_do(boss: Client) -> None:
    assert b"Choose a longer period" in boss.get(URL).content
