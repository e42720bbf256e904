"""Query plans of searches in large tables."""

from __future__ import annotations

import re

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact, ContactPhone, ContactWord, Organization
from ringotel_crm.models import Activity, Conversation
from tests.factories import at
from tests.minicrm.test_plans import plan

# For MariaDB, ANALYZE TABLE ends a transaction.
pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

ROWS = 5000
COLLEAGUES = 20
LARGE = (Activity, Contact, ContactPhone, ContactWord, Conversation)
LISTS = ("ringotel_crm/activity", "ringotel_minicrm/contact", "ringotel_crm/conversation")


@pytest.fixture
def many() -> None:
    """Create enough rows for a full scan to be slower."""
    company = Organization.objects.create(name="Fictional Ltd")
    Contact.objects.bulk_create(
        (
            Contact(
                first_name=f"Ada{n}",
                last_name=f"Sample{n}",
                # A word that most rows contain would rightly be found by a scan.
                organization=company if n >= ROWS - COLLEAGUES else None,
            )
            for n in range(ROWS)
        ),
        batch_size=500,
    )
    kind = ContentType.objects.get_for_model(Contact)
    phones, calls, conversations = [], [], []
    for n, contact in enumerate(Contact.objects.order_by("pk")):
        e164 = f"+44{2079460000 + n * 7}"
        reference = {
            "contact_type": kind,
            "contact_id": str(contact.pk),
            "contact_name": str(contact),
        }
        phones.append(ContactPhone(contact=contact, raw=e164))
        calls.append(
            Activity(
                call_id=f"c{n}", direction="inbound", caller_e164=e164, start=at(), **reference
            )
        )
        conversations.append(
            Conversation(ringotel_user_id="u", remote_number_normalized=e164, **reference)
        )
    ContactPhone.objects.bulk_create(phones, batch_size=500)
    Activity.objects.bulk_create(calls, batch_size=500)
    Conversation.objects.bulk_create(conversations, batch_size=500)
    with connection.cursor() as cursor:
        for model in LARGE:
            table = connection.ops.quote_name(model._meta.db_table)
            analyze = {"postgresql": f"ANALYZE {table}", "mysql": f"ANALYZE TABLE {table}"}
            cursor.execute(analyze.get(connection.vendor, "ANALYZE"))


def scanned(found: str) -> bool:
    """Return whether a plan reads a whole large table."""
    names = "|".join(["U0", *(model._meta.db_table for model in LARGE)])
    return bool(
        re.search(rf"SCAN ({names})\b(?! USING)|Seq Scan on ({names})\b", found)
        # MariaDB, with the keys that it did not use. The table of messages is empty.
        or re.search(rf"\b({names})\S* (None )?ALL (?!ringotel_crm_message)", found)
    )


@pytest.mark.usefixtures("many")
def test_no_search_reads_a_whole_table(boss: Client) -> None:
    plans: dict[str, str] = {}
    for page in LISTS:
        without_search = selects(boss, page, "")
        for text in ("sample77", "ada77 sample77", "fictional ada4999", "9460007", "+442079460007"):
            plans |= {sql: plan(sql) for sql in selects(boss, page, text) - without_search}

    assert len(plans) > 50
    assert [(sql, found) for sql, found in plans.items() if scanned(found)] == []


@pytest.mark.usefixtures("many")
def test_calls_of_unknown_callers_are_found_by_the_index_of_contacts(boss: Client) -> None:
    Activity.objects.create(call_id="unknown", start=at())

    with CaptureQueriesContext(connection) as queries:
        found = boss.get("/admin/ringotel_crm/activity/", {"unassigned": "yes"})

    assert [call.call_id for call in found.context["cl"].result_list] == ["unknown"]
    [sql] = [query["sql"] for query in queries if re.search(r"LIMIT 551\b", query["sql"])]
    assert "ringotel_call_contact" in plan(sql)


def selects(client: Client, page: str, text: str) -> set[str]:
    """Return the queries of a list, which finds something."""
    with CaptureQueriesContext(connection) as queries:
        response = client.get(f"/admin/{page}/", {"q": text})
    assert response.context["cl"].result_count >= 1, (page, text)
    return {query["sql"] for query in queries if query["sql"].startswith("SELECT")}
