from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries, Settings

from ringotel_crm.internal import request_log
from ringotel_crm.models import Webhook, WebhookEvent
from tests.admin.test_call_list import of
from tests.admin.test_follow_ups import make_follow_up
from tests.factories import make_contact, make_user
from tests.fixtures.admin import login_as, make_call

QUERIES = 16
DESK = "/admin/ringotel_crm/activity/desk/"


@pytest.fixture
def una(groups: None) -> Client:
    return login_as("agent", "una")


def user_id(client: Client) -> str:
    return str(client.session["_auth_user_id"])


def test_desk_shows_what_concerns_the_user(una: Client) -> None:
    me, kim, now = user_id(una), make_user("kim"), timezone.now()
    ada = make_contact("Ada Example")
    make_call(1, agent_id=me, comment="my comment", start=now, **of(ada))
    make_call(2, agent_id=me, status="ringing", start=now)
    make_call(3, agent_id=str(kim.pk), comment="of Kim", start=now)
    make_follow_up("late", -2, assignee_id=int(me))
    make_follow_up("today", assignee_id=int(me))
    make_follow_up("tomorrow", 1, assignee_id=int(me))
    make_follow_up("not mine", assignee=kim)

    response = una.get(DESK)
    html = response.content.decode()

    assert "my comment" in html
    assert "Ada Example" in html
    assert "+44 20 7946 0002" in html
    assert "of Kim" not in html
    assert [str(row) for row, *_about in response.context["follow_ups"]] == ["late", "today"]
    assert response.context["today"]["calls"] == 2
    assert [call.call_id for call, *_about in response.context["live"]] == ["call-2"]
    assert "Connection to Ringotel" not in html


def test_desk_lists_callers_to_call_back(boss: Client) -> None:
    make_call(1, status="missed", start=timezone.now(), contact_name="Ada Example")

    assert "I take it" in boss.get(DESK).content.decode()


def test_administrator_sees_the_connection(boss: Client) -> None:
    request_log.record("hooks", "FindContact", 200, 5)
    request_log.record("hooks", "FindContact", 403, 5)
    webhook = Webhook.objects.create(name="main", user=make_user("service"))
    WebhookEvent.objects.create(webhook=webhook, body="{}")

    connection = boss.get(DESK).context["connection"]

    assert (connection["requests"], connection["failed"]) == (2, 1)
    status = connection["status"]
    assert (status.pending_events, status.failed_events, status.open_calls) == (1, 0, 0)
    assert status.last_requests["hooks"].status == 403


def test_numbers_of_a_day_with_many_calls_are_kept_for_those_who_see_all(
    una: Client, boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def calls_today(client: Client) -> int:
        return int(client.get(DESK).context["today"]["calls"])

    monkeypatch.setattr("ringotel_crm.admin.desk.MANY_CALLS", 2)
    now = timezone.now()
    for n, shown in ((1, 1), (2, 2), (3, 2)):
        make_call(n, agent_id=user_id(una), start=now)
        assert (calls_today(boss), calls_today(una)) == (shown, n)


def test_tag_shows_the_desk_on_the_index_of_a_site(
    una: Client, boss: Client, settings: Settings
) -> None:
    settings.TEMPLATES = [{**settings.TEMPLATES[0], "DIRS": ["demo_project/templates"]}]
    newcomer = Client()
    newcomer.force_login(make_user("newcomer", is_staff=True))

    assert "You have not taken a call yet." in una.get("/admin/").content.decode()
    assert "Connection to Ringotel" in boss.get("/admin/").content.decode()
    assert "ringotel-desk" not in newcomer.get("/admin/").content.decode()


def test_empty_desk_is_shown(una: Client) -> None:
    html = una.get(DESK).content.decode()

    assert "No callers to call back." in html
    assert "No follow-ups are due." in html
    assert "You have not taken a call yet." in html


@pytest.mark.django_db
def test_desk_requires_permission_to_view_calls() -> None:
    client = Client()
    client.force_login(make_user("newcomer", is_staff=True))

    assert client.get(DESK).status_code == 403


def test_query_count_is_independent_of_rows(
    una: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    me, now = user_id(una), timezone.now()
    for n in range(1, 9):
        contact = of(make_contact(f"Ada{n} Example"))
        make_call(n, agent_id=me, start=now, **contact)
        make_call(50 + n, agent_id=me, status="ringing", start=now, **contact)
        make_call(100 + n, agent_id=me, status="missed", start=now)
        make_follow_up("late", -n, assignee_id=int(me))
    una.get(DESK)

    with django_assert_num_queries(QUERIES):
        una.get(DESK)
