from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact, Organization
from ringotel_crm.models import Note
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization
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


def test_note_is_added_and_follow_up_marked_done(boss: Client) -> None:
    ada = make_contact("Ada Example")

    html = note(
        boss, ada, **{"note-text": "Call back <soon>", "note-due": "2026-03-04"}
    ).content.decode()
    written = Note.objects.get()

    assert "Call back &lt;soon&gt;" in html
    assert written.author is not None
    assert (written.due, written.author.username) == (dt.date(2026, 3, 4), "boss")
    assert written.contact == ada

    note(boss, ada, done=str(written.pk))
    written.refresh_from_db()
    assert written.done_at


def test_empty_note_is_not_saved(boss: Client) -> None:
    assert b"please enter some text" in note(boss, make_contact(), **{"note-text": " "}).content
    assert not Note.objects.exists()


@pytest.mark.parametrize("done", ["0", "x", "9" * 30])
def test_notes_of_other_contacts_are_not_marked_done(boss: Client, done: str) -> None:
    ada, bob = make_contact("Ada Example"), make_contact("Bob Notreal")
    other = Note.objects.create(
        contact_type=ContentType.objects.get_for_model(bob), contact_id=str(bob.pk), text="x"
    )

    assert note(boss, ada, done=done).status_code == 200
    assert note(boss, ada, done=str(other.pk)).status_code == 200
    other.refresh_from_db()
    assert other.done_at is None


def test_note_list_filters_due_follow_ups(boss: Client) -> None:
    ada = make_contact("Ada Example")
    note(boss, ada, **{"note-text": "long ago", "note-due": "2020-01-01"})
    note(boss, ada, **{"note-text": "some day", "note-due": "2999-01-01"})

    due = boss.get("/admin/ringotel_crm/note/", {"open": "due"}).content.decode()

    assert "long ago" in due
    assert "some day" not in due


@pytest.mark.usefixtures("groups")
def test_timeline_shows_agent_own_calls_only(groups: None) -> None:
    ada = make_contact("Ada Example")
    agent = login_as("agent", "una")
    una = str(agent.session["_auth_user_id"])
    make_call(1, agent_id=una, comment="mine", **of(ada))
    make_call(2, agent_id="999", comment="theirs", **of(ada))

    html = page(agent, ada)

    assert "mine" in html
    assert "theirs" not in html
    assert "<dd>1</dd>" in html


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
