from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact, Organization
from ringotel_crm.models import FollowUp, Note
from ringotel_crm.services.calls import timeline
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization, make_user
from tests.fixtures.admin import login_as, make_call


def page(client: Client, obj: Contact | Organization) -> str:
    response = client.get(f"/admin/ringotel_minicrm/{obj._meta.model_name}/{obj.pk}/change/")
    assert response.status_code == 200
    return str(response.content.decode())


def note(client: Client, obj: Any, **data: Any) -> Any:
    url = f"/admin/ringotel_minicrm/{obj._meta.model_name}/{obj.pk}/ringotel-note/"
    return client.post(url, data, follow=True)


def test_page_shows_card_and_timeline(boss: Client) -> None:
    ada = make_contact(
        "Ada Example",
        "+44 20 7946 0100",
        job_title="Buyer",
        organization=make_organization("Sample Ltd"),
    )
    make_call(1, subject="Invoice", comment="Wants a copy", **of(ada))
    make_call(2, **of(ada))
    make_call(3, comment="of another caller")

    html = page(boss, ada)

    assert "+44 20 7946 0100</a>" in html
    assert "Sample Ltd" in html
    assert "<dd>2</dd>" in html  # calls
    assert "Wants a copy" in html
    assert "of another caller" not in html


def test_card_counts_the_latest_calls_only(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(timeline, "MAX_CALLS", 2)
    ada = make_contact("Ada Example", "+44 20 7946 0100")
    make_call(1, duration=60, **of(ada))
    assert "<dd>1</dd>" in page(boss, ada)

    make_call(2, duration=60, **of(ada))
    assert "<dd>2</dd>" in page(boss, ada)

    for n in (3, 4):
        make_call(n, duration=60, **of(ada))
    html = page(boss, ada)
    assert "<dd>2+</dd>" in html
    assert "<dd>3 min+</dd>" in html


def test_query_count_is_independent_of_calls(boss: Client) -> None:
    ada = make_contact("Ada Example", "+44 20 7946 0100")
    page(boss, ada)
    counts = []
    for n in range(1, 25):
        make_call(n, **of(ada))
        if n in (1, 24):
            with CaptureQueriesContext(connection) as queries:
                page(boss, ada)
            counts.append(len(queries))

    assert counts[0] == counts[1]


def test_organization_shows_calls_of_its_contacts(boss: Client) -> None:
    company = make_organization("Sample Ltd", phone="+44 20 7946 0900")
    for n, name in enumerate(("Ada Example", "Bob Notreal"), 1):
        make_call(n, **of(make_contact(name, organization=company)))
    make_call(3, **of(make_contact("Cy Stranger")))

    html = page(boss, company)

    assert "Ada Example" in html
    assert "Bob Notreal" in html
    assert "Cy Stranger" not in html
    assert "<dd>2</dd>" in html


def test_organization_without_contacts_shows_empty_timeline(boss: Client) -> None:
    assert "No calls yet." in page(boss, make_organization())


def test_note_is_added(boss: Client) -> None:
    ada = make_contact("Ada Example")

    html = note(boss, ada, **{"note-text": "Prefers <mornings>"}).content.decode()
    written = Note.objects.get()

    assert "Prefers &lt;mornings&gt;" in html
    assert written.author is not None
    assert (written.author.username, written.contact) == ("boss", ada)


def test_note_with_a_day_is_a_follow_up(boss: Client) -> None:
    ada, kim = make_contact("Ada Example"), make_user("kim", first_name="Kim", last_name="Madeup")
    entered = {"note-text": "Send offer", "note-due": "2020-03-04", "note-assignee": str(kim.pk)}

    html = note(boss, ada, **entered).content.decode()
    follow_up = FollowUp.objects.get()

    assert "follow-up overdue since" in html
    assert "Kim Madeup" in html
    assert (follow_up.due, follow_up.assignee) == (dt.date(2020, 3, 4), kim)
    assert (follow_up.contact, str(follow_up.created_by)) == (ada, "boss")
    assert not Note.objects.exists()


def test_note_with_errors_keeps_what_was_typed(boss: Client) -> None:
    ada = make_contact("Ada Example")
    assert b"This field is required." in note(boss, ada, **{"note-text": " "}).content

    html = note(boss, ada, **{"note-text": "Send offer", "note-due": "0020-03-04"})
    assert b"Enter a date between 1970 and 2099." in html.content
    assert b"Send offer</textarea>" in html.content
    assert not Note.objects.exists()
    assert not FollowUp.objects.exists()


def test_agent_sees_whole_timeline_and_opens_own_calls(groups: None) -> None:
    ada = make_contact("Ada Example")
    agent = login_as("agent", "una")
    mine = make_call(1, agent_id=str(agent.session["_auth_user_id"]), **of(ada))
    theirs = make_call(2, agent_id="999", comment="theirs", **of(ada))

    html = page(agent, ada)

    assert "theirs" in html
    assert "<dd>2</dd>" in html
    assert f"activity/{mine.pk}/change" in html
    assert f"activity/{theirs.pk}/change" not in html


def test_agent_without_permission_sees_the_number_of_other_calls(groups: None) -> None:
    ada = make_contact("Ada Example")
    agent = login_as("agent", "una")
    Permission.objects.get(codename="view_contact_activity").group_set.clear()
    make_call(1, agent_id="999", comment="theirs", **of(ada))
    html = page(agent, ada)
    assert "theirs" not in html
    assert "1 call with colleagues" in html
    assert "No calls yet" not in html

    make_call(2, agent_id=str(agent.session["_auth_user_id"]), comment="mine", **of(ada))
    html = page(agent, ada)
    assert "mine" in html
    assert "theirs" not in html
    assert "1 more call with colleagues" in html


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("exam", True),
        ("ADA ex", True),
        ("Example Ada", True),
        ("sample l", True),
        ("ada@", True),
        ("0044 20 7946 0100", True),
        ("xample", False),
        ("0100", True),
        ("100", False),
    ],
)
def test_contact_search_matches_prefixes_and_numbers(boss: Client, typed: str, found: bool) -> None:
    make_contact(
        "Ada Example",
        "+44 20 7946 0100",
        email="ada@example.com",
        organization=make_organization("Sample Ltd"),
    )
    make_contact("Bob Notreal", "+44 20 7946 0101")

    response = boss.get("/admin/ringotel_minicrm/contact/", {"q": typed})

    assert [str(contact) for contact in response.context["cl"].result_list] == (
        ["Ada Example"] if found else []
    )
