from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, router
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from ringotel_crm.admin import changelist
from ringotel_crm.internal.time_limits import TimeLimitExceeded
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, FollowUp, Recording
from tests.factories import at, make_contact, make_user
from tests.fixtures.admin import login_as, make_call

URL = "/admin/ringotel_crm/activity/"


def shown(client: Client, query: dict[str, Any] | None = None) -> list[str]:
    """Return the call ids of the listed rows."""
    response = client.get(URL, query or {})
    assert response.status_code == 200, response.headers.get("Location")
    return [call.call_id for call in response.context["cl"].result_list]


def of(contact: Contact) -> dict[str, Any]:
    """Return the fields of a call of this contact."""
    kind = ContentType.objects.get_for_model(contact)
    return {"contact_type": kind, "contact_id": str(contact.pk), "contact_name": str(contact)}


def record(call: Activity) -> Recording:
    return Recording.objects.create(
        activity=call, file="x.wav", content_type="audio/wav", size=1, seconds=75
    )


def test_row_shows_contact_time_status_and_recording(boss: Client) -> None:
    ada = make_contact("Ada Example")
    call = make_call(1, agent_name="Una Sample", subject="Invoice", **of(ada))
    FollowUp.objects.create(activity=call, text="Call back")
    recording = record(call)

    html = boss.get(URL).content.decode()

    assert f'href="/admin/ringotel_minicrm/contact/{ada.pk}/change/"' in html
    assert "+44 20 7946 0001" in html
    assert 'class="ringotel-badge ringotel-answered">answered<' in html
    assert ">inbound<" in html
    assert "Una Sample" in html
    assert f'datetime="{call.start.isoformat()}"' in html  # type: ignore[union-attr]
    assert f'href="/ringotel/recordings/{recording.pk}/"' in html
    assert "1:15" in html
    assert "follow-up</span>" in html


@pytest.mark.parametrize("sent", ["", "anonymous", "Restricted", "unknown"])
def test_withheld_number_is_shown_as_such(boss: Client, sent: str) -> None:
    call = make_call(
        1, caller_number=sent, caller_e164="", status="ringing", start=timezone.now(), end=None
    )

    for page in (URL, f"{URL}live/", f"{URL}{call.pk}/change/"):
        assert "withheld number" in boss.get(page).content.decode()


def test_unanswered_call_has_no_length(boss: Client) -> None:
    make_call(1, status="missed", duration=0)

    assert 'class="field-length">0:00' not in boss.get(URL).content.decode()


def test_call_page_lists_earlier_calls(boss: Client) -> None:
    ada = make_contact("Ada Example")
    make_call(1, subject="Leak", comment="Wants a plumber", duration=125, **of(ada))
    make_call(2, subject="Sales", comment="Other caller")
    known = make_call(3, **of(ada))
    unknown = make_call(4, caller_e164="+442079460001", caller_number="+442079460001")

    for call in (known, unknown):  # related by contact and by number
        html = boss.get(f"{URL}{call.pk}/change/").content.decode()
        assert "Wants a plumber" in html
        assert "2:05" in html
        assert "Other caller" not in html
    assert (
        f'href="/admin/ringotel_minicrm/contact/{ada.pk}/change/"'
        in boss.get(f"{URL}{known.pk}/change/").content.decode()
    )


def test_names_and_subjects_are_escaped(boss: Client) -> None:
    make_call(1, contact_name="<b>Ada</b>", contact_id="1", subject="<script>", agent_name="<i>")

    html = boss.get(URL).content.decode()

    assert "<b>Ada" not in html
    assert "<i>" not in html.partition('id="result_list"')[2]
    assert "&lt;b&gt;Ada" in html


@pytest.mark.parametrize(
    "typed",
    [
        "+44 20 7946 0007",
        "0044 20 79460007",
        "44-20-7946-0007",
        "tel:+442079460007",
        "+44 (0)20 7946 0007",
    ],
)
def test_number_is_found_in_any_format(boss: Client, typed: str) -> None:
    make_call(7)
    make_call(70)

    assert shown(boss, {"q": typed}) == ["call-7"]


def test_number_search_finds_calls_of_contacts_with_it(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100")
    make_call(1, **of(ada))
    make_call(2)

    assert shown(boss, {"q": "020 7946 0100"}) == ["call-1"]  # the last digits of it
    assert shown(boss, {"q": "+44 20 7946 0100"}) == ["call-1"]


@pytest.mark.parametrize(
    "typed", ["ada", "EXAMPLE", "Ada Ex", "ada@example.com", "müller", "Inv", "call-1"]
)
def test_names_addresses_and_subjects_are_found_by_prefix(boss: Client, typed: str) -> None:
    ada = make_contact("Ada Example", email="Ada@example.com", organization=None)
    make_call(1, subject="Invoice", **of(ada))
    make_call(3, contact_name="Müller", contact_id="deleted")
    make_call(2, subject="Sales", contact_name="Bob Notreal", contact_id="deleted")

    assert shown(boss, {"q": typed}) == (["call-3"] if typed == "müller" else ["call-1"])


def _changes() -> dict[str, tuple[dict[str, str], Callable[[Activity], object]]]:
    now = timezone.now()
    return {
        "today": ({"period": "today"}, lambda call: set_start(call, now)),
        "yesterday": (
            {"period": "yesterday"},
            lambda call: set_start(call, now - dt.timedelta(days=1)),
        ),
        "week": ({"period": "7"}, lambda call: set_start(call, now - dt.timedelta(days=2))),
        "direction": (
            {"direction__exact": "outbound"},
            lambda call: change(call, direction="outbound"),
        ),
        "status": ({"state": "missed"}, lambda call: change(call, status="missed")),
        "agent": ({"agent": "77"}, lambda call: change(call, agent_id="77")),
        "mine": (
            {"agent": "me"},
            lambda call: change(call, agent_id=str(User.objects.get(username="boss").pk)),
        ),
        "contact_confirmed": ({"unassigned": "no"}, lambda call: change(call, contact_id="9")),
        "recorded": ({"recorded": "yes"}, record),
        "follow_up": (
            {"follow_up": "yes"},
            lambda call: FollowUp.objects.create(activity=call, text="x"),
        ),
    }


def change(call: Activity, **fields: Any) -> None:
    Activity.objects.filter(pk=call.pk).update(**fields)


def set_start(call: Activity, start: dt.datetime) -> None:
    change(call, start=start)


@pytest.mark.parametrize("name", [*_changes()])
@pytest.mark.parametrize("facets", [False, True])
def test_filter_narrows_the_list(boss: Client, name: str, facets: bool) -> None:
    query, make_different = _changes()[name]
    make_call(1)
    make_different(make_call(2))

    assert shown(boss, {**query, **({"_facets": "True"} if facets else {})}) == ["call-2"]


def test_query_count_is_constant(boss: Client) -> None:
    ada = make_contact("Ada Example", "+442079460001")
    boss.get(URL)  # fills the cache of content types
    counts = []
    for n in range(1, 31):
        record(make_call(n, **of(ada)))
        if n in (2, 30):
            with CaptureQueriesContext(connection) as queries:
                boss.get(URL)
            counts.append(len(queries))

    # Session, user, agents in the filter, bounded count, rows.
    assert counts == [5, 5]


def test_table_is_not_counted_in_full(boss: Client) -> None:
    make_call(1)
    with CaptureQueriesContext(connection) as queries:
        boss.get(URL)

    [counting] = [query["sql"] for query in queries if re.search(r"LIMIT 551\b", query["sql"])]
    assert "ringotel_crm_activity" in counting
    # The rows of a single page are selected by the keys that were read to count them.
    rows = re.compile(r"WHERE \W?ringotel_crm_activity\W*id\W? IN \(\d+\) ORDER BY")
    assert len([query for query in queries if rows.search(query["sql"])]) == 1


def test_pages_beyond_the_count_limit_are_reachable(boss: Client) -> None:
    Activity.objects.bulk_create(Activity(call_id=f"c{n}", start=at()) for n in range(700))

    first = boss.get(URL)
    far = boss.get(URL, {"p": "14"})

    for text in ("more than 550 calls", "Select all calls (more than 550)"):
        assert text in first.content.decode()
    assert "Select all 551" not in first.content.decode()
    assert len(far.context["cl"].result_list) == 50
    assert b"700 calls" in far.content


def test_list_ends_after_the_last_page_and_states_it(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelist.BoundedPaginator, "max_pages", 3)
    Activity.objects.bulk_create(Activity(call_id=f"c{n}", start=at()) for n in range(170))

    pages = [boss.get(URL, {"p": page}).content.decode() for page in (2, 3)]

    assert ["Search or filter to find the rest." in page for page in pages] == [False, True]
    assert ['href="?p=4"' in page for page in pages] == [False, False]
    assert boss.get(URL, {"p": "4"})["Location"] == f"{URL}?e=1"


@pytest.fixture
def slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every list that has a time limit exceed it, and then show three rows."""

    @contextmanager
    def time_limit(using: str, seconds: float) -> Iterator[None]:
        yield
        raise TimeLimitExceeded

    monkeypatch.setattr(changelist, "time_limit", time_limit)
    monkeypatch.setattr(changelist, "LATEST_ROWS", 3)


@pytest.mark.usefixtures("slow")
def test_slow_list_shows_the_rows_added_last_and_states_it(boss: Client) -> None:
    for n in range(6):
        make_call(n, status="missed" if n % 2 else "answered")

    page = boss.get(URL, {"state": "missed"}, follow=True)
    html = page.content.decode()
    everything = boss.get(URL)

    assert [call.call_id for call in page.context["cl"].result_list] == ["call-5", "call-3"]
    assert "Only those among the 3 rows added last were searched." in html
    assert "Selected from another page" not in html
    assert len(everything.context["cl"].result_list) == 6
    assert "were searched" not in everything.content.decode()


@pytest.mark.usefixtures("slow")
def test_slow_list_has_the_same_rows_on_all_pages_and_for_actions(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(changelist, "LATEST_ROWS", 70)
    calls = [make_call(n, start=at() - dt.timedelta(minutes=n)) for n in range(90)]
    url = boss.get(URL, {"direction__exact": "inbound", "p": "2"})["Location"]

    pages = [boss.get(f"{url}&p={page}") for page in (1, 2)]
    make_call(90, start=at(9))
    everything = {"action": "add_follow_up", "select_across": "1"}
    boss.post(url, everything | {"_selected_action": calls[20].pk})

    ids = [call.pk for page in pages for call in page.context["cl"].result_list]
    assert ids == [call.pk for call in calls[20:]]
    assert [b"were searched" in page.content for page in pages] == [True, True]
    assert FollowUp.objects.filter(activity__in=ids).count() == 70
    assert FollowUp.objects.count() == 71


@pytest.mark.usefixtures("slow")
def test_action_on_selected_rows_of_a_slow_list_has_all_of_them(boss: Client) -> None:
    calls = [make_call(n, status="missed") for n in range(6)]

    selected = {"action": "add_follow_up", "_selected_action": [call.pk for call in calls]}
    boss.post(f"{URL}?state=missed", selected)

    assert FollowUp.objects.count() == 6


@pytest.mark.usefixtures("slow")
def test_another_filter_of_a_slow_list_is_tried_on_all_rows(boss: Client) -> None:
    for n in range(6):
        make_call(n, status="missed")

    html = boss.get(URL, {"state": "missed"}, follow=True).content.decode()

    links = re.findall(r'href="(\?[^"]*)"', html)
    assert [link for link in links if "pk__gt" in link and "o=" not in link] == []
    assert any("pk__gt" in link for link in links)
    assert 'name="pk__gt"' not in html


def test_limited_queries_of_a_list_go_to_one_database(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    choices = []

    class Router:
        """May choose another replica for each query."""

        def db_for_read(self, model: Any, **hints: Any) -> None:
            choices.append(model)

    @contextmanager
    def time_limit(using: str, seconds: float) -> Iterator[None]:
        choices.clear()
        yield
        assert choices == []
        limited.append(using)

    limited: list[str] = []
    make_call(1)
    monkeypatch.setattr(changelist, "time_limit", time_limit)
    monkeypatch.setattr(router, "routers", [Router(), *router.routers])

    boss.get(URL, {"direction__exact": "inbound"})
    boss.get(URL, {"direction__exact": "inbound", "q": "withheld"})

    assert limited == [connection.alias] * 2


def test_pages_of_a_short_list_are_selected_by_key(boss: Client) -> None:
    Activity.objects.bulk_create(
        Activity(call_id=f"c{n}", start=at() + dt.timedelta(minutes=n), status="missed")
        for n in range(120)
    )

    pages = [boss.get(URL, {"status__exact": "missed", "p": page}) for page in (1, 2, 3)]
    whole = boss.get(URL, {"status__exact": "missed", "all": ""})

    ids = [call.call_id for page in pages for call in page.context["cl"].result_list]
    assert ids == [f"c{n}" for n in range(119, -1, -1)]
    assert [call.call_id for call in whole.context["cl"].result_list] == ids
    assert [page.context["cl"].result_count for page in pages] == [120] * 3


def test_empty_list_links_to_connect_page(boss: Client) -> None:
    assert b"/admin/ringotel_crm/apikey/connect/" in boss.get(URL).content


def test_search_without_result_links_back(boss: Client) -> None:
    make_call(1)

    assert b"No calls match." in boss.get(URL, {"q": "unmatched"}).content


def act(client: Client, action: str, *calls: Activity) -> Any:
    return client.post(URL, {"action": action, "_selected_action": [call.pk for call in calls]})


def test_calls_are_marked_for_follow_up_until_it_is_done(boss: Client) -> None:
    calls = [make_call(1), make_call(2)]

    act(boss, "add_follow_up", calls[0])
    act(boss, "add_follow_up", *calls)
    assert FollowUp.objects.count() == 2
    assert shown(boss, {"follow_up": "yes"}) == ["call-2", "call-1"]
    act(boss, "finish_follow_up", calls[0])
    assert shown(boss, {"follow_up": "yes"}) == ["call-2"]
    assert shown(boss, {"follow_up": "no"}) == ["call-1"]


def test_contact_is_created_from_a_call(boss: Client) -> None:
    response = act(boss, "create_contact", make_call(1))

    assert response.status_code == 302
    page = boss.get(response["Location"])
    assert 'value="+44 20 7946 0001"' in page.content.decode()


def test_calls_are_assigned_to_a_contact(boss: Client) -> None:
    ada = make_contact("Ada Example", "+442079460100")
    calls = [make_call(1), make_call(2)]

    page = act(boss, "assign", *calls)
    found = boss.get(f"{page['Location']}&q=exam")
    boss.post(
        "/admin/ringotel_crm/activity/assign/",
        {"id": [call.pk for call in calls], "contact": str(ada.pk)},
    )

    assert b"Ada Example" in found.content
    assert set(Activity.objects.values_list("contact_name", "contact_confirmed")) == {
        ("Ada Example", True)
    }


def test_contact_is_removed_from_a_call(boss: Client) -> None:
    call = make_call(1, **of(make_contact("Ada Example")))

    boss.post("/admin/ringotel_crm/activity/assign/", {"id": call.pk, "contact": ""})

    assert list(Activity.objects.values_list("contact_id", "contact_name")) == [("", "")]


def test_export_keeps_numbers_and_quotes_formulas(boss: Client) -> None:
    call = make_call(1, subject="=HYPERLINK(1)", caller_number="0044 20 7946 0001")

    response = act(boss, "export", call)

    text = b"".join(response).decode("utf-8-sig")
    assert "0044 20 7946 0001,+442079460001" in text
    assert "'=HYPERLINK(1)" in text


@pytest.mark.django_db
def test_user_without_permission_gets_403() -> None:
    client = Client()
    client.force_login(make_user("una", is_staff=True))

    assert client.get(URL).status_code == 403


def test_headings_name_the_listed_and_shown_objects(boss: Client) -> None:
    known = make_call(1, **of(make_contact("Nora Notreal")))
    withheld = make_call(2, caller_number="anonymous", caller_e164="")

    def heading(page: str) -> str:
        [text] = re.findall(r"<h1>(.*?)</h1>", boss.get(page).content.decode())
        return str(text)

    assert heading(URL) == "Calls"
    assert heading(f"{URL}{known.pk}/change/") == "Call with Nora Notreal"
    assert heading(f"{URL}{withheld.pk}/change/") == "Call with withheld number"
    assert heading(f"/admin/ringotel_minicrm/contact/{known.contact_id}/change/") == "Nora Notreal"


def test_outbound_call_without_answer_is_not_called_missed(boss: Client) -> None:
    make_call(1, status="missed", direction="outbound")

    assert ">no answer</span>" in boss.get(URL).content.decode()


@pytest.mark.parametrize(
    ("sent", "shown_as"), [("", "withheld number"), ("+442079460001", "+44 20 7946 0001")]
)
def test_call_is_named_by_its_number_and_never_by_its_id(
    boss: Client, sent: str, shown_as: str
) -> None:
    call = make_call(1, call_id="raw-id-of-ringotel", caller_number=sent, caller_e164=sent)

    for page in ("change", "history", "delete"):
        html = boss.get(f"{URL}{call.pk}/{page}/").content.decode()
        breadcrumbs = html.partition('class="breadcrumbs"')[2].partition("</ol>")[0]
        assert shown_as in breadcrumbs, page
        assert page == "change" or "raw-id-of-ringotel" not in html, page


def test_page_of_an_unknown_caller_leads_to_the_explanation(boss: Client, groups: None) -> None:
    call, known = make_call(1), make_call(2, **of(make_contact("Ada Example")))
    link = 'caller-lookup/?number=%2B442079460001"'

    assert link in boss.get(f"{URL}{call.pk}/change/").content.decode()
    assert "caller-lookup" not in boss.get(f"{URL}{known.pk}/change/").content.decode()
    agent = login_as("agent", "una")
    agent_id = str(User.objects.get(username="una").pk)
    Activity.objects.filter(pk=call.pk).update(agent_id=agent_id)
    assert "caller-lookup" not in agent.get(f"{URL}{call.pk}/change/").content.decode()
