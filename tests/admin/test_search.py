"""Searches in the lists of calls, contacts and conversations."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from ringotel_crm.minicrm.models import Contact, ContactPhone, ContactWord, Organization
from ringotel_crm.models import CallSubject, Conversation
from tests.factories import make_contact, make_organization, number
from tests.fixtures.admin import make_call

CALLS = "/admin/ringotel_crm/activity/"
CONTACTS = "/admin/ringotel_minicrm/contact/"
ORGANIZATIONS = "/admin/ringotel_minicrm/organization/"
CONVERSATIONS = "/admin/ringotel_crm/conversation/"

# First name, last name, company, e-mail address, number.
PEOPLE = {
    "nora": ("Nora", "Notreal", "Fictional Café Ltd", "nora.n@example.com", "+353209158252"),
    "siobhan": ("Siobhán", "Ní Invented", "Sample & Sons", "siobhan@example.org", "+353209150001"),
    "jurgen": ("Jürgen", "Müller-Beispiel", "Groß GmbH", "jm@example.net", "+493012340002"),
    "erik": ("Erik", "O'Imagined", "Agency 2000", "erik@example.com", "+442079460003"),
    "maria": ("María del Carmen", "Imaginaria", "", "", "+34911230004"),
    "soren": ("Søren", "Łukasz", "A.B.C. Fictional", "info@example.com", "+4520120005"),
}

FOUND = {
    # Any word of a name
    "nora": "nora",
    "NOTREAL": "nora",
    "notr": "nora",
    "real": "",
    "Nora Notreal": "nora",
    "Notreal Nora": "nora",
    "notreal, nora": "nora",
    "nora sample": "",
    "carmen": "maria",
    "imaginaria maria": "maria",
    "del carmen": "maria",
    "imag": "erik maria",
    # Accents and letters that do not decompose
    "Siobhan": "siobhan",
    "siobhán": "siobhan",
    "Siobha\u0301n": "siobhan",
    "ni invented": "siobhan",
    "Maria": "maria",
    "muller": "jurgen",
    "Müller": "jurgen",
    "Mueller": "jurgen",
    "MÜLLER": "jurgen",
    "gross": "jurgen",
    "Groß": "jurgen",
    "soren": "soren",
    "lukasz": "soren",
    # Signs within words
    "muller-beispiel": "jurgen",
    "beispiel müller": "jurgen",
    "oimagined": "erik",
    "o'imagined": "erik",
    "O’Imagined": "erik",
    "abc": "soren",
    "a.b.c.": "soren",
    # Companies
    "cafe": "nora",
    "café fictional": "nora",
    "fictional": "nora soren",
    "sons sample": "siobhan",
    "sample & sons": "siobhan",
    "nora café": "nora",
    "agency 2000": "erik",
    "GmbH": "jurgen",
    # E-mail addresses
    "nora.n@ex": "nora",
    "Siobhan@Example": "siobhan",
    "jm@": "jurgen",
    "info": "soren",
    # Numbers
    "+353209158252": "nora",
    "00353 20 915 8252": "nora",
    "020 915 8252": "nora",
    "020/9158252": "nora",
    "9158252": "nora",
    "915-82 52": "nora",
    "8252": "nora",
    "252": "",
    "(020) 794 60003": "erik",
    "7946 0003": "erik",
    "+44 (0)20 7946 0003": "erik",
    "0001": "siobhan",
    "٨٢٥٢": "nora",
    # Nothing
    "%": "",
    "_": "",
    "'": "",
    "🙂": "",
}


@pytest.fixture
def people(db: None) -> None:
    """Create a contact with a call and a conversation for each of :data:`PEOPLE`."""
    kind = ContentType.objects.get_for_model(Contact)
    for n, (key, (first, last, company, email, phone)) in enumerate(PEOPLE.items()):
        organization = make_organization(company) if company else None
        contact = Contact.objects.create(
            first_name=first, last_name=last, organization=organization, email=email
        )
        ContactPhone.objects.create(contact=contact, raw=phone)
        reference: dict[str, Any] = {
            "contact_type": kind,
            "contact_id": str(contact.pk),
            "contact_name": str(contact),
        }
        make_call(n, call_id=key, caller_number=phone, caller_e164=phone, **reference)
        Conversation.objects.create(
            ringotel_user_id=key, remote_number=phone, remote_number_normalized=phone, **reference
        )


def shown(client: Client, url: str, text: str) -> list[Any]:
    """Return the listed rows."""
    response = client.get(url, {"q": text})
    assert response.status_code == 200, response.headers.get("Location")
    return list(response.context["cl"].result_list)


@pytest.mark.usefixtures("people")
@pytest.mark.parametrize("text", FOUND)
def test_search_finds_contacts_calls_and_conversations(boss: Client, text: str) -> None:
    expected = set(FOUND[text].split())
    first_names = {PEOPLE[key][0] for key in expected}

    assert {contact.first_name for contact in shown(boss, CONTACTS, text)} == first_names
    assert {call.call_id for call in shown(boss, CALLS, text)} == expected
    conversations = {row.ringotel_user_id for row in shown(boss, CONVERSATIONS, text)}
    assert conversations == expected


@pytest.mark.parametrize("text", ["8252", "915 8252", "0209158252", "+353 20 915 8252"])
@pytest.mark.parametrize("direction", ["inbound", "outbound", ""])
def test_caller_without_contact_is_found_by_number(boss: Client, text: str, direction: str) -> None:
    side = "called" if direction == "outbound" else "caller"
    numbers = {"caller_number": "", "caller_e164": "", f"{side}_number": "020 9158252"}
    make_call(1, direction=direction, **{**numbers, f"{side}_e164": "+353209158252"})
    make_call(2)

    assert [call.call_id for call in shown(boss, CALLS, text)] == ["call-1"]


def test_number_that_is_not_valid_is_found_by_its_last_digits(boss: Client) -> None:
    make_call(1, caller_number="99-12345", caller_e164="")

    assert [call.call_id for call in shown(boss, CALLS, "2345")] == ["call-1"]


def test_call_is_found_by_start_of_its_stored_name(boss: Client) -> None:
    make_call(1, contact_name="Siobhán Notreal")

    assert [call.call_id for call in shown(boss, CALLS, "siobhan not")] == ["call-1"]


def test_subject_is_found_by_its_start_and_offered_subjects_by_any_word(boss: Client) -> None:
    CallSubject.objects.create(name="Invoice: paid twice")
    make_call(1, subject="Invoice: paid twice")
    make_call(2, subject="Réclamation of a neighbour")

    assert [call.call_id for call in shown(boss, CALLS, "invoice: p")] == ["call-1"]
    assert [call.call_id for call in shown(boss, CALLS, "twice paid")] == ["call-1"]
    assert [call.call_id for call in shown(boss, CALLS, "reclamation")] == ["call-2"]
    assert shown(boss, CALLS, "neighbour") == []


def test_subject_field_offers_the_call_subjects(boss: Client) -> None:
    CallSubject.objects.create(name="<Invoice>")

    html = boss.get(f"{CALLS}{make_call(1).pk}/change/").content.decode()

    assert 'list="ringotel-subjects"' in html
    assert '<option value="&lt;Invoice&gt;"></option>' in html


def names(client: Client, text: str) -> list[str]:
    return [str(contact) for contact in shown(client, CONTACTS, text)]


def test_contact_is_found_by_new_name_only_after_renaming(boss: Client) -> None:
    contact = make_contact("Nora Notreal")

    contact.last_name = "Imagined"
    contact.save()

    assert names(boss, "imagined") == ["Nora Imagined"]
    assert names(boss, "notreal") == []


def test_contact_is_found_by_current_name_of_its_company(boss: Client) -> None:
    company = make_organization("Sample Ltd")
    make_contact("Nora Notreal", organization=company)

    company.name = "Fictional Ltd"
    company.save()

    assert names(boss, "nora fictional") == ["Nora Notreal"]
    assert names(boss, "sample") == []


def test_contact_is_not_found_by_deleted_company(boss: Client) -> None:
    company = make_organization("Sample Ltd")
    make_contact("Nora Notreal", organization=company)

    data = {"action": "delete_selected", "_selected_action": company.pk, "post": "yes"}
    boss.post(ORGANIZATIONS, data)

    assert not Organization.objects.exists()
    assert names(boss, "nora") == ["Nora Notreal"]
    assert names(boss, "sample") == []


def test_words_are_deleted_with_the_contact_without_being_listed(boss: Client) -> None:
    contact = make_contact("Nora Notreal")
    data = {"action": "delete_selected", "_selected_action": contact.pk}

    page = boss.post(CONTACTS, data).content.decode()
    assert "Nora Notreal" in page
    assert "ontact word" not in page

    boss.post(CONTACTS, {**data, "post": "yes"})
    assert not ContactWord.objects.exists()


@pytest.mark.parametrize("text", ["fictional", "cafe fict", "8252", "020 9158252", "desk@"])
def test_organization_is_found(boss: Client, text: str) -> None:
    make_organization("Fictional Café", phone="+353209158252", email="desk@example.com")
    make_organization("Sample Ltd", phone="+353209150001")

    assert [str(found) for found in shown(boss, ORGANIZATIONS, text)] == ["Fictional Café"]


def test_contacts_created_in_bulk_are_found(boss: Client) -> None:
    Contact.objects.bulk_create([Contact(first_name="Nora"), Contact(first_name="Erik")])

    assert names(boss, "nora") == ["Nora"]


def test_frequent_match_lists_all_pages_in_order(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringotel_crm.models.search.MAX_KEYS", 2)
    for n in range(1, 6):
        make_call(n, subject="Invoice")
    make_call(6, subject="Leak")

    found = [call.call_id for call in shown(boss, CALLS, "invoice")]
    assert found == ["call-5", "call-4", "call-3", "call-2", "call-1"]


def test_too_many_matches_are_listed_in_part_with_the_latest_first(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringotel_crm.models.search.MAX_KEYS", 2)
    monkeypatch.setattr("ringotel_crm.models.search.MAX_LISTED", 4)
    for n in range(1, 9):
        make_call(n, subject="Leak" if n == 7 else "Invoice")

    response = boss.get(CALLS, {"q": "invoice"})

    found = [call.call_id for call in response.context["cl"].result_list]
    assert found[:3] == ["call-8", "call-6", "call-5"]  # among the latest four calls
    assert found == sorted(found, reverse=True)
    assert "call-7" not in found
    assert len(found) < 7
    assert b"Add a word or a filter." in response.content


def test_few_rows_are_searched_completely(boss: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ringotel_crm.models.search.MAX_KEYS", 2)
    monkeypatch.setattr("ringotel_crm.models.search.MAX_LISTED", 4)
    for n in range(1, 9):
        make_call(n, subject="Invoice", status="missed" if n < 4 else "answered")

    response = boss.get(CALLS, {"q": "invoice", "state": "missed"})

    found = [call.call_id for call in response.context["cl"].result_list]
    assert found == ["call-3", "call-2", "call-1"]
    assert b"Add a word or a filter." not in response.content


def test_message_reports_that_many_contacts_match(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ringotel_crm.admin.contact_search.MAX_CONTACTS_SEARCHED", 1)
    make_contact("Nora Notreal")
    make_contact("Nora Imagined")

    assert b"Add a word or a filter." in boss.get(CALLS, {"q": "nora"}).content
    assert b"Add a word or a filter." not in boss.get(CALLS, {"q": "nora imag"}).content


def test_assigning_finds_contacts_by_word_and_last_digits(boss: Client) -> None:
    make_contact("Nora Notreal", number(123))
    call = make_call(1)

    for text in ("notreal", "0123", "nora"):
        page = boss.get(f"{CALLS}assign/?id={call.pk}&q={text}")
        assert b"Nora Notreal" in page.content
    assert b"Nora Notreal" not in boss.get(f"{CALLS}assign/?id={call.pk}&q=ora").content
