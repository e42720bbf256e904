"""The page of a host's contact, in the host's own model admin."""

from __future__ import annotations

import pytest
from django.test import Client

from demo_project.hostcrm.models import Branch, Person, PersonNumber, Staff
from ringotel_crm.models import Note
from tests.admin.test_concurrent_edits import open_form, save
from tests.factories import make_user


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
