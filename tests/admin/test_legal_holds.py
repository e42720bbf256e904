"""Legal holds in the admin."""

from __future__ import annotations

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, LegalHold
from tests.admin.test_call_list import of
from tests.factories import make_contact
from tests.fixtures.admin import make_call

LIST = "/admin/ringotel_crm/legalhold/"


def hold(contact: Contact, **values: str) -> LegalHold:
    kind = ContentType.objects.get_for_model(Contact)
    return LegalHold.objects.create(
        contact_type=kind, contact_id=str(contact.pk), contact_name=str(contact), **values
    )


def test_hold_is_added_by_searching_for_the_contact(boss: Client) -> None:
    ada = make_contact("Ada Example", "+442079460001")

    found = boss.get(f"{LIST}add/?q=0044 20 7946 0001").content.decode()
    assert f'href="?chosen={ada.pk}"' in found
    assert "Legal hold on Ada Example" in boss.get(f"{LIST}add/?chosen={ada.pk}").content.decode()
    boss.post(f"{LIST}add/", {"chosen": ada.pk, "reason": "court case"})

    added = LegalHold.objects.get()
    assert (added.contact, added.contact_name, added.reason) == (ada, "Ada Example", "court case")


@pytest.mark.parametrize("id", ["0", "999999999999999999999999", "Ada", " ", "\0"])
def test_hold_requires_an_existing_contact(boss: Client, id: str) -> None:
    response = boss.post(f"{LIST}add/", {"chosen": id, "reason": "court case"})

    assert "This contact does not exist." in response.content.decode()
    assert not LegalHold.objects.exists()


def test_reason_is_required_and_the_contact_is_kept(boss: Client) -> None:
    ada = make_contact("Ada Example")

    page = boss.post(f"{LIST}add/", {"chosen": ada.pk, "reason": ""}).content.decode()

    assert page.count('class="errorlist"') == 1
    assert f'name="chosen" value="{ada.pk}"' in page


def test_reason_is_changed_and_the_contact_is_not(boss: Client) -> None:
    ada, bob = make_contact("Ada Example"), make_contact("Bob Notreal")
    added = hold(ada, reason="court case")

    boss.post(f"{LIST}{added.pk}/change/", {"reason": "appeal", "chosen": bob.pk})

    added.refresh_from_db()
    assert (added.contact, added.reason) == (ada, "appeal")


def test_list_takes_the_same_queries_for_any_number_of_holds(boss: Client) -> None:
    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert "Example 1" in boss.get(LIST).content.decode()
        return len(queries)

    hold(make_contact("Example 1"), reason="court case")
    count()  # fills the caches
    queries = count()
    for number in range(5):
        hold(make_contact(f"Another {number}"), reason="court case")

    assert count() == queries


def test_deleted_contact_keeps_its_name_without_a_link(boss: Client) -> None:
    ada = make_contact("Ada Example")
    hold(ada, reason="court case")
    ada.delete()

    page = boss.get(LIST).content.decode()

    assert "Ada Example" in page
    assert "/admin/ringotel_minicrm/contact/" not in page.partition('id="result_list"')[2]


def test_calls_under_a_legal_hold_are_not_deleted(boss: Client) -> None:
    ada = make_contact("Ada Example")
    hold(ada, reason="court case")
    calls = [make_call(1, **of(ada)), make_call(2, legal_hold=True), make_call(3)]

    for call in calls:
        boss.post(f"/admin/ringotel_crm/activity/{call.pk}/delete/", {"post": "yes"})
    selected = {"action": "delete_selected", "_selected_action": [call.pk for call in calls[:2]]}
    page = boss.post("/admin/ringotel_crm/activity/", {**selected, "post": "yes"})

    assert "Legal hold: Ada Example" in page.content.decode()
    assert set(Activity.objects.all()) == {*calls[:2]}
