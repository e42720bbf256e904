"""The page of a host's contact, in the host's own model admin."""

from __future__ import annotations

import re
from html import unescape
from typing import Any
from urllib.parse import unquote

import pytest
from django.contrib.contenttypes.models import ContentType
from django.core.management import call_command
from django.test import Client

from demo_project.hostcrm.models import Branch, Lead, Person, PersonNumber, Staff
from ringotel_crm.models import Activity, AuditEntry, Note
from tests.admin.test_concurrent_edits import open_form, save
from tests.admin.test_linking import undo
from tests.factories import make_user
from tests.fixtures.admin import make_call


@pytest.fixture
def una(north: Branch) -> Staff:
    return Staff.objects.create(user=make_user("una"), branch=north)


@pytest.fixture
def ada(north: Branch) -> Person:
    return Person.objects.create(branch=north, given_name="Ada", surname="Example")


@pytest.fixture
def boss(una: Staff) -> Client:
    """Return the client of a superuser of the branch of ``una``."""
    user = make_user("boss", is_staff=True, is_superuser=True, first_name="Bo", last_name="Sample")
    Staff.objects.create(user=user, branch=una.branch)
    client = Client()
    client.force_login(user)
    return client


def test_edits_of_others_and_the_note_are_not_lost(boss: Client, ada: Person, una: Staff) -> None:
    number = PersonNumber.objects.create(person=ada, label="work", digits="020 915 0101")
    opened = open_form(boss, ada)
    first = open_form(boss, ada)
    save(
        boss,
        ada,
        first,
        position="Buyer",
        owners=str(una.pk),
        **{"numbers-0-digits": "020 915 0102"},
    )

    html = save(boss, ada, opened, email="new@example.com", **{"note-text": "Prefers e-mail"})

    ada.refresh_from_db()
    number.refresh_from_db()
    assert (ada.position, ada.email) == ("Buyer", "new@example.com")
    assert (number.digits, list(ada.owners.all())) == ("020 915 0102", [una])
    assert "and kept: Position (Bo Sample), Owners (Bo Sample), Digits (Bo Sample)." in html
    assert Note.objects.get().text == "Prefers e-mail"


def test_conflict_in_a_host_form_is_reported(boss: Client, ada: Person, una: Staff) -> None:
    opened = open_form(boss, ada)
    save(boss, ada, open_form(boss, ada), owners=str(una.pk), branch=str(una.branch.pk))
    staff = Staff.objects.get(user__username="boss")

    html = save(boss, ada, opened, owners=str(staff.pk))

    assert list(ada.owners.all()) == [una]
    assert "Bo Sample changed this to “una” after you opened the page." in html


def test_new_number_of_a_host_contact_links_calls_of_its_branch_only(
    boss: Client, ada: Person, south: Branch
) -> None:
    number = "+353209150177"
    for tenant in ("north", "south", ""):
        make_call(1, tenant=tenant, caller_number=number, caller_e164=number)

    html = save(boss, ada, open_form(boss, ada), office_phone="020 915 0177")

    assert "1 earlier call linked." in html
    assert Activity.objects.get(contact_name="Ada Example").tenant == "north"
    assert list(ada.calls.values_list("tenant", flat=True)) == ["north"]

    undo(boss, html)

    assert not ada.calls.exists()


def test_number_is_moved_between_host_contacts(boss: Client, ada: Person, north: Branch) -> None:
    number = "+353209150177"
    Person.objects.filter(pk=ada.pk).update(office_phone="020 915 0177")
    PersonNumber.objects.create(person=ada, label="home", digits="020 9150177")
    lead = Lead.objects.create(branch=north, full_name="Bea Notreal")
    call_command("ringotel_index_phones", verbosity=0)
    call = make_call(1, tenant="north", caller_number=number, caller_e164=number)
    data = {"id": call.pk, "contact": f"person:{ada.pk}"}
    boss.post("/admin/ringotel_crm/activity/assign/", data, follow=True)

    data = {"id": call.pk, "contact": f"lead:{lead.pk}", "number": "move"}
    html = boss.post("/admin/ringotel_crm/activity/assign/", data, follow=True).content.decode()

    ada.refresh_from_db()
    lead.refresh_from_db()
    assert (ada.office_phone, ada.numbers.count()) == ("", 0)
    assert lead.telephone == "+353 20 915 0177"

    undo(boss, html)

    ada.refresh_from_db()
    lead.refresh_from_db()
    assert (ada.office_phone, lead.telephone) == ("+353 20 915 0177", "")


def test_number_that_a_lead_cannot_hold_changes_nothing(
    boss: Client, ada: Person, north: Branch
) -> None:
    lead = Lead.objects.create(branch=north, full_name="Bea Notreal", telephone="020 915 0100")
    number = "+353209150177"
    call = make_call(1, tenant="north", caller_number=number, caller_e164=number)

    data = {"id": call.pk, "contact": f"lead:{lead.pk}", "number": "add"}
    html = boss.post("/admin/ringotel_crm/activity/assign/", data).content.decode()

    assert "Bea Notreal cannot have another number." in unescape(html)
    assert Activity.objects.get().contact_name == ""


def test_host_contact_is_erased_by_buttons_and_stays(boss: Client, ada: Person) -> None:
    PersonNumber.objects.create(person=ada, label="work", digits="020 915 0101")
    reference: Any = {
        "tenant": "north",
        "contact_type": ContentType.objects.get_for_model(Person),
        "contact_id": str(ada.pk),
        "contact_name": "Ada Example",
    }
    make_call(1, **reference)
    Note.objects.create(**reference, text="Prefers e-mail")
    page = boss.get(f"/admin/hostcrm/person/{ada.pk}/delete/").content.decode()
    assert "messages of a deleted contact are kept" in page
    page = boss.get(f"/admin/hostcrm/person/{ada.pk}/change/").content.decode()
    url = re.search(r'href="([^"]+/auditentry/person/\?contact=([^"]+))"', page)
    assert url

    preview = boss.get(url[1]).content.decode()
    assert "Data about Ada Example" in preview
    assert "The contact itself is not deleted" in preview
    data = {"contact": unquote(url[2]), "action": "erase", "confirm": "1"}
    receipt = boss.post("/admin/ringotel_crm/auditentry/person/", data, follow=True)

    assert "The data has been erased." in receipt.content.decode()
    assert "Ada Example</a>" in receipt.content.decode()
    assert Activity.objects.get().contact_name == ""
    assert not Note.objects.exists()
    assert AuditEntry.objects.get().details["contact_deleted"] is False
    assert Person.objects.filter(pk=ada.pk).exists()
