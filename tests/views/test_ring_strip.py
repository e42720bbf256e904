from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.template import Context, Template
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

import ringotel_crm
from ringotel_crm.backends import get_backend
from ringotel_crm.models import Activity
from ringotel_crm.records import Actor, CallNote, CallRef, Status
from ringotel_crm.services.calls.comments import merge_texts
from ringotel_crm.services.calls.lifecycle import update_notes
from ringotel_crm.testing import RingotelServer
from tests.factories import make_contact, make_organization, set_times
from tests.fixtures.admin import make_call
from tests.fixtures.strip import add_leg, agent, client_of, ringing

URL = "/ringotel/strip/"
NUMBER = {"caller_number": "+442079460100", "caller_e164": "+442079460100"}
RINGOTEL_ID = "1735689600000-0123456789abcdef01"


@pytest.fixture
def una(db: None) -> User:
    return agent("una")


@pytest.fixture
def phone(una: User) -> Client:
    """Return the client of an agent."""
    return client_of(una)


def poll(client: Client, etag: str = "", **query: str) -> Any:
    return client.get(URL, query, headers={"If-None-Match": etag} if etag else {})


def html(client: Client, **query: str) -> str:
    return str(poll(client, **query).content.decode())


def save(client: Client, call: Activity, text: str, base: str = "", **fields: str) -> Any:
    data = {"text": text, "base": base, **fields}
    headers = {"Accept": "application/json"}
    return client.post(f"/ringotel/calls/{call.pk}/note/", data, headers=headers)


def sent(server: RingotelServer) -> list[str]:
    """Return the comments that were sent to Ringotel."""
    return [params["comment"] for name, params in server.requests if name == "updateActivity"]


# ---- What is shown


def test_strip_shows_caller_and_last_call(phone: Client, una: User) -> None:
    ada = make_contact("Ada Example", "+442079460100", organization=make_organization("Sample Ltd"))
    contact: dict[str, Any] = {
        "contact_type": ContentType.objects.get_for_model(ada),
        "contact_id": str(ada.pk),
        "contact_name": "Ada Example",
    }
    make_call(1, agent_id=str(una.pk), subject="Invoice", comment="Wants a copy", **contact)
    make_call(2, agent_id=str(una.pk), start=timezone.now(), **contact)
    call = ringing(una, **NUMBER, **contact)

    text = html(phone)

    assert f'data-ringotel-call="{call.pk}"' in text
    assert "Ada Example</bdi>, <bdi>Sample Ltd" in text
    assert "+44 20 7946 0100" in text
    assert "Invoice" in text
    assert "Wants a copy" in text
    assert 'data-announcement="Incoming call from Ada Example, Sample Ltd"' in text


@pytest.mark.parametrize("is_known", [True, False])
def test_comment_of_a_colleague_is_shown_for_contacts_only(is_known: bool, db: None) -> None:
    una = agent("una", "ringotel_crm.view_contact_activity")
    ada = make_contact("Ada Example", "+442079460100") if is_known else None
    contact: dict[str, Any] = {}
    if ada:
        contact_type = ContentType.objects.get_for_model(ada)
        contact = {"contact_type": contact_type, "contact_id": str(ada.pk)}
    make_call(1, agent_id="999", comment="Wants a copy", **NUMBER, **contact)
    ringing(una, **NUMBER, **contact)

    assert ("Wants a copy" in html(client_of(una))) == is_known


def test_switchboard_shows_the_organization_and_its_people(phone: Client, una: User) -> None:
    company = make_organization("Sample Ltd", phone="+442079460100")
    make_contact("Ada Example", organization=company)
    ringing(una, **NUMBER, contact_name="Ada Example")

    text = html(phone)

    assert "<bdi>Sample Ltd</bdi>" in text
    assert "<bdi>Ada Example</bdi>" in text
    assert 'data-announcement="Incoming call from Sample Ltd"' in text


def test_confirmed_contact_of_switchboard_is_shown_as_the_caller(phone: Client, una: User) -> None:
    company = make_organization("Sample Ltd", phone="+442079460100")
    ada = make_contact("Ada Example", organization=company)
    ringing(
        una,
        **NUMBER,
        contact_type=ContentType.objects.get_for_model(ada),
        contact_id=str(ada.pk),
        contact_name="Ada Example",
        contact_confirmed=True,
    )

    assert "Incoming call from Ada Example, Sample Ltd" in html(phone)


def test_unknown_and_withheld_numbers_are_announced(phone: Client, una: User) -> None:
    ringing(una, **NUMBER)
    ringing(una, caller_number="anonymous", caller_e164="")

    text = html(phone)

    assert "Incoming call from +44 20 7946 0100" in text
    assert "Incoming call from withheld number" in text


def test_outbound_call_is_shown_and_not_announced(phone: Client, una: User) -> None:
    ringing(una, direction="outbound", called_number="+442079460100", called_e164="+442079460100")

    text = html(phone)

    assert "+44 20 7946 0100" in text
    assert 'data-announcement=""' in text


def test_strip_shows_only_live_calls_on_own_phone(una: User) -> None:
    bob = agent("bob")
    calls = {
        "own": ringing(una),
        "group": ringing(),
        "answered by bob": ringing(bob),
        "ended": make_call(7, agent_id=str(una.pk)),
        "stale": ringing(una),
    }
    add_leg(calls["group"], una)
    add_leg(calls["answered by bob"], una, status="not_answered")
    set_times(calls["stale"], updated_at=timezone.now() - dt.timedelta(hours=5))

    text = html(client_of(una))

    shown = {name for name, call in calls.items() if f'data-ringotel-call="{call.pk}"' in text}
    assert shown == {"own", "group"}


def test_superuser_sees_calls_on_own_phone_only(boss: Client, una: User) -> None:
    ringing(una)

    assert "data-ringotel-call" not in html(boss)


def test_ended_call_stays_while_its_note_is_written(phone: Client, una: User) -> None:
    call, theirs = ringing(una), ringing(agent("bob"))
    Activity.objects.update(status=Status.ANSWERED)
    keys = f"{call.pk},{theirs.pk},x,{10**30}"

    text = html(phone, keep=keys)

    assert f'data-ringotel-call="{call.pk}"' in text
    assert '<p class="ringotel-ring-kind">answered</p>' in text
    assert f'data-ringotel-call="{theirs.pk}"' not in text


def test_links_lead_to_pages_that_the_user_can_open(una: User) -> None:
    ada = make_contact("Ada Example", "+442079460100")
    page = f'href="/admin/ringotel_minicrm/contact/{ada.pk}/change/"'
    ringing(una, **NUMBER)

    assert page not in html(client_of(una))
    User.objects.update(is_staff=True)
    assert page in html(client_of(una))


# ---- Requests


def test_unchanged_poll_needs_one_query_for_calls(phone: Client, una: User) -> None:
    add_leg(ringing(), una)
    etag = poll(phone)["ETag"]

    with CaptureQueriesContext(connection) as queries:
        response = poll(phone, etag)

    assert (response.status_code, response.content) == (304, b"")
    assert len(queries) == 3  # session, user, calls


@pytest.mark.parametrize("change", ["new", "end", "assign", "note"])
def test_poll_returns_each_change(phone: Client, una: User, change: str) -> None:
    call = ringing(una)
    etag = poll(phone)["ETag"]

    if change == "new":
        ringing(una)
    elif change == "end":
        Activity.objects.update(status=Status.ANSWERED)
    elif change == "assign":
        call.contact_name = "Ada Example"
        call.save()
    else:
        save(phone, call, "Wants an offer")

    assert poll(phone, etag).status_code == 200


def test_strip_uses_indexes(phone: Client, una: User) -> None:
    if connection.vendor != "sqlite":
        pytest.skip("Checks the query plan of SQLite.")
    with CaptureQueriesContext(connection) as queries:
        poll(phone)
    statement = next(q["sql"] for q in queries if 'FROM "ringotel_crm_activity"' in q["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {statement}")
        plan = " ".join(str(row) for row in cursor.fetchall())

    assert "ringotel_call_status" in plan
    assert "SCAN ringotel_crm" not in plan


def test_strip_requires_login_and_permission(db: None) -> None:
    assert poll(Client()).status_code == 403
    user = User.objects.create_user("customer")
    assert poll(client_of(user)).status_code == 403


# ---- Notes


def test_note_is_saved_and_wins_over_the_phone(phone: Client, una: User) -> None:
    call = ringing(una)

    response = save(phone, call, "Wants an offer")
    update_notes(
        get_backend(Actor(user=None)),
        CallRef(activity_id=str(call.pk)),
        CallNote(comment="From the phone"),
    )

    assert response.json() == {"comment": "Wants an offer"}
    call.refresh_from_db()
    assert call.comment == "Wants an offer"
    assert "Entered on the phone:" in html(phone)
    assert "From the phone" in html(phone)


def test_note_keeps_what_others_wrote(phone: Client, una: User) -> None:
    call = ringing(una, comment="From the phone")

    save(phone, call, "Wants an offer", base="")
    response = save(phone, call, "Wants an offer by Friday", base="Wants an offer")
    repeated = save(phone, call, "Wants an offer by Friday", base="Wants an offer")

    assert response.json() == {"comment": "From the phone\nWants an offer by Friday"}
    assert repeated.json() == response.json()


def test_note_is_saved_after_the_end_of_the_call(phone: Client, una: User) -> None:
    call = make_call(1, agent_id=str(una.pk))

    assert save(phone, call, "Wants an offer").status_code == 200
    assert Activity.objects.get().comment == "Wants an offer"


def test_note_is_saved_by_everyone_whose_phone_rang(una: User) -> None:
    bob, call = agent("bob"), ringing()
    add_leg(call, una)
    add_leg(call, bob)
    Activity.objects.update(status=Status.ANSWERED, agent_id=str(bob.pk))

    assert save(client_of(una), call, "Wants an offer").status_code == 200
    assert f'data-ringotel-call="{call.pk}"' in html(client_of(una), keep=str(call.pk))


@pytest.mark.parametrize("text", ["x" * 20_001, "\0"])
def test_invalid_note_is_refused_by_field(phone: Client, una: User, text: str) -> None:
    response = save(phone, ringing(una), text)

    assert response.status_code == 400
    assert list(response.json()["errors"]) == ["text"]


def test_note_requires_permission_csrf_token_and_post(una: User) -> None:
    call, theirs = ringing(una), ringing(agent("bob"))
    assert save(Client(), call, "x").status_code == 403
    assert save(client_of(una), theirs, "x").status_code == 404
    assert client_of(una).get(f"/ringotel/calls/{call.pk}/note/").status_code == 405
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(una)
    assert save(strict, call, "x").status_code == 403
    una.user_permissions.filter(codename="change_activity").delete()
    assert save(client_of(una), call, "x").status_code == 403
    assert "<textarea" not in html(client_of(una))
    assert not Activity.objects.exclude(comment="").exists()


def test_form_is_redirected_within_the_site(phone: Client, una: User) -> None:
    url = f"/ringotel/calls/{ringing(una).pk}/note/"
    data = {"text": "x", "base": "", "next": "//evil.example/"}

    response = phone.post(url, data, headers={"Accept": "text/html"})

    assert response["Location"] == "/ringotel/pop/"


@pytest.mark.django_db(transaction=True)
def test_note_is_sent_to_ringotel_when_it_is_done(ringotel: RingotelServer, settings: Any) -> None:
    una = agent("una")
    call = ringing(una, call_id=RINGOTEL_ID)
    save(client_of(una), call, "Wants an offer", done="1")
    assert sent(ringotel) == []

    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "PUSH_CALL_NOTES": True}
    save(client_of(una), call, "Wants an offer by", base="Wants an offer")
    assert sent(ringotel) == []
    save(client_of(una), call, "Wants an offer by Friday", base="Wants an offer by", done="1")

    assert sent(ringotel) == ["Wants an offer by Friday"]


@pytest.mark.parametrize(
    ("base", "mine", "theirs", "merged"),
    [
        ("", "a", "", "a"),
        ("a", "a", "b", "b"),
        ("a", "", "a", ""),
        ("Offer", "Offer sent", "Urgent: Offer", "Urgent: Offer sent"),
        ("Offer", "Urgent: Offer", "Offer sent", "Urgent: Offer sent"),
        ("one two", "two", "one two three", "one two three"),
        ("one two", "on two", "one two three", "on two three"),
        ("one two", "", "one two three", " three"),
        ("", "mine", "theirs", "theirs\nmine"),
        ("", "mine", "theirs\nmine", "theirs\nmine"),
        ("Offer", "Offer sent", "Urgent: Offer sent", "Urgent: Offer sent"),
        ("", "a", "banana", "banana\na"),
        ("a\nb", "a\nb c", "a\r\nb", "a\nb c"),
        ("red", "blue", "green", "green\nblue"),
        ("One", "One more", "One\nTwo", "One more\nTwo"),
    ],
)
def test_texts_are_merged(base: str, mine: str, theirs: str, merged: str) -> None:
    assert merge_texts(base, mine, theirs) == merged


# ---- The tag


def test_tag_renders_for_users_who_may_view_calls(una: User) -> None:
    template = Template("{% load ringotel %}{% ringotel_ring_strip %}")

    def render(user: Any) -> str:
        return template.render(Context({"user": user}))

    assert 'data-url="/ringotel/strip/"' in render(una)
    assert render(User.objects.create_user("customer")) == ""
    assert template.render(Context()) == ""


def test_app_listed_before_the_admin_adds_the_strip_to_all_its_pages(boss: Client) -> None:
    assert b"ring_strip.js" not in boss.get("/admin/auth/user/").content
    folder = Path(ringotel_crm.__file__).parent / "templates"
    # The templates of this app are found first, as if it were listed first.
    templates = [{**settings.TEMPLATES[0], "DIRS": [folder]}]

    with override_settings(TEMPLATES=templates):
        for path in ("/admin/", "/admin/auth/user/", "/admin/auth/user/add/"):
            page = boss.get(path).content.decode()
            assert page.count("ring_strip.js") == 1, path
            assert "Django administration" in page
        assert b"ring_strip.js" not in Client().get("/admin/login/").content


@pytest.mark.parametrize("path", ["ringotel_crm/activity/", "ringotel_minicrm/contact/add/"])
def test_pages_of_the_app_have_the_strip(boss: Client, path: str) -> None:
    assert b"ring_strip.js" in boss.get(f"/admin/{path}").content
