"""No query of a hook or webhook reads more than a few rows, in any of its branches, on tables in
which half of the calls, messages and shared numbers belong to two contacts.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.db import connection, transaction
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm.backends import get_backend_class
from ringotel_crm.minicrm.models import Contact, ContactPhone
from ringotel_crm.models import Activity, Conversation, Message, WebhookEvent
from ringotel_crm.services.contacts import phone_index
from tests.api import Api
from tests.factories import make_contact, make_organization, make_user, number
from tests.media.audio_samples import sample
from tests.webhooks.sender import Sender, make_webhook, started, stopped
from tests.webhooks.test_messages import KEY, event, received, sent

CONTACTS = 2000
ROWS = 12_000
# For one query: pages of PostgreSQL, rows of MariaDB, thousands of steps of SQLite. Reading half of
# the calls takes more than 150 pages, 6,000 rows, or 30,000 steps.
LIMITS = {"postgresql": 100, "mysql": 200, "sqlite": 10}

SHARED = number(900)
BACKENDS = [
    "ringotel_crm.minicrm.backend.MiniCRMBackend",
    "tests.projects.mapped.backend.MappedBackend",
]

COMPANY, NEW_COMPANY = {"organization": {"name": "sample ltd"}}, {"organization": {"name": "New"}}
# Each branch of each hook, except a failed authentication.
REQUESTS: list[tuple[str, dict[str, Any]]] = [
    ("Users", {}),
    ("Contacts", {"limit": 10}),
    ("Contacts", {"limit": 10, "cursor": "{cursor}"}),
    ("Contacts", {"limit": 10, "updated_since": 0}),
    ("Contacts", {"limit": 10, "updated_since": 0, "cursor": "{cursor}"}),
    ("Contacts", {"limit": 10, "updated_since": 2_000_000_000}),
    ("Organizations", {"limit": 10}),
    ("Organizations", {"limit": 10, "updated_since": 2_000_000_000}),
    ("FindContact", {"phone": "+353203000001"}),
    ("FindContact", {"phone": "020 300 0001"}),  # several readings
    ("FindContact", {"phone": SHARED}),
    ("FindContact", {"phone": number(500)}),  # the number of the organization
    ("FindContact", {"phone": number(999)}),  # unknown
    ("CreateContact", {"first_name": "New", "phone": number(800), **NEW_COMPANY}),
    ("CreateContact", {"first_name": "New", "phone": number(801), **COMPANY}),
    ("CreateContact", {"first_name": "Twin", "last_name": "1", "phone": SHARED}),
    ("CreateContact", {"first_name": "Other", "phone": SHARED}),
    ("CreateContact", {"first_name": "Ada", "email": "1@example.com"}),
    ("CreateContact", {"first_name": "No", "last_name": "Number", "phone": "not a number"}),
    ("UpdateContact", {"id": "{twin}", "job_title": "Baker", "phone": number(700)}),
    ("UpdateContact", {"id": "{twin}", "phone": SHARED, "email": "2@example.com", **COMPANY}),
    ("UpdateContact", {"id": "{twin}", "first_name": "Bea", **NEW_COMPANY}),
    ("CreateActivity", {"call_id": "n1", "caller_number": SHARED, "extension": "500"}),
    ("CreateActivity", {"call_id": "n1", "caller_number": SHARED, "extension": "500"}),
    ("CreateActivity", {"call_id": "n2", "caller_number": number(999), "extension": "501"}),
    ("CreateActivity", {"call_id": "n3", "contact_id": "{twin}", "user_id": "{una}"}),
    # Without a call id, from the number of the organization.
    ("CreateActivity", {"caller_number": number(500), "call_start": 1772452800}),
    ("CreateActivity", {"call_id": "n4", "user_email": "una@example.com"}),
    ("AssignActivity", {"call_id": "c1", "contact_id": "{twin}"}),
    ("AssignActivity", {"id": "{call}", "contact_id": ""}),
    ("AssignActivity", {"call_id": "n5", "contact_id": ""}),  # before its start
    ("UpdateActivity", {"call_id": "c2", "subject": "Leak"}),
    ("UpdateActivity", {"id": "{call}", "comment": "Calls back."}),
    ("UpdateActivity", {"call_id": "n6", "subject": "Leak"}),  # before its start
    ("StopCallActivity", {"call_id": "n1", "call_duration": 27}),
    ("StopCallActivity", {"call_id": "n1", "call_duration": 28}),
    ("StopCallActivity", {"id": "{call}", "call_end": 1772452810, "call_cause": "17"}),
    ("StopCallActivity", {"call_id": "n7", "call_duration": 27}),  # before its start
]
WAV = sample("pcm.wav")
IN_JSON = {"call_id": "c2", "recording": base64.b64encode(WAV).decode()}
RECORDINGS = [
    (WAV, "audio/wav", "call_id=c1"),
    (WAV, "audio/wav", "call_id=c1"),
    (sample("mulaw.wav"), "audio/wav", "call_id=c1"),  # replaces the first one
    (WAV, "audio/wav", "call_id=n8"),  # before the start of the call
    (json.dumps(IN_JSON).encode(), "application/json", ""),
]


@pytest.fixture(params=BACKENDS, ids=["minicrm", "mapped"])
def busy(request: pytest.FixtureRequest, api: Api, settings: Settings) -> Api:
    """A site where two contacts share a number and half of everything."""
    settings.RINGOTEL_CRM = {"BACKEND": request.param, "RINGOTEL_API_KEY": KEY}
    if connection.vendor == "postgresql":  # the index of docs/host.rst, for e-mail addresses
        with connection.cursor() as cursor:
            cursor.execute("CREATE INDEX email_upper ON ringotel_minicrm_contact (UPPER(email))")
    company = make_organization("Sample Ltd", phone=number(500))
    busiest = [make_contact(f"Twin {n}", SHARED, organization=company) for n in range(2)]
    others = Contact.objects.bulk_create(
        Contact(first_name="Ada", last_name=f"Example {n}", email=f"{n}@example.com")
        for n in range(CONTACTS)
    )
    ContactPhone.objects.bulk_create(
        ContactPhone(contact=contact, raw=f"+35320300{n:04}", e164=f"+35320300{n:04}")
        for n, contact in enumerate(others)
    )
    type_id = ContentType.objects.get_for_model(Contact).pk
    contacts = [busiest[n // 2 % 2] if n % 2 else others[n % CONTACTS] for n in range(ROWS)]
    Activity.objects.bulk_create(
        Activity(
            call_id=f"c{n}",
            caller_e164=SHARED if n % 2 else f"+35320300{n % CONTACTS:04}",
            contact_type_id=type_id,
            contact_id=str(contact.pk),
            contact_name=str(contact),
            start=timezone.now(),
            status="answered",
        )
        for n, contact in enumerate(contacts)
    )
    conversation = Conversation.objects.create(ringotel_user_id="1", remote_number_normalized="x")
    Message.objects.bulk_create(
        Message(
            message_id=f"m{n}", session_id=f"s{n}", conversation=conversation, at=timezone.now()
        )
        for n in range(ROWS)
    )
    make_user("una", "500")
    for directory in phone_index.mapped_directories(get_backend_class()):
        for _batch in phone_index.rebuild(directory):
            pass
    if connection.vendor != "mysql":  # it updates its statistics by itself
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
    return api


def cost(sql: str, params: Any) -> int:
    """Run a statement again, and return what it read, in the unit of :data:`LIMITS`."""
    with transaction.atomic(using=connection.alias), connection.cursor() as cursor:
        read = _cost(cursor, sql, params)
        transaction.set_rollback(True, using=connection.alias)
    return read


def _cost(cursor: Any, sql: str, params: Any) -> int:
    match connection.vendor:
        case "postgresql":
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
            plan = cursor.fetchone()[0][0]["Plan"]
            return int(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        case "mysql":
            before = rows_read(cursor)
            cursor.execute(sql, params)
            cursor.fetchall()
            return rows_read(cursor) - before
    steps: list[None] = []
    connection.connection.set_progress_handler(lambda: steps.append(None), 1000)
    cursor.execute(sql, params)
    cursor.fetchall()
    connection.connection.set_progress_handler(None, 0)
    return len(steps)


def rows_read(cursor: Any) -> int:
    cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'")
    return sum(int(value) for _name, value in cursor.fetchall())


@contextmanager
def only_cheap_queries() -> Iterator[None]:
    """Assert that each statement of the block reads little."""
    statements: list[tuple[str, Any]] = []

    def capture(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith(("SELECT", "UPDATE", "DELETE")):
            statements.append((sql, params))
        return execute(sql, params, many, context)

    with connection.execute_wrapper(capture):
        yield
    assert statements
    costs = [(cost(sql, params), sql) for sql, params in statements]
    assert [row for row in costs if row[0] > LIMITS[connection.vendor]] == []


def test_hooks_read_few_rows(busy: Api) -> None:
    ids = {
        "{twin}": str(Contact.objects.filter(first_name="Twin").values_list("pk", flat=True)[0]),
        "{una}": str(User.objects.get(username="una").pk),
        "{call}": str(Activity.objects.get(call_id="c3").pk),
        "{cursor}": busy.ok("Contacts", {"limit": 10})["next"],
    }
    for hook, data in REQUESTS:
        with only_cheap_queries():
            busy.ok(hook, {key: ids.get(str(value), value) for key, value in data.items()})
    for body, content_type, query in RECORDINGS:
        with only_cheap_queries():
            response = busy.send("UpdateCallRecording", body, content_type, query)
            assert response.status_code == 200, response.content


def test_webhooks_read_few_rows(busy: Api) -> None:
    events = [
        started(caller_number=SHARED),
        started(caller_number=SHARED, extension="501"),
        started(caller_number=SHARED, extension="501"),
        stopped(caller_number=SHARED),
        stopped(caller_number=SHARED, extension="501", call_cause="26"),
        stopped(call_id="n2"),
        stopped(call_id="c1", caller_number=SHARED),  # of a call that a hook has logged
        started(call_id="n3", caller_number=number(500)),
        started(call_id="n4", caller_number=number(999)),
        sent(to=SHARED),
        sent(to=SHARED),
        sent(id="u1", to=number(999), sessionid="s9"),
        received(id="r1", **{"from": SHARED}),
        event("delivered"),
        event("read"),
        event("read", id=""),
        event("unread"),
        event("updated", content="Hi"),
        event("updated", id="x1", content="Hi"),  # before the message
        event("deleted"),
        event("typing"),
    ]
    sender = Sender(make_webhook())
    for one in events:
        with only_cheap_queries():
            sender.send(one)
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}
