"""Two users edit the same call or contact."""

from __future__ import annotations

import datetime as dt
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoCaptureOnCommitCallbacks

from ringotel_crm import signals
from ringotel_crm.minicrm.models import Contact, ContactPhone
from ringotel_crm.models import Activity, Note
from tests.factories import make_contact, make_organization, make_user
from tests.fixtures.admin import make_call


@pytest.fixture
def una(db: None) -> Client:
    client = Client()
    user = make_user("una", is_staff=True, is_superuser=True, first_name="Una", last_name="Sample")
    client.force_login(user)
    return client


def url_of(obj: Any) -> str:
    return f"/admin/{obj._meta.app_label}/{obj._meta.model_name}/{obj.pk}/change/"


def _as_sent(value: str) -> str:
    return unescape(value).replace("\n", "\r\n")


def form_values(html: str) -> dict[str, Any]:
    """Return what a browser would post: the values of the form and of its inputs elsewhere."""
    values: dict[str, Any] = {}
    for tag in re.findall(r"<input[^>]*>", html):
        attributes = dict(re.findall(r'([\w-]+)="([^"]*)"', tag))
        kind, name = attributes.get("type", "text"), attributes.get("name")
        is_off = kind in ("checkbox", "radio") and " checked" not in tag
        if name and kind not in ("submit", "search") and not is_off:
            values.setdefault(name, []).append(_as_sent(attributes.get("value", "")))
    for name, text in re.findall(r'<textarea name="([^"]*)"[^>]*>\n?([^<]*)<', html):
        values[name] = [_as_sent(text)]
    for name, other, options in re.findall(
        r'<select name="([^"]*)"([^>]*)>(.*?)</select>', html, re.S
    ):
        none_selected = [] if "multiple" in other else [""]
        values[name] = re.findall(r'value="([^"]*)" selected', options) or none_selected
    return values


def open_form(client: Client, obj: Any) -> dict[str, Any]:
    """Open the page and return the values of its form."""
    response = client.get(url_of(obj))
    assert response.status_code == 200
    return form_values(response.content.decode())


def save(client: Client, obj: Any, form: dict[str, Any], **changes: Any) -> str:
    """Save the form and return the page that follows."""
    response = client.post(url_of(obj), {**form, **changes, "_continue": "1"}, follow=True)
    assert response.status_code == 200
    return unescape(response.content.decode())


def test_fields_that_others_changed_are_kept_and_reported(boss: Client, una: Client) -> None:
    ada = make_contact("Ada Example", "+442079460100", job_title="Buyer", email="ada@example.com")
    opened = open_form(boss, ada)
    save(
        una, ada, open_form(una, ada), email="new@example.com", **{"phones-0-raw": "+442079460101"}
    )

    html = save(boss, ada, opened, job_title="Head buyer")

    ada.refresh_from_db()
    assert (ada.email, ada.job_title) == ("new@example.com", "Head buyer")
    assert ContactPhone.objects.get().e164 == "+442079460101"
    assert "Changed after you opened the page, and kept: E-mail (Una Sample), Number (Una" in html


def test_field_that_both_changed_is_not_overwritten_without_asking(
    boss: Client, una: Client
) -> None:
    ada = make_contact("Ada Example", job_title="Buyer")
    opened = open_form(boss, ada)
    save(una, ada, open_form(una, ada), job_title="Head buyer")

    html = save(boss, ada, opened, job_title="Purchasing", **{"note-text": "Prefers e-mail"})

    ada.refresh_from_db()
    assert ada.job_title == "Head buyer"
    assert "Una Sample changed this to “Head buyer” after you opened the page." in html
    again = form_values(html)
    assert again["job_title"] == ["Purchasing"]
    assert again["note-text"] == ["Prefers e-mail"]
    assert not Note.objects.exists()

    save(boss, ada, again)

    ada.refresh_from_db()
    assert ada.job_title == "Purchasing"
    assert Note.objects.get().text == "Prefers e-mail"


def test_number_that_both_changed_is_not_overwritten(boss: Client, una: Client) -> None:
    ada = make_contact("Ada Example", "+442079460100")
    opened = open_form(boss, ada)
    save(una, ada, open_form(una, ada), **{"phones-0-raw": "+442079460101"})

    html = save(boss, ada, opened, **{"phones-0-raw": "+442079460102"})

    assert ContactPhone.objects.get().e164 == "+442079460101"
    assert "Una Sample changed this to “+442079460101”" in html


def test_number_that_another_user_deleted_is_not_a_server_error(boss: Client, una: Client) -> None:
    ada = make_contact("Ada Example", "+442079460100", "+442079460101")
    opened = open_form(boss, ada)
    save(una, ada, open_form(una, ada), **{"phones-0-DELETE": "on"})

    html = save(boss, ada, opened, job_title="Buyer")

    assert 'value="Buyer"' in html


def test_organization_that_was_assigned_meanwhile_is_kept(boss: Client, una: Client) -> None:
    ada, company = make_contact("Ada Example"), make_organization("Sample Ltd")
    opened = open_form(boss, ada)
    save(una, ada, open_form(una, ada), organization=str(company.pk))

    save(boss, ada, opened, job_title="Buyer")

    ada.refresh_from_db()
    assert ada.organization == company


def test_same_change_by_both_is_no_conflict(boss: Client, una: Client) -> None:
    ada = make_contact("Ada Example")
    opened = open_form(boss, ada)
    save(una, ada, open_form(una, ada), job_title="Buyer")

    assert "was changed successfully" in save(boss, ada, opened, job_title="Buyer")


def test_change_that_the_admin_did_not_log_names_no_user(boss: Client, una: Client) -> None:
    call = make_call(1, comment="From the phone\nsecond line")
    save(una, call, open_form(una, call), comment="Una's text")
    opened = open_form(boss, call)
    opened["ringotel_opened"] = [str(int(opened["ringotel_opened"][0]) + 60)]
    Activity.objects.update(comment="Sent later by the phone")

    html = save(boss, call, opened, comment="Mine")

    call.refresh_from_db()
    assert call.comment == "Sent later by the phone"
    assert "This was changed to “Sent later by the phone” after you opened the page." in html
    assert form_values(html)["comment"] == ["Mine"]


def test_line_breaks_of_the_browser_are_no_change(boss: Client) -> None:
    call = make_call(1, comment="first line\nsecond line")

    html = save(boss, call, open_form(boss, call), subject="Invoice")

    call.refresh_from_db()
    assert (call.subject, call.comment) == ("Invoice", "first line\nsecond line")
    assert "after you opened the page" not in html


@pytest.mark.parametrize("opened", ["x", "9" * 30, "-1", "٣", "9999999999"])
def test_invalid_time_of_opening_is_ignored(boss: Client, una: Client, opened: str) -> None:
    ada = make_contact("Ada Example", job_title="Buyer")
    form = open_form(boss, ada)
    save(una, ada, open_form(una, ada), job_title="Head buyer")

    html = save(boss, ada, form, job_title="Purchasing", ringotel_opened=opened)

    assert "This was changed to “Head buyer”" in html


def test_note_is_saved_with_the_form(boss: Client) -> None:
    ada = make_contact("Ada Example")

    save(boss, ada, open_form(boss, ada), job_title="Buyer", **{"note-text": "Prefers e-mail"})

    ada.refresh_from_db()
    note = Note.objects.get()
    assert ada.job_title == "Buyer"
    assert (note.text, note.contact, note.created_at.date() > dt.date(2020, 1, 1)) == (
        "Prefers e-mail",
        ada,
        True,
    )


def test_form_without_note_adds_none(boss: Client) -> None:
    ada = make_contact("Ada Example")

    save(boss, ada, open_form(boss, ada), job_title="Buyer", **{"note-text": " "})

    assert Contact.objects.get().job_title == "Buyer"
    assert not Note.objects.exists()


def test_invalid_note_keeps_the_form_from_being_saved(boss: Client) -> None:
    ada = make_contact("Ada Example")

    html = save(boss, ada, open_form(boss, ada), job_title="Buyer", **{"note-due": "2026-03-04"})

    assert "Please correct the errors in the note." in html
    assert form_values(html)["job_title"] == ["Buyer"]
    assert Contact.objects.get().job_title == ""


def test_saved_comment_sends_a_signal(
    boss: Client, django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks
) -> None:
    received: list[Activity] = []

    def receive(activity: Activity, **kwargs: Any) -> None:
        received.append(activity)

    signals.call_updated.connect(receive)
    call = make_call(1)
    form = open_form(boss, call)

    with django_capture_on_commit_callbacks(execute=True):
        save(boss, call, form)
    assert received == []
    with django_capture_on_commit_callbacks(execute=True):
        save(boss, call, form, comment="Call back on Monday")
    assert [(call.pk, call.comment) for call in received] == [(call.pk, "Call back on Monday")]
