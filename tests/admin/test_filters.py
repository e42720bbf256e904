"""The period of the list of calls, and the filters in use above lists."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.test import Client

from ringotel_crm.models import Activity
from tests.factories import make_contact
from tests.fixtures.admin import make_call

URL = "/admin/ringotel_crm/activity/"


@pytest.fixture
def calls(db: None) -> None:
    """Create a missed call on each of the first nine days of November."""
    for day in range(1, 10):
        start = dt.datetime(2025, 11, day, 23, 59, 59, tzinfo=dt.UTC)
        make_call(day, call_id=str(day), start=start, status="missed")


def shown(client: Client, query: dict[str, Any]) -> str:
    """Return the call ids, the first one first."""
    response = client.get(URL, query)
    assert response.status_code == 200
    return "".join(sorted(call.call_id for call in response.context["cl"].result_list))


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("first", "last", "found"),
    [
        ("2025-11-03", "2025-11-05", "345"),
        ("2025-11-05", "2025-11-05", "5"),
        ("2025-11-08", "", "89"),
        ("", "2025-11-02", "12"),
        ("", "", "123456789"),
    ],
)
def test_period_of_days_narrows_the_list(boss: Client, first: str, last: str, found: str) -> None:
    assert shown(boss, {"first_day": first, "last_day": last}) == found


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("first", "last", "error"),
    [
        ("2025-11-05", "2025-11-03", "Enter a day that is not before the first day."),
        ("yesterday", "", "Enter a valid date."),
        ("", "2025-02-30", "Enter a valid date."),
        ("0001-01-01", "", "Enter a date between 1970 and 2099."),
        ("2025-11-05", "9999-12-31", "Enter a date between 1970 and 2099."),
    ],
)
def test_invalid_period_is_reported_and_does_not_narrow(
    boss: Client, first: str, last: str, error: str
) -> None:
    query = {"first_day": first, "last_day": last}

    assert error in boss.get(URL, query).content.decode()
    assert shown(boss, query) == "123456789"


@pytest.mark.usefixtures("calls")
def test_form_of_the_period_keeps_search_and_other_filters(boss: Client) -> None:
    page = boss.get(f"{URL}?q=3&state=missed&period=7&p=1").content.decode()
    form = page.partition('class="ringotel-period-form"')[2].partition("</form>")[0]

    assert re.findall(r'type="hidden" name="(\w+)" value="(\w+)"', form) == [
        ("q", "3"),
        ("state", "missed"),
    ]


def active(client: Client, query: str) -> list[tuple[str, str]]:
    """Return the text of each filter in use, and the URL without it."""
    page = client.get(f"{URL}?{query}").content.decode()
    part = page.partition('class="ringotel-active-filters"')[2].partition("</ul>")[0]
    links = re.findall(r'<a href="([^"]*)">(.*?) <span', part)
    return [(re.sub("<.*?>", "", text), url.replace("&amp;", "&")) for url, text in links]


@pytest.mark.usefixtures("calls")
def test_list_shows_filters_in_use_and_links_without_each(boss: Client) -> None:
    query = "q=notreal&state=missed&first_day=2025-11-03&last_day=2025-11-05"

    found = dict(active(boss, query))

    assert list(found) == [
        "Search text: notreal",
        "Date: Nov. 3, 2025 – Nov. 5, 2025",
        "Status: missed",
    ]
    assert shown(boss, {}) == "123456789"
    without_search = boss.get(URL + found["Search text: notreal"]).context["cl"].result_list
    assert [call.call_id for call in without_search] == ["5", "4", "3"]


@pytest.mark.usefixtures("calls")
@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("q=Nora", "Search text: Nora"),
        ("period=today", "Date: Today"),
        ("first_day=2025-11-03", "Date: since Nov. 3, 2025"),
        ("last_day=2025-11-03", "Date: until Nov. 3, 2025"),
        ("first_day=2025-11-03&last_day=2025-11-03", "Date: Nov. 3, 2025"),
        ("direction__exact=inbound", "Direction: inbound"),
        ("recorded=yes", "Recording: Recorded"),
        ("agent=me", "Agent: My calls"),
        ("contact_type=1&contact_id__in=5", "Selected from another page"),
        ("o=-1&p=1&first_day=", ""),
        ("first_day=2025-11-05&last_day=2025-11-03", ""),
    ],
)
def test_filter_in_use_is_named_and_removed(boss: Client, query: str, text: str) -> None:
    found = active(boss, query)

    assert [name for name, _url in found] == ([text] if text else [])
    for _name, url in found:
        assert active(boss, url.removeprefix("?")) == []


@pytest.mark.usefixtures("calls")
def test_all_filters_are_cleared_together(boss: Client) -> None:
    page = boss.get(f"{URL}?q=Nora&period=today&o=1&contact_id=5").content.decode()
    [url] = re.findall(r'<a href="([^"]*)">Clear all</a>', page)

    assert url == "?o=1"


def test_contact_list_shows_the_search_in_use(boss: Client) -> None:
    make_contact("Nora Notreal")

    page = boss.get("/admin/ringotel_minicrm/contact/?q=nora").content.decode()

    assert "Search text: <bdi>nora</bdi>" in page


def test_period_replaces_a_choice_and_the_reverse(boss: Client) -> None:
    assert not Activity.objects.exists()
    page = boss.get(f"{URL}?first_day=2025-11-03").content.decode()

    assert "?period=today" in page
    assert "period=today&amp;first_day" not in page


@pytest.mark.usefixtures("calls")
def test_link_before_the_list_leads_to_the_filters(boss: Client) -> None:
    before_list = boss.get(URL).content.decode().partition('id="result_list"')[0]

    assert 'href="#changelist-filter"' in before_list
    assert 'id="changelist-filter"' in boss.get(URL).content.decode()
