"""The list of callers to call back."""

from __future__ import annotations

import datetime as dt
import re
from itertools import count
from typing import Any

import pytest
from django.contrib import admin
from django.contrib.auth.models import Permission, User
from django.db import connection
from django.test import Client, RequestFactory
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.backends import get_backend
from ringotel_crm.models import Activity, Callback, CallLeg
from ringotel_crm.records import Actor, CallEnd, CallStart
from ringotel_crm.services.calls import access, callbacks
from ringotel_crm.services.calls.legs import log_leg
from tests.admin.test_access import recorded
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization, make_user, number, set_times
from tests.fixtures.admin import login_as, make_call

URL = "/admin/ringotel_crm/callback/"
CALLS = "/admin/ringotel_crm/activity/"
INDEX = "http://testserver/admin/?x=1"

ids = count(1)


def ago(minutes: float) -> dt.datetime:
    return timezone.now() - dt.timedelta(minutes=minutes)


def missed(minutes: float = 30, caller: str = number(1), **fields: Any) -> Activity:
    """Create a missed inbound call that started ``minutes`` ago."""
    defaults = {"caller_number": caller, "caller_e164": caller, "status": "missed", "duration": 0}
    start = ago(minutes)
    return make_call(next(ids), start=start, end=start, **{**defaults, **fields})


def spoken(minutes: float, other: str = number(1), *, is_outbound: bool = False) -> Activity:
    """Create an answered call with ``other`` that started ``minutes`` ago."""
    if is_outbound:
        numbers = {"caller_e164": "", "called_e164": other, "direction": "outbound"}
    else:
        numbers = {"caller_e164": other, "called_e164": "", "direction": "inbound"}
    return make_call(next(ids), start=ago(minutes), **numbers)


def rows(client: Client, **query: str) -> list[Any]:
    found: list[Any] = client.get(URL, query).context["rows"]
    return found


def numbers(client: Client) -> list[str]:
    return [row.caller.number for row in rows(client)]


def act(client: Client, action: str, call: Activity | int, **data: str) -> Any:
    pk = call.pk if isinstance(call, Activity) else call
    return client.post(URL, {"action": action, "call": pk, **data}, follow=True)


def words(response: Any) -> list[str]:
    """Return the texts of the messages, without buttons."""
    found = [str(message) for message in response.context["messages"]]
    return [re.sub("<button.*?</button>|<[^>]*>", "", text).strip() for text in found]


def test_caller_has_one_row_with_all_missed_calls(boss: Client) -> None:
    company = make_organization("Sample Ltd")
    ada = make_contact("Ada Example", number(1), organization=company)
    missed(30, comment="Asked for a plumber", **of(ada))
    voicemail = missed(20, status="voicemail", **of(ada))
    latest = missed(10, status="busy", agent_name="Una Sample", **of(ada))
    missed(5, number(2))

    other, row = rows(boss)

    assert (other.caller.number, other.caller.count) == (number(2), 1)
    assert (row.name, row.company, row.caller.count) == ("Ada Example", "Sample Ltd", 3)
    assert row.url == f"/admin/ringotel_minicrm/contact/{ada.pk}/change/"
    assert row.caller.last_call == latest
    assert row.caller.voicemail == voicemail
    assert row.caller.phones == ["Una Sample"]
    assert row.caller.last_comment == "Asked for a plumber"
    html = boss.get(URL).content.decode()
    assert "+44 20 7946 0002" in html
    assert f">{number(2)}<" not in html


def test_caller_who_became_a_contact_is_shown_by_name(boss: Client) -> None:
    missed()
    ada = make_contact("Ada Example", number(1))

    [row] = rows(boss)

    assert (row.name, row.url) == (
        "Ada Example",
        f"/admin/ringotel_minicrm/contact/{ada.pk}/change/",
    )


def test_number_of_several_contacts_is_not_shown_as_one_person(boss: Client) -> None:
    missed()
    make_contact("Ada Example", number(1))
    make_contact("Bob Notreal", number(1))

    assert rows(boss)[0].name == ""


def test_old_comments_are_not_shown(boss: Client) -> None:
    call = spoken(91 * 24 * 60)
    Activity.objects.filter(pk=call.pk).update(comment="Call again on Monday")
    missed(10)
    assert rows(boss)[0].caller.last_comment == ""

    Activity.objects.filter(pk=call.pk).update(start=timezone.now() - dt.timedelta(days=89))
    assert rows(boss)[0].caller.last_comment == "Call again on Monday"


def test_last_comment_may_be_of_a_call_to_the_number(boss: Client) -> None:
    missed(90, comment="First")
    call = spoken(60, is_outbound=True)
    Activity.objects.filter(pk=call.pk).update(comment="Call again on Monday")
    missed(10)

    assert rows(boss)[0].caller.last_comment == "Call again on Monday"


@pytest.mark.parametrize(
    "fields",
    [
        {"direction": "outbound"},
        {"direction": "internal"},
        {"direction": ""},
        {"status": "ringing"},
        {"status": "unknown"},
        {"status": "answered"},
        {"caller_number": "anonymous", "caller_e164": ""},
        {"minutes": 60 * 24 * 15},
    ],
    ids=str,
)
def test_other_calls_are_not_listed(boss: Client, fields: dict[str, Any]) -> None:
    missed(**fields)

    assert rows(boss) == []


def test_setting_lists_older_calls(boss: Client, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "CALLBACK_DAYS": 30}
    missed(60 * 24 * 15)

    assert len(rows(boss)) == 1


@pytest.mark.parametrize("is_outbound", [True, False])
def test_conversation_takes_the_caller_off_the_list(boss: Client, is_outbound: bool) -> None:
    missed(30)
    missed(30, number(2))
    spoken(60, is_outbound=is_outbound)
    spoken(20, number(3), is_outbound=is_outbound)
    assert {*numbers(boss)} == {number(1), number(2)}

    spoken(10, is_outbound=is_outbound)
    assert numbers(boss) == [number(2)]

    missed(5)
    assert [row.caller.count for row in rows(boss)] == [1, 1]


def test_unanswered_call_to_the_caller_changes_nothing(boss: Client) -> None:
    missed(30)
    make_call(next(ids), direction="outbound", status="missed", called_e164=number(1), start=ago(5))

    assert numbers(boss) == [number(1)]


def test_late_event_of_an_earlier_conversation_changes_nothing(boss: Client) -> None:
    missed(30)
    spoken(40)
    missed(50)

    assert rows(boss)[0].caller.count == 1


def test_calls_without_a_number_are_counted(boss: Client) -> None:
    missed(caller_e164="")

    assert "1 missed call with a withheld or unreadable number" in boss.get(URL).content.decode()


def test_user_is_on_it_until_released(boss: Client) -> None:
    call = missed()

    assert words(act(boss, "take", call)) == ["You are on it: +44 20 7946 0001"]
    assert rows(boss)[0].is_taken_by_user
    assert words(act(boss, "release", call)) == ["You are no longer on it: +44 20 7946 0001"]
    assert rows(boss)[0].taken_by == ""


def test_second_user_gets_a_warning_and_may_take_over(boss: Client, admin_client: Client) -> None:
    call = missed()
    act(boss, "take", call)

    assert words(act(admin_client, "take", call)) == ["boss is already on it: +44 20 7946 0001"]
    assert rows(admin_client)[0].taken_by == "boss"
    act(admin_client, "release", call)
    assert rows(admin_client)[0].taken_by == "boss"
    act(admin_client, "take_over", call)
    assert rows(boss)[0].taken_by == "admin"


def test_user_on_an_earlier_series_of_calls_is_not_on_a_new_one(boss: Client) -> None:
    call = missed(60)
    act(boss, "take", call)
    Callback.objects.update(taken_at=ago(50))
    spoken(40)
    missed(30)

    assert rows(boss)[0].taken_by == ""


def test_caller_who_left_the_list_cannot_be_taken(boss: Client) -> None:
    call = missed(30)
    spoken(10)

    assert words(act(boss, "take", call)) == ["No longer in the list: +44 20 7946 0001"]


def test_done_can_be_undone_and_hides_no_later_call(boss: Client) -> None:
    missed(60)
    act(boss, "done", missed(50))
    seen = missed(40)
    missed(30)

    assert words(act(boss, "done", seen)) == ["Done: +44 20 7946 0001"]
    assert [row.caller.count for row in rows(boss)] == [1]
    act(boss, "done", seen)
    [(_row, call, name, user)] = boss.get(URL).context["done"]
    assert (call, name, user) == (seen, "+44 20 7946 0001", "boss")

    act(boss, "reopen", seen)
    act(boss, "reopen", seen)
    assert [row.caller.count for row in rows(boss)] == [2]


def test_undo_button_of_the_message_works(boss: Client) -> None:
    call = missed()
    html = act(boss, "done", call).content.decode()
    form = re.search(r'<form class="ringotel-undo".*?</form>', html, re.DOTALL)
    assert form
    data = dict(re.findall(r'name="(\w+)" value="([^"]*)"', form[0]))

    client = Client(enforce_csrf_checks=True)
    client.cookies = boss.cookies
    assert client.post(URL, data).status_code == 302
    assert len(rows(boss)) == 1


@pytest.mark.parametrize("call", ["", "x", "-1", "9" * 30, "999999", "1\0"])
def test_unknown_call_is_not_found(boss: Client, call: str) -> None:
    assert boss.post(URL, {"action": "take", "call": call}).status_code == 404


def test_unknown_action_is_refused(boss: Client) -> None:
    assert boss.post(URL, {"action": "erase", "call": missed().pk}).status_code == 400


@pytest.mark.parametrize("page", ["0", "7", "x", "-1", "9" * 30])
def test_any_page_number_is_accepted(boss: Client, page: str) -> None:
    missed()

    assert boss.get(URL, {"p": page}).status_code == 200


def test_more_than_fifty_callers_are_on_several_pages(boss: Client) -> None:
    for n in range(60):
        missed(n + 1, number(n))

    assert [len(rows(boss, p=page)) for page in ("0", "1", "2")] == [50, 10, 0]


@pytest.mark.parametrize(
    ("url", "target"),
    [
        (INDEX, INDEX),
        ("https://evil.example/", URL),
        ("", URL),
    ],
)
def test_action_returns_to_a_page_of_the_site(boss: Client, url: str, target: str) -> None:
    data = {"action": "take", "call": missed().pk}

    assert boss.post(URL, data, headers={"Referer": url})["Location"] == target


@pytest.mark.usefixtures("groups")
def test_agent_sees_the_callers_for_whom_the_own_phone_rang() -> None:
    una, kim = login_as("agent", "una"), login_as("agent", "kim")
    una_id = str(User.objects.get(username="una").pk)
    group = missed(10)
    group.legs.create(extension="500", agent_id=una_id, agent_name="Una Sample")
    group.legs.create(extension="501", agent_id="999")
    missed(20, number(2), agent_id=una_id)
    missed(30, number(3), agent_id="999")

    assert numbers(una) == [number(1), number(2)]
    assert rows(una)[0].caller.phones == ["Una Sample", "501"]
    assert numbers(kim) == []
    assert act(kim, "take", group).status_code == 404
    # A colleague's conversation counts too.
    spoken(5)
    assert numbers(una) == [number(2)]


@pytest.mark.usefixtures("groups")
@pytest.mark.parametrize("is_old", [False, True])
def test_agent_with_many_legs_sees_all_callers_of_the_period(
    monkeypatch: pytest.MonkeyPatch, is_old: bool
) -> None:
    monkeypatch.setattr(access, "MAX_LEGS", 2)
    client = login_as("agent", "una")
    calls = [missed(caller=number(n)) for n in range(1, 5)]
    for call in calls:
        CallLeg.objects.create(
            activity=call, extension="501", agent_id=client.session["_auth_user_id"]
        )
    if is_old:
        month_ago = timezone.now() - dt.timedelta(days=30)
        for call in calls[:3]:
            set_times(call, start=month_ago, created_at=month_ago)

    listed = range(4, 5) if is_old else range(1, 5)
    assert {*numbers(client)} == {number(n) for n in listed}


@pytest.mark.usefixtures("groups")
def test_voicemail_is_played_by_permission() -> None:
    una, boss = login_as("agent", "una"), login_as("administrator", "boss")
    recording = recorded(1, "999")
    call = recording.activity
    call.legs.create(extension="500", agent_id=str(User.objects.get(username="una").pk))
    Activity.objects.filter(pk=call.pk).update(status="voicemail", start=ago(10))

    for client, is_permitted in ((una, False), (boss, True)):
        html = client.get(URL).content.decode()
        assert "voicemail" in html
        assert (f"/ringotel/recordings/{recording.pk}/" in html) is is_permitted


def test_user_without_permission_to_change_sees_who_is_on_it(boss: Client) -> None:
    viewer = make_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_activity"))
    client = Client()
    client.force_login(viewer)
    call = missed()
    act(boss, "take", call)

    html = client.get(URL).content.decode()

    assert "<bdi>boss</bdi>" in html
    assert 'value="take' not in html
    assert act(client, "take_over", call).status_code == 403


def test_user_without_permission_gets_403(db: None) -> None:
    client = Client()
    client.force_login(make_user("una", is_staff=True))

    assert client.get(URL).status_code == 403
    assert "To call back" not in client.get("/admin/").content.decode()


def test_tenants_are_apart(boss: Client) -> None:
    missed(30, tenant="north")
    missed(30, tenant="south")
    make_call(next(ids), tenant="south", direction="outbound", called_e164=number(1), start=ago(5))

    [row] = rows(boss)
    assert row.caller.last_call.tenant == "north"
    act(boss, "done", row.caller.last_call)
    assert rows(boss) == []
    missed(3, tenant="south")
    assert len(rows(boss)) == 1


def test_menu_and_list_of_calls_show_the_count(boss: Client) -> None:
    assert ">To call back</a>" in boss.get(CALLS).content.decode()
    missed(30)
    call = missed(30, number(2))
    act(boss, "release", call)  # the count is up to 30 seconds old for other users

    for page in ("/admin/", "/admin/ringotel_crm/", CALLS, URL):
        assert "To call back (2)" in boss.get(page).content.decode(), page

    act(boss, "done", call)
    assert "To call back (1)" in boss.get("/admin/").content.decode()


def test_menu_of_one_app_may_be_requested_by_name(boss: Client, rf: RequestFactory) -> None:
    request = rf.get("/admin/")
    request.user = User.objects.get(username="boss")
    missed()

    apps = admin.site.get_app_list(request, app_label="ringotel_crm")

    assert "To call back (1)" in {model["name"] for app in apps for model in app["models"]}


def test_count_is_cached_and_bounded(boss: Client) -> None:
    for n in range(101):
        missed(n + 1, number(n))
    assert "To call back (99+)" in boss.get("/admin/").content.decode()

    with CaptureQueriesContext(connection) as queries:
        boss.get("/admin/")
    assert [query for query in queries if "ringotel_crm_activity" in query["sql"]] == []


def test_page_needs_the_same_queries_for_many_callers(boss: Client) -> None:
    def pinned() -> int:
        boss.get(URL)  # fills the caches
        with CaptureQueriesContext(connection) as queries:
            boss.get(URL)
        return len(queries)

    for n in range(2):
        missed(n, number(n), comment="x", status="voicemail").legs.create(extension="500")
        make_contact("Ada Example", number(n))
    few = pinned()
    for n in range(2, 30):
        missed(n, number(n), comment="x", status="voicemail").legs.create(extension="500")
        make_contact("Ada Example", number(n))

    assert pinned() == few == 14


@pytest.mark.parametrize("size", [1, 2, 3, 4, 9])
def test_callers_are_listed_with_all_their_calls_on_any_page(
    boss: Client, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    monkeypatch.setattr(callbacks, "MISSED_PER_CALLER", 1)
    monkeypatch.setattr("ringotel_crm.admin.callbacks.PAGE_SIZE", size)
    for minutes, caller in ((1, 1), (2, 1), (3, 2), (4, 3), (5, 1), (6, 2), (7, 4)):
        missed(minutes, number(caller))

    found = [row.caller for page in range(4) for row in rows(boss, p=str(page))]

    callers = [(number(1), 3), (number(2), 2), (number(3), 1), (number(4), 1)]
    assert [(caller.number, caller.count) for caller in found] == callers


def test_list_follows_from_events_in_any_order(boss: Client) -> None:
    backend = get_backend(Actor(user=None))
    begin = ago(30)
    for extension, seconds in (("501", 20), ("500", 25)):
        start = CallStart(
            call_id="c1",
            direction="inbound",
            caller_number=number(1),
            extension=extension,
            start=begin,
        )
        end = CallEnd(end=begin + dt.timedelta(seconds=seconds), duration=0, cause="19")
        for _time in range(2):
            log_leg(backend, start, end)
        log_leg(backend, start)

    [row] = rows(boss)

    assert (row.caller.count, row.caller.phones) == (1, ["500", "501"])
