from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ringotel_crm import signals
from ringotel_crm.backends import get_backend
from ringotel_crm.models import Activity
from ringotel_crm.records import Actor, CallEnd, CallRef, Status
from ringotel_crm.services.calls.lifecycle import stop_call
from tests.factories import set_times
from tests.fixtures.admin import login_as, make_call

URL = "/admin/ringotel_crm/activity/live/"


def poll(client: Client, etag: str = "") -> Any:
    headers = {"If-None-Match": etag} if etag else {}
    return client.get(f"{URL}calls/", headers=headers)


def ringing(n: int = 1, **fields: Any) -> Activity:
    return make_call(
        n, status=Status.RINGING, start=timezone.now(), end=None, duration=None, **fields
    )


def test_live_page_shows_ringing_and_answered_calls(boss: Client) -> None:
    ringing(1, agent_name="Una Sample")
    make_call(2, status=Status.IN_PROGRESS)
    make_call(3)

    html = boss.get(URL).content.decode()

    assert "+44 20 7946 0001" in html
    assert "+44 20 7946 0002" in html
    assert "+44 20 7946 0003" not in html
    assert "Una Sample" in html


def test_unchanged_poll_needs_one_query_for_calls(boss: Client) -> None:
    ringing()
    etag = poll(boss)["ETag"]

    with CaptureQueriesContext(connection) as queries:
        response = poll(boss, etag)

    assert (response.status_code, response.content) == (304, b"")
    assert len([query for query in queries if "ringotel_crm_activity" in query["sql"]]) == 1
    assert len(queries) == 3  # session, user, fingerprint of the calls


def test_live_calls_use_the_status_index(boss: Client) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Checks the query plan of SQLite.")
    plan = Activity.objects.filter(status__in=["ringing", "in_progress"]).order_by().explain()

    assert "ringotel_call_status" in plan


@pytest.mark.parametrize("change", ["new", "end", "assign", "swap"])
def test_poll_returns_each_change(boss: Client, change: str) -> None:
    call = ringing(1)
    etag = poll(boss)["ETag"]

    if change in ("new", "swap"):
        ringing(2)
    if change in ("end", "swap"):
        Activity.objects.filter(pk=call.pk).update(status=Status.ANSWERED)
    if change == "assign":
        call.contact_name = "Ada Example"
        call.save()

    assert poll(boss, etag).status_code == 200


def test_stale_calls_are_closed_by_command(
    db: None, django_capture_on_commit_callbacks: Any
) -> None:
    old, new = ringing(1), ringing(2)
    set_times(old, updated_at=timezone.now() - dt.timedelta(hours=5))
    received: list[Activity] = []
    signals.call_stopped.connect(
        lambda activity, **kwargs: received.append(activity), weak=False, dispatch_uid="test"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            call_command("ringotel_close_stale_calls", verbosity=0)
    finally:
        signals.call_stopped.disconnect(dispatch_uid="test")

    old.refresh_from_db()
    new.refresh_from_db()
    assert (old.status, new.status) == (Status.UNKNOWN, Status.RINGING)
    assert received == [old]


def test_late_end_replaces_unknown_status(db: None) -> None:
    call = ringing(1)
    set_times(call, updated_at=timezone.now() - dt.timedelta(hours=5))
    call_command("ringotel_close_stale_calls", verbosity=0)

    stop_call(
        get_backend(Actor(user=None)),
        CallRef(activity_id=str(call.pk)),
        CallEnd(duration=20, cause="16"),
    )

    call.refresh_from_db()
    assert (call.status, call.duration) == (Status.ANSWERED, 20)


def test_live_page_hides_stale_calls_and_writes_nothing(boss: Client) -> None:
    call = ringing(1)
    set_times(call, updated_at=timezone.now() - dt.timedelta(hours=5))

    with CaptureQueriesContext(connection) as queries:
        pages = [boss.get(URL), poll(boss)]

    for page in pages:
        assert "+44 20 7946 0001" not in page.content.decode()
    assert all(query["sql"].startswith("SELECT") for query in queries)
    assert Activity.objects.get().status == Status.RINGING


@pytest.mark.usefixtures("groups")
def test_empty_live_page_of_agent_refers_to_own_calls() -> None:
    ringing(1, agent_id="999")

    html = login_as("agent", "una").get(URL).content.decode()

    assert "None of your calls is live." in html
