from __future__ import annotations

import re
from typing import Any

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.contenttypes.models import ContentType
from django.test import Client

from ringotel_crm import signals
from ringotel_crm.admin import merge
from ringotel_crm.minicrm import backend
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, FollowUp, Note
from tests.admin.test_call_list import of
from tests.factories import make_contact, make_organization, make_user
from tests.fixtures.admin import login_as, make_call

LIST = "/admin/ringotel_minicrm/contact/"
MERGE = f"{LIST}merge/"


@pytest.fixture
def pair(db: None) -> tuple[Contact, Contact]:
    """Duplicates of one person; each has values that the other lacks."""
    target = make_contact("Ada Example", "+44 20 7946 0100")
    source = make_contact(
        "A. Example", "0044 20 7946 0100", email="ada@example.com", job_title="Buyer"
    )
    source.phones.create(kind="mobile", raw="+44 20 7946 0101")
    make_call(1, **of(target))
    make_call(2, **of(source))
    Note.objects.create(
        contact_type=ContentType.objects.get_for_model(source),
        contact_id=str(source.pk),
        text="Prefers mornings",
    )
    FollowUp.objects.create(contact=source, text="Call back")
    return target, source


def ids(target: Contact, source: Contact) -> dict[str, str]:
    return {"target": str(target.pk), "source": str(source.pk)}


def test_merge_preview_shows_result_and_changes_nothing(
    boss: Client, pair: tuple[Contact, Contact]
) -> None:
    html = boss.get(MERGE, ids(*pair)).content.decode()

    assert "A. Example will be merged into Ada Example." in html
    assert "1 call, 1 note, 1 follow-up and 1 number will move." in html
    assert f"#{pair[1].pk}" not in html
    assert "ada@example.com" in html
    rows = [
        " ".join(re.sub(r"<[^>]+>", " ", row).split())
        for row in re.findall(r"<tr>.*?</tr>", html, re.DOTALL)
    ]
    [numbers] = [row for row in rows if row.startswith("numbers")]
    # Target, source and result.
    both = "+44 20 7946 0100 +44 20 7946 0101"
    assert numbers == f"numbers +44 20 7946 0100 {both} {both}"
    assert Contact.objects.count() == 2


def test_merge_moves_everything_to_target(
    boss: Client, pair: tuple[Contact, Contact], django_capture_on_commit_callbacks: Any
) -> None:
    target, source = pair
    company = make_organization(phone="+442079460900", main_contact=source)
    received: list[Any] = []
    signals.contact_merged.connect(
        lambda merge, **kwargs: received.append(merge), weak=False, dispatch_uid="test"
    )
    try:
        with django_capture_on_commit_callbacks(execute=True):
            response = boss.post(MERGE, ids(target, source))
    finally:
        signals.contact_merged.disconnect(dispatch_uid="test")

    assert response["Location"] == f"{LIST}{target.pk}/change/"
    kept = Contact.objects.get()
    assert (kept.pk, str(kept), kept.email, kept.job_title) == (
        target.pk,
        "Ada Example",
        "ada@example.com",
        "Buyer",
    )
    assert [number.e164 for number in kept.phones.all()] == ["+442079460100", "+442079460101"]
    assert set(Activity.objects.values_list("contact_id", "contact_name")) == {
        (str(target.pk), "Ada Example")
    }
    assert Note.objects.get().contact == kept
    assert FollowUp.objects.get().contact == kept
    company.refresh_from_db()
    assert company.main_contact == kept
    log_entry = LogEntry.objects.get(object_id=str(target.pk))
    assert "Merged with A. Example." in log_entry.change_message
    assert [merge.source.id for merge in received] == [str(source.pk)]


@pytest.mark.parametrize("source", ["0", "x", "", "same"])
def test_invalid_merge_is_refused(boss: Client, pair: tuple[Contact, Contact], source: str) -> None:
    target = str(pair[0].pk)

    response = boss.post(
        MERGE, {"target": target, "source": target if source == "same" else source}
    )

    assert b"errornote" in response.content
    assert Contact.objects.count() == 2


def test_merge_action_requires_two_contacts(boss: Client, pair: tuple[Contact, Contact]) -> None:
    both = [contact.pk for contact in pair]

    one = boss.post(LIST, {"action": "merge", "_selected_action": both[:1]}, follow=True)
    two = boss.post(LIST, {"action": "merge", "_selected_action": both})

    assert b"Select two contacts" in one.content
    assert two["Location"] == f"{MERGE}?target={both[0]}&source={both[1]}"


def test_merge_requires_permission(
    client: Client, pair: tuple[Contact, Contact], groups: None
) -> None:
    agent = login_as("agent", "una")
    supervisor = login_as("supervisor", "sue")

    assert agent.get(MERGE, ids(*pair)).status_code == 403
    assert agent.post(MERGE, ids(*pair)).status_code == 403
    assert agent.get(f"{LIST}duplicates/").status_code == 403
    assert supervisor.get(MERGE, ids(*pair)).status_code == 200


def test_duplicates_are_listed_by_number_and_email(
    boss: Client, pair: tuple[Contact, Contact]
) -> None:
    make_contact("Bob Notreal", email="bob@example.com")
    make_contact("Bobby Notreal", "+44 20 7946 0555", email="Bob@example.com")
    make_contact("Cy Alone", "+44 20 7946 0999", email="cy@example.com")

    html = boss.get(f"{LIST}duplicates/").content.decode()

    assert "+44 20 7946 0100" in html
    assert "bob@example.com" in html
    assert "Cy Alone" not in html
    assert f"{MERGE}?target={pair[0].pk}&amp;source={pair[1].pk}" in html


@pytest.mark.parametrize(("compared", "limit"), [(1, 100), (3, 100), (100, 1), (100, 2)])
def test_all_duplicates_are_found_in_several_pages(
    boss: Client, monkeypatch: pytest.MonkeyPatch, compared: int, limit: int
) -> None:
    monkeypatch.setattr(backend, "MAX_COMPARED", compared)
    monkeypatch.setattr(merge, "MAX_DUPLICATES", limit)
    for name in ("Ada", "Bob", "Cy"):
        for number in (1, 2, 5):
            make_contact(
                f"{name} Notreal", f"+44 20 7946 000{number}", email=f"{number}@example.com"
            )
    make_contact("Di Notreal", "+44 20 7946 0003", email="di@example.com")
    twice = make_contact("Eve Notreal", "+44 20 7946 0004")
    twice.phones.create(raw="020 7946 0004")
    query, values = "?after=", []
    while query:
        page = boss.get(f"{LIST}duplicates/{query}")
        values += re.findall(r"<td><bdi>(.*?)</bdi></td>", page.content.decode())
        assert len(page.context["rows"]) <= limit
        query = page.context["next_query"] and f"?{page.context['next_query']}"

    addresses = [f"{number}@example.com" for number in (1, 2, 5)]
    assert values == [*(f"+44 20 7946 000{number}" for number in (1, 2, 5)), *addresses]


def test_page_without_duplicates_links_to_the_next(
    boss: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(backend, "MAX_COMPARED", 1)
    for number in (1, 2, 3):
        make_contact("Ada Notreal", f"+44 20 7946 000{number}")

    page = boss.get(f"{LIST}duplicates/").content.decode()
    last = boss.get(f"{LIST}duplicates/?after=email+z").content.decode()

    assert "No duplicates among the numbers" in page
    assert 'href="?after=e164' in page
    assert "No further duplicates." in last
    assert "Compare further" not in last
    assert boss.get(f"{LIST}duplicates/?after=%00x").status_code == 200


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
def test_similar_contacts_are_found_by_number_and_email(
    boss: Client, pair: tuple[Contact, Contact], typed: dict[str, str], found: str
) -> None:
    html = boss.get(
        f"{LIST}duplicates/similar/", {"exclude": str(pair[0].pk), **typed}
    ).content.decode()

    assert found in html
    assert bool(found) == ("Same number or e-mail" in html)


def test_similar_contacts_require_staff(client: Client, pair: tuple[Contact, Contact]) -> None:
    client.force_login(make_user("customer"))

    assert client.get(f"{LIST}duplicates/similar/", {"number": "+442079460100"}).status_code == 302
