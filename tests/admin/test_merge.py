from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from ringotel_crm import signals
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, Note
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization, make_user
from tests.fixtures.admin import make_call

LIST = "/admin/ringotel_minicrm/contact/"
MERGE = f"{LIST}merge/"


@pytest.fixture
def pair(db: None) -> tuple[Contact, Contact]:
    """Two rows that are one person; each knows something the other does not."""
    keep = make_contact("Ada Example", "+44 20 7946 0100")
    gone = make_contact(
        "A. Example", "0044 20 7946 0100", email="ada@example.com", job_title="Buyer"
    )
    gone.phones.create(kind="mobile", raw="+44 20 7946 0101")
    make_call(1, **of(keep))
    make_call(2, **of(gone))
    Note.objects.create(
        contact_type=ContentType.objects.get_for_model(gone),
        contact_id=str(gone.pk),
        text="Call back",
    )
    return keep, gone


def ids(keep: Contact, gone: Contact) -> dict[str, str]:
    return {"target": str(keep.pk), "source": str(gone.pk)}


def test_the_preview_says_what_would_happen_and_does_nothing(
    boss: Client, pair: tuple[Contact, Contact]
) -> None:
    html = boss.get(MERGE, ids(*pair)).content.decode()

    assert "1 call, 1 note and 1 number go over" in html
    assert "ada@example.com" in html
    rows = [
        " ".join(re.sub(r"<[^>]+>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    ]
    [numbers] = [row for row in rows if row.startswith("numbers")]
    # Of the one, of the other, and afterwards.
    both = "+44 20 7946 0100 +44 20 7946 0101"
    assert numbers == f"numbers +44 20 7946 0100 {both} {both}"
    assert Contact.objects.count() == 2


def test_merging(
    boss: Client, pair: tuple[Contact, Contact], django_capture_on_commit_callbacks: Any
) -> None:
    keep, gone = pair
    company = make_organization(phone="+442079460900", main_contact=gone)
    told: list[Any] = []
    signals.contact_merged.connect(
        lambda merge, **kwargs: told.append(merge), weak=False, dispatch_uid="test"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = boss.post(MERGE, ids(keep, gone))
    finally:
        signals.contact_merged.disconnect(dispatch_uid="test")

    assert response["Location"] == f"{LIST}{keep.pk}/change/"
    kept = Contact.objects.get()
    assert (kept.pk, str(kept), kept.email, kept.job_title) == (
        keep.pk,
        "Ada Example",
        "ada@example.com",
        "Buyer",
    )
    assert [number.e164 for number in kept.phones.all()] == ["+442079460100", "+442079460101"]
    assert set(Activity.objects.values_list("contact_id", "contact_name")) == {
        (str(keep.pk), "Ada Example")
    }
    assert Note.objects.get().contact == kept
    company.refresh_from_db()
    assert company.main_contact == kept
    assert "merged into" in LogEntry.objects.get(object_id=str(keep.pk)).change_message
    assert [merge.source.id for merge in told] == [str(gone.pk)]


@pytest.mark.parametrize("gone", ["0", "x", "", "same"])
def test_what_cannot_be_merged(boss: Client, pair: tuple[Contact, Contact], gone: str) -> None:
    keep = str(pair[0].pk)

    response = boss.post(MERGE, {"target": keep, "source": keep if gone == "same" else gone})

    assert b"errornote" in response.content
    assert Contact.objects.count() == 2


def test_the_action_takes_two(boss: Client, pair: tuple[Contact, Contact]) -> None:
    both = [contact.pk for contact in pair]

    one = boss.post(LIST, {"action": "merge", "_selected_action": both[:1]}, follow=True)
    two = boss.post(LIST, {"action": "merge", "_selected_action": both})

    assert b"Choose two contacts" in one.content
    assert two["Location"] == f"{MERGE}?target={both[0]}&source={both[1]}"


def test_merging_needs_its_permission(
    client: Client, pair: tuple[Contact, Contact], groups: None
) -> None:
    from tests.fixtures.admin import login_as

    agent = login_as("agent", "una")
    supervisor = login_as("supervisor", "sue")

    assert agent.get(MERGE, ids(*pair)).status_code == 403
    assert agent.post(MERGE, ids(*pair)).status_code == 403
    assert agent.get(f"{LIST}duplicates/").status_code == 403
    assert supervisor.get(MERGE, ids(*pair)).status_code == 200


def test_duplicates_by_number_and_by_address(boss: Client, pair: tuple[Contact, Contact]) -> None:
    make_contact("Bob Nobody", email="bob@example.com")
    make_contact("Bobby Nobody", "+44 20 7946 0555", email="Bob@example.com")
    make_contact("Cy Alone", "+44 20 7946 0999", email="cy@example.com")

    html = boss.get(f"{LIST}duplicates/").content.decode()

    assert "+44 20 7946 0100" in html
    assert "bob@example.com" in html
    assert "Cy Alone" not in html
    assert f"{MERGE}?target={pair[0].pk}&amp;source={pair[1].pk}" in html


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ({"number": "0044 20 7946 0101"}, "A. Example"),
        ({"email": "ADA@example.com "}, "A. Example"),
        ({"number": "+44 20 7946 0555"}, ""),
        ({"number": "anonymous"}, ""),
        ({}, ""),
    ],
)
def test_who_has_it_already(
    boss: Client, pair: tuple[Contact, Contact], typed: dict[str, str], found: str
) -> None:
    html = boss.get(
        f"{LIST}duplicates/similar/", {"exclude": str(pair[0].pk), **typed}
    ).content.decode()

    assert found in html
    assert bool(found) == ("Already there" in html)


def test_who_has_it_already_is_for_staff_only(
    client: Client, pair: tuple[Contact, Contact]
) -> None:
    client.force_login(make_user("customer"))

    assert client.get(f"{LIST}duplicates/similar/", {"number": "+442079460100"}).status_code == 302
