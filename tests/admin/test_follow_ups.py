from __future__ import annotations

import datetime as dt
import re
from typing import Any

import pytest
from django.contrib.auth.models import Permission, User
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from ringotel_crm.models import Activity, FollowUp
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_user
from tests.fixtures.admin import login_as, make_call

LIST = "/admin/ringotel_crm/followup/"
CALLS = "/admin/ringotel_crm/activity/"


def make_follow_up(text: str, days: int = 0, **fields: Any) -> FollowUp:
    """Create a follow-up that is due ``days`` days from today."""
    due = timezone.localdate() + dt.timedelta(days=days)
    return FollowUp.objects.create(text=text, due=due, **fields)


def shown(client: Client, **query: str) -> list[str]:
    response = client.get(LIST, query)
    assert response.status_code == 200
    return [str(follow_up) for follow_up in response.context["cl"].result_list]


def test_list_is_filtered_by_day_and_person(boss: Client) -> None:
    me, kim = User.objects.get(), make_user("kim")
    make_follow_up("of Kim", 0, assignee=kim)
    make_follow_up("mine, late", -2, assignee=me)
    make_follow_up("mine, tomorrow", 1, assignee=me)
    make_follow_up("of no person", -9)
    make_follow_up("done", -3, assignee=me, done_at=timezone.now())

    assert shown(boss) == ["of no person", "mine, late", "of Kim", "mine, tomorrow"]
    assert shown(boss, person="me") == ["mine, late", "mine, tomorrow"]
    assert shown(boss, person="none") == ["of no person"]
    assert shown(boss, due="overdue") == ["of no person", "mine, late"]
    assert shown(boss, due="today") == ["of Kim"]
    assert shown(boss, due="later", person="me") == ["mine, tomorrow"]
    assert shown(boss, due="done") == ["done"]


def test_row_shows_contact_number_and_person(boss: Client) -> None:
    ada, kim = make_contact("Ada Example"), make_user("kim", first_name="Kim", last_name="Madeup")
    make_follow_up("on a call", -1, activity=make_call(1, **of(ada)), assignee=kim)
    make_follow_up("on a caller", activity=make_call(2))

    html = boss.get(LIST).content.decode()

    assert f'href="/admin/ringotel_minicrm/contact/{ada.pk}/change/"' in html
    assert "+44 20 7946 0001" in html
    assert "+44 20 7946 0002" in html
    assert "Kim Madeup" in html
    assert html.count(">overdue<") == 1


def test_query_count_is_independent_of_rows(
    boss: Client, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    ada = make_contact("Ada Example")
    for n in range(20):
        make_follow_up(f"follow-up {n}", activity=make_call(n, **of(ada)))
    boss.get(LIST)

    with django_assert_num_queries(4):  # session, user, count, rows
        boss.get(LIST)


@pytest.mark.usefixtures("groups")
def test_follow_up_is_done_with_one_click_and_undone(boss: Client) -> None:
    una = login_as("agent", "una")
    one = make_follow_up("Send offer")

    response = una.post(f"{LIST}done/", {"follow_up": one.pk}, headers={"Referer": CALLS})
    assert response.headers["Location"] == CALLS
    one.refresh_from_db()
    assert str(one.done_by) == "una"

    html = una.get(CALLS).content.decode()
    assert "1 follow-up marked as done." in html
    form = re.search(r'<form class="ringotel-undo".*?</form>', html)
    assert form
    fields = dict(re.findall(r'name="(\w+)" value="(\w+)"', form[0]))
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = una.cookies
    assert f'action="{LIST}reopen/"' in form[0]
    assert strict.post(f"{LIST}reopen/", fields).headers["Location"] == LIST
    one.refresh_from_db()
    assert (one.done_at, one.done_by) == (None, None)


def test_done_again_keeps_who_was_first(boss: Client) -> None:
    kim = make_user("kim")
    one = make_follow_up("Send offer", done_at=timezone.now(), done_by=kim)

    html = boss.post(f"{LIST}done/", {"follow_up": one.pk}, follow=True).content.decode()

    one.refresh_from_db()
    assert one.done_by == kim
    assert "ringotel-undo" not in html


@pytest.mark.parametrize("page", ["done", "reopen"])
def test_only_a_user_who_may_change_follow_ups_marks_them(page: str, boss: Client) -> None:
    one = make_follow_up("Send offer")
    viewer = make_user("viewer", is_staff=True)
    viewer.user_permissions.add(Permission.objects.get(codename="view_followup"))
    client = Client()
    client.force_login(viewer)

    assert "Mark as done" not in client.get(LIST).content.decode()
    assert client.post(f"{LIST}{page}/", {"follow_up": one.pk}).status_code == 403
    assert boss.get(f"{LIST}{page}/").status_code == 405


@pytest.mark.parametrize("key", ["", "x", "0", "9" * 30, "٣"])
def test_unknown_follow_ups_are_ignored(boss: Client, key: str) -> None:
    elsewhere = {"Referer": "https://elsewhere.example/"}
    response = boss.post(f"{LIST}done/", {"follow_up": key}, headers=elsewhere)
    assert response.headers["Location"] == LIST


def save(client: Client, call: Activity, **rows: Any) -> Any:
    """Post the page of a call with rows of the form for follow-ups."""
    data = {"legs-TOTAL_FORMS": 0, "legs-INITIAL_FORMS": 0, "subject": "Sales", "comment": ""}
    data |= {f"follow_ups-{name}": value for name, value in rows.items()}
    data["initial-follow_ups-0-due"] = timezone.localdate().isoformat()
    return client.post(f"{CALLS}{call.pk}/change/", data)


def test_follow_ups_are_saved_with_the_call(boss: Client) -> None:
    kim, call = make_user("kim"), make_call(1)
    management = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 0}
    entered = {"0-text": "Send offer", "0-due": "2030-01-02", "0-assignee": kim.pk}
    response = save(boss, call, **management, **entered)
    assert response.status_code == 302
    one = FollowUp.objects.get()
    assert (one.activity, one.due, one.assignee) == (call, dt.date(2030, 1, 2), kim)
    assert (str(one.created_by), one.done_at) == ("boss", None)
    assert "Send offer" in boss.get(f"{CALLS}{call.pk}/change/").content.decode()

    entered |= {"INITIAL_FORMS": 1, "0-id": one.pk, "0-is_done": "on"}
    save(boss, call, TOTAL_FORMS=1, **entered)
    one.refresh_from_db()
    assert one.done_at
    assert str(one.done_by) == "boss"


def test_untouched_row_saves_no_follow_up(boss: Client) -> None:
    today = timezone.localdate().isoformat()
    row = {"0-text": "", "0-due": today, "0-assignee": User.objects.get().pk}

    save(boss, make_call(1), TOTAL_FORMS=1, INITIAL_FORMS=0, **row)

    assert Activity.objects.get().subject == "Sales"
    assert not FollowUp.objects.exists()


def test_row_without_a_text_is_refused_and_keeps_the_day(boss: Client) -> None:
    row = {"TOTAL_FORMS": 1, "INITIAL_FORMS": 0, "0-text": "", "0-due": "2030-01-02"}
    html = save(boss, make_call(1), **row).content.decode()

    assert "This field is required." in html
    assert 'value="2030-01-02"' in html


def test_timeline_shows_follow_ups_of_the_contact_and_of_its_calls(boss: Client) -> None:
    ada = make_contact("Ada Example")
    make_follow_up("on the contact", -1, **of(ada))
    make_follow_up("on the call", 3, activity=make_call(1, **of(ada)))
    make_follow_up("on another call", activity=make_call(2))

    html = boss.get(f"/admin/ringotel_minicrm/contact/{ada.pk}/change/").content.decode()

    assert "on the contact" in html
    assert "on the call" in html
    assert "on another call" not in html
    assert html.count(f'formaction="{LIST}done/"') == 2


def test_follow_up_of_a_user_who_has_left_does_not_keep_the_call_from_being_saved(
    boss: Client,
) -> None:
    kim, call = make_user("kim"), make_call(1)
    one = make_follow_up("Send offer", activity=call, assignee=kim)
    User.objects.filter(pk=kim.pk).update(is_active=False)
    row = {"0-id": one.pk, "0-text": one.text, "0-due": one.due, "0-assignee": kim.pk}

    assert save(boss, call, TOTAL_FORMS=1, INITIAL_FORMS=1, **row).status_code == 302
    form = boss.get(f"{LIST}{one.pk}/change/").context["adminform"].form

    assert kim in form.fields["assignee"].queryset
    assert Activity.objects.get().subject == "Sales"
