"""The number of queries of each hook is pinned, and the same for 1 and for 20 rows."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization
from ringotel_crm.models import Activity
from tests.api import Api, read
from tests.factories import make_contact, make_organization, make_user, number
from tests.media.audio_samples import sample

# One query of each is the authentication. Transactions are not counted.
COUNTS = {
    "Users": 2,
    "Contacts": 4,
    "Organizations": 2,
    "FindContact": 2,
    "FindContact, unknown": 3,
    "FindContact, an organization": 5,
    "FindContact, shared": 4,
    "CreateContact": 11,
    "CreateContact, again": 3,
    "UpdateContact": 9,
    "CreateActivity": 4,
    "CreateActivity, again": 7,
    "AssignActivity": 5,
    "UpdateActivity": 4,
    "StopCallActivity": 3,
    "UpdateCallRecording": 9,
}
# Queries less on databases that can lock a row by reading it: SQLite must write to it.
LOCKS = {
    "CreateActivity, again": 1,
    "AssignActivity": 1,
    "UpdateActivity": 1,
    "UpdateCallRecording": 2,
}

REQUESTS: dict[str, dict[str, Any]] = {
    "FindContact": {"phone": number(1)},
    "FindContact, unknown": {"phone": number(999)},
    "FindContact, an organization": {"phone": number(500)},
    "FindContact, shared": {"phone": number(900)},
    "CreateContact": {
        "first_name": "New",
        "phone": number(800),
        "organization": {"name": "New Ltd"},
    },
    "CreateContact, again": {"first_name": "Ada", "phone": number(1)},
    "UpdateContact": {"id": "{contact}", "phone": number(700), "job_title": "Owner"},
    "CreateActivity": {"call_id": "new", "caller_number": number(1), "extension": "2001"},
    "CreateActivity, again": {"call_id": "c1", "caller_number": number(1), "extension": "2001"},
    "AssignActivity": {"call_id": "c1", "contact_id": "{contact}"},
    "UpdateActivity": {"call_id": "c1", "subject": "Leak"},
    "StopCallActivity": {"call_id": "c1", "call_duration": 27},
}


def expected(case: str) -> int:
    return COUNTS[case] - (LOCKS.get(case, 0) if connection.features.has_select_for_update else 0)


def count(call: Any) -> int:
    with CaptureQueriesContext(connection) as queries:
        response = call()
        assert response.status_code == 200
        assert read(response)
    transactions = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE", "ROLLBACK")
    statements = [query["sql"] for query in queries if not query["sql"].startswith(transactions)]
    return len(statements)


@pytest.fixture(params=[1, 20])
def contact(request: pytest.FixtureRequest, api: Api) -> Contact:
    """The first of as many contacts, users, organizations and calls, with all caches filled."""
    for n in range(1, request.param + 1):
        company = make_organization(f"Sample {n}", phone=number(499 + n))
        email = f"{n}@example.com"
        made = make_contact(
            "Ada", number(n), number(99 + n), organization=company, job_title="Baker", email=email
        )
        make_user(f"user{n}", str(2000 + n))
        Activity.objects.create(call_id=f"c{n}")
    for n in range(request.param + 1):
        ContactPhone.objects.create(contact=make_contact(f"Twin {n}"), raw=number(900))
    api.ok("CreateActivity", {"call_id": "first", "caller_number": number(1)})
    api.ok("CreateContact", {"first_name": "First"})
    api.results("FindContact", {"phone": number(900)})
    assert made.pk
    assert Organization.objects.count() == request.param
    return Contact.objects.get(phones__e164=number(1))


@pytest.mark.parametrize("case", [case for case in COUNTS if case != "UpdateCallRecording"])
def test_hook_runs_a_fixed_number_of_queries(api: Api, contact: Contact, case: str) -> None:
    data = {
        key: str(contact.pk) if value == "{contact}" else value
        for key, value in REQUESTS.get(case, {}).items()
    }
    assert count(lambda: api.call(case.partition(",")[0], data)) == expected(case)


def test_recording_runs_a_fixed_number_of_queries(api: Api, contact: Contact) -> None:
    send = lambda: api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", "call_id=c1")  # noqa: E731
    assert count(send) == expected("UpdateCallRecording")


@pytest.mark.parametrize("hook", ["Contacts", "Organizations"])
def test_page_runs_a_fixed_number_of_queries(api: Api, contact: Contact, hook: str) -> None:
    assert count(lambda: api.call(hook, {"limit": 10, "updated_since": 0})) == COUNTS[hook]
