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


def test_charts_comply_with_strict_csp(boss: Client) -> None:
    make_day(timezone.localdate())
    html = boss.get(URL).content.decode()
    drawn = "".join(re.findall(r'<svg[^>]*class="ringotel-chart".*?</svg>', html, re.DOTALL))

    assert drawn.count("<svg") == 5
    assert not re.search(r"<script|<style|style=|https?://(?!www\.w3\.org/)", drawn)


def test_empty_list_links_to_connect_page(boss: Client) -> None:
    assert b"Choose a longer period" in boss.get(URL).content
