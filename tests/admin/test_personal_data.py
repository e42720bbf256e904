"""Exporting and erasing a person with the buttons of the admin."""

from __future__ import annotations

import io
import json
import re
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.apps import apps
from django.contrib.contenttypes.models import ContentType
from django.test import Client
from django.utils import timezone

from ringotel_crm.internal.time_limits import TimeLimitExceeded
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, AuditEntry, FollowUp, LegalHold, Note
from tests.admin.test_call_list import of
from tests.factories import at, make_contact, make_user
from tests.fixtures.admin import login_as, make_call

PAGE = "/admin/ringotel_crm/auditentry/person/"
NAME, NUMBER = "Ada Example", "+442079460001"


@pytest.fixture
def ada(db: None) -> Contact:
    """Return a contact with a call, a note and a follow-up."""
    contact = make_contact(NAME, NUMBER, email="ada@example.com")
    reference: Any = {
        "contact_type": ContentType.objects.get_for_model(Contact),
        "contact_id": str(contact.pk),
        "contact_name": NAME,
    }
    make_call(1, **reference, subject="Leaking roof")
    Note.objects.create(**reference, text="Prefers the morning")
    FollowUp.objects.create(**reference, text="Send the offer", due=timezone.localdate())
    return contact


def text(response: Any) -> str:
    """Return the text of a page without tags, with single spaces."""
    return " ".join(re.sub(r"<[^>]+>", " ", response.content.decode()).split())


def rows_with(*words: str) -> list[str]:
    """Return the models of all apps with a row in which one of the words occurs."""
    return [
        model._meta.label
        for model in apps.get_models()
        for row in model._default_manager.values_list()
        if any(word in str(row) for word in words)
    ]


def test_contact_page_leads_to_the_preview(boss: Client, ada: Contact) -> None:
    page = boss.get(f"/admin/ringotel_minicrm/contact/{ada.pk}/change/").content.decode()
    assert f'href="{PAGE}?contact={ada.pk}"' in page

    preview = text(boss.get(f"{PAGE}?contact={ada.pk}"))

    assert "Data about Ada Example" in preview
    for count in ("Calls 1", "Notes 1", "Follow-ups 1", "Recordings 0", "Messages 0", "Events 0"):
        assert count in preview
    assert not AuditEntry.objects.exists()


def test_rows_that_take_too_long_to_count_do_not_delay_the_preview(
    boss: Client, ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    Activity.objects.update(legal_hold=True)

    @contextmanager
    def time_limit(using: str, seconds: float) -> Iterator[None]:
        yield
        raise TimeLimitExceeded

    monkeypatch.setattr("ringotel_crm.internal.time_limits.time_limit", time_limit)

    preview = text(boss.get(f"{PAGE}?contact={ada.pk}"))
    erased = text(boss.post(PAGE, {"contact": ada.pk, "action": "erase", "confirm": "1"}))

    assert "Calls not counted (takes too long)" in preview
    assert "if there are any, nothing is erased" in preview
    assert "under a legal hold" in erased
    assert Contact.objects.filter(pk=ada.pk).exists()


def test_everything_is_shown_for_reading(boss: Client, ada: Contact) -> None:
    response = boss.post(PAGE, {"contact": ada.pk, "action": "read"})

    report = text(response)
    for value in ("Leaking roof", "Prefers the morning", "Send the offer", "ada@example.com"):
        assert value in report
    assert "020 7946 0001" in report or "+44 20 7946 0001" in report
    assert "answered" in report
    assert "T09:01" not in report
    entry = AuditEntry.objects.get()
    assert (entry.action, entry.object_id, entry.details["calls"]) == ("exported", str(ada.pk), 1)


def test_page_for_reading_shows_the_latest_calls_with_their_phones(
    boss: Client, ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringotel_crm.admin.personal_data.MAX_ROWS", 1)
    for n in (8, 9):
        call = make_call(n, caller_e164=NUMBER, subject=f"Subject {n}", start=at(10 + n))
        call.legs.create(extension=f"50{n}", start=at(10 + n))

    report = text(boss.post(PAGE, {"contact": ada.pk, "action": "read"}))

    assert "Only the latest calls are shown. The ZIP file contains all of them." in report
    assert "Only those of the calls above are shown." in report
    assert ["Subject 9" in report, "509" in report] == [True, True]
    assert ["Subject 8" in report, "508" in report] == [False, False]
    details = AuditEntry.objects.get().details
    assert (details["calls"], details["phones"]) == (1, 1)


def test_page_for_reading_states_that_notes_are_left_out(
    boss: Client, ada: Contact, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringotel_crm.admin.personal_data.MAX_ROWS", 1)
    Note.objects.create(**of(ada), text="Second note")

    report = text(boss.post(PAGE, {"contact": ada.pk, "action": "read"}))

    assert "Not all are shown. The ZIP file contains all of them." in report
    assert "Only" not in report


def test_everything_is_downloaded_as_data_with_a_receipt(boss: Client, ada: Contact) -> None:
    response = boss.post(PAGE, {"contact": ada.pk, "action": "download"})

    archive = zipfile.ZipFile(io.BytesIO(b"".join(response)))
    assert json.loads(archive.read("data.json"))["notes"][0]["text"] == "Prefers the morning"
    assert re.search(r"ada-example-[\d-]+\.zip", response["Content-Disposition"])
    entry = AuditEntry.objects.get()
    receipt = f"/admin/ringotel_crm/auditentry/{entry.pk}/change/"
    assert f'href="{receipt}"' in boss.get(f"{PAGE}?contact={ada.pk}").content.decode()
    shown = text(boss.get(receipt))
    assert f"Receipt {entry.pk}" in shown
    assert "boss" in shown
    assert "Ada Example" in shown
    assert "Notes 1" in shown


def test_erasure_by_buttons_leaves_nothing_in_any_table(boss: Client, ada: Contact) -> None:
    boss.post(f"/admin/ringotel_minicrm/contact/{ada.pk}/change/", {"first_name": "Ada"})
    assert rows_with(NAME, NUMBER)

    response = boss.post(PAGE, {"contact": ada.pk, "action": "erase", "confirm": "1"}, follow=True)

    receipt = text(response)
    assert "The data has been erased." in receipt
    assert "Deleted contact" in receipt
    assert "Calls 1" in receipt
    assert "Contact deleted yes" in receipt
    assert NAME not in receipt
    assert not rows_with("Ada", NUMBER, "442079460001", "ada@", "roof", "morning", "offer")
    assert Activity.objects.get().duration == 75


def test_erasure_requires_the_box(boss: Client, ada: Contact) -> None:
    page = text(boss.post(PAGE, {"contact": ada.pk, "action": "erase"}))

    assert "Tick the box to confirm the erasure." in page
    assert Contact.objects.filter(pk=ada.pk).exists()


def test_caller_without_a_contact_is_erased_by_number(boss: Client, db: None) -> None:
    call = make_call(7, subject="Leaking roof")

    page = boss.get(f"/admin/ringotel_crm/activity/{call.pk}/change/").content.decode()
    url = re.search(rf'{PAGE}\?number=[^"]+', page)
    assert url
    assert "Calls 1" in text(boss.get(url[0]))
    boss.post(PAGE, {"number": call.caller_e164, "action": "erase", "confirm": "1"})

    assert not rows_with("Leaking roof", call.caller_e164)
    entry = AuditEntry.objects.get()
    assert "Caller without a contact" in text(
        boss.get(f"/admin/ringotel_crm/auditentry/{entry.pk}/change/")
    )


def test_number_of_a_contact_leads_to_the_contact(boss: Client, ada: Contact) -> None:
    page = boss.get(PAGE, {"number": "0044 20 7946 0001"}).content.decode()
    assert f'href="{PAGE}?contact={ada.pk}"' in page


@pytest.mark.parametrize(
    "query", [{"number": "abc"}, {"number": "\0"}, {"contact": "0"}, {"contact": "\0"}]
)
def test_unknown_person_is_an_error_on_the_page(boss: Client, query: dict[str, str]) -> None:
    response = boss.get(PAGE, query)

    assert response.status_code == 200
    assert 'class="errornote"' in response.content.decode()


def test_legal_hold_is_set_and_lifted_on_the_contact_page(boss: Client, ada: Contact) -> None:
    url = f"/admin/ringotel_minicrm/contact/{ada.pk}/change/"
    add = re.search(r'href="([^"]+legalhold/add/[^"]+)"', boss.get(url).content.decode())
    assert add

    response = boss.post(add[1], {"chosen": ada.pk, "reason": "court case"})

    assert response["Location"] == url
    page = boss.get(url).content.decode()
    assert "court case" in page
    lift = re.search(r'href="([^"]+legalhold/\d+/delete/)"', page)
    assert lift
    assert "Lift the legal hold on Ada Example?" in text(boss.get(lift[1]))
    response = boss.post(lift[1], {"post": "yes"}, follow=True)
    assert response.redirect_chain[-1][0] == url
    assert "The legal hold has been lifted." in text(response)
    assert not LegalHold.objects.exists()


def test_legal_holds_are_named_and_stop_the_erasure(boss: Client, ada: Contact) -> None:
    call = Activity.objects.get()
    Activity.objects.update(legal_hold=True)
    boss.post("/admin/ringotel_crm/legalhold/add/", {"chosen": ada.pk, "reason": "court case"})

    page = boss.get(f"{PAGE}?contact={ada.pk}").content.decode()
    assert "court case" in page
    assert f"/admin/ringotel_crm/activity/{call.pk}/change/" in page
    assert 'value="erase"' not in page
    boss.post(PAGE, {"contact": ada.pk, "action": "erase", "confirm": "1"})

    assert Contact.objects.filter(pk=ada.pk).exists()


@pytest.mark.parametrize("group", ["agent", "supervisor"])
def test_only_administrators_export_and_erase(groups: None, ada: Contact, group: str) -> None:
    client = login_as(group, "someone")

    assert client.get(f"{PAGE}?contact={ada.pk}").status_code == 403
    assert client.post(PAGE, {"contact": ada.pk, "action": "read"}).status_code == 403
    page = client.get(f"/admin/ringotel_minicrm/contact/{ada.pk}/change/").content.decode()
    assert PAGE not in page


def test_administrator_has_the_buttons(groups: None, ada: Contact) -> None:
    client = login_as("administrator", "someone")

    assert 'value="erase"' in client.get(f"{PAGE}?contact={ada.pk}").content.decode()


def test_export_and_erasure_are_separate_permissions(ada: Contact) -> None:
    user = make_user("exporter", is_staff=True)
    user.user_permissions.add(
        *apps.get_model("auth.Permission").objects.filter(codename="export_person")
    )
    client = Client()
    client.force_login(user)

    assert client.post(PAGE, {"contact": ada.pk, "action": "read"}).status_code == 200
    data = {"contact": ada.pk, "action": "erase", "confirm": "1"}
    assert client.post(PAGE, data).status_code == 403


def test_deletion_explains_what_happens_to_calls_and_offers_erasure(
    boss: Client, ada: Contact
) -> None:
    page = boss.get(f"/admin/ringotel_minicrm/contact/{ada.pk}/delete/").content.decode()
    assert "messages of a deleted contact are kept" in page
    assert f'href="{PAGE}?contact={ada.pk}"' in page

    selected = {"action": "delete_selected", "_selected_action": ada.pk}
    page = boss.post("/admin/ringotel_minicrm/contact/", selected).content.decode()
    assert "messages of a deleted contact are kept" in page


@pytest.mark.parametrize("is_bulk", [False, True])
def test_name_is_not_found_after_the_deletion(boss: Client, ada: Contact, is_bulk: bool) -> None:
    calls = "/admin/ringotel_crm/activity/"
    assert "Leaking roof" in text(boss.get(calls, {"q": NAME}))

    if is_bulk:
        data = {"action": "delete_selected", "_selected_action": ada.pk, "post": "yes"}
        boss.post("/admin/ringotel_minicrm/contact/", data)
    else:
        boss.post(f"/admin/ringotel_minicrm/contact/{ada.pk}/delete/", {"post": "yes"})

    assert not Contact.objects.exists()
    assert "Leaking roof" not in text(boss.get(calls, {"q": NAME}))
    assert "Leaking roof" in text(boss.get(calls, {"q": NUMBER}))
    assert {*rows_with(NAME)} <= {"admin.LogEntry"}


def test_contact_under_a_legal_hold_is_not_deleted(boss: Client, ada: Contact) -> None:
    boss.post("/admin/ringotel_crm/legalhold/add/", {"chosen": ada.pk, "reason": "court case"})
    url = f"/admin/ringotel_minicrm/contact/{ada.pk}/delete/"

    assert "Legal hold: court case" in text(boss.get(url))
    boss.post(url, {"post": "yes"})

    assert Contact.objects.filter(pk=ada.pk).exists()
