"""Rows as a site collects them: half of the calls with a few contacts, numbers that two contacts
share, callers without contact, missed calls, several phones per call, recordings, and events.

Only for PostgreSQL, which reads and writes the rows fastest before it has the indexes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.db import connection

from tests.benchmarks.data import fill, finish, make_organizations, moment, number, stored

# Half of the calls are with these contacts.
BUSY = 50
# Every such contact has the work number of the contact before it.
SHARED = 20
# The name of every tenth contact, and the first names.
COMMON_NAME = "Notreal"
FIRST_NAMES = "Ada Ben Cora Dan Eva Finn Gus Hal Ida Jon Kay Leo Mia Ned Ola Pia Rob Sam Tom Una"
YEAR = 365 * 24 * 3600


def agents(calls: int) -> int:
    """Return the number of agents for this number of calls in a year."""
    return min(500, max(20, calls // 20_000))


def make(contacts: int, calls: int) -> None:
    """Create contacts, and calls of a year."""
    people = make_agents(agents(calls))
    with without_indexes():
        make_contacts(contacts)
        make_calls(contacts, calls, people)
        make_events(contacts, calls)
        make_conversations(contacts, people)
    from ringotel_crm.minicrm.models import Contact, Organization
    from ringotel_crm.models import Activity, Conversation, WebhookEvent

    finish([Organization, Contact, Activity, WebhookEvent, Conversation])
    with connection.cursor() as cursor:  # as in docs/deployment.rst
        name = connection.ops.quote_name(connection.settings_dict["NAME"])
        cursor.execute(f"ALTER DATABASE {name} SET jit = off")


def make_agents(count: int) -> list[int]:
    """Create users with an extension each, and return their consecutive primary keys."""
    from django.contrib.auth import get_user_model

    from ringotel_crm.models import Agent

    User = get_user_model()
    users = User.objects.bulk_create(
        User(username=f"agent{n}", first_name="Agent", last_name=f"Sample{n}") for n in range(count)
    )
    Agent.objects.bulk_create(
        Agent(user=user, extension=str(1000 + n)) for n, user in enumerate(users)
    )
    return [user.pk for user in users]


def e164(kind: int, contact: str) -> str:
    """Return SQL for the number of a contact whose primary key is the SQL ``contact``."""
    return f"'{number(0)[:6]}' || ({number(0, kind)[6:]} + {contact})"


def name_of(contact: str) -> tuple[str, str]:
    """Return SQL for first and last name of a contact."""
    names = FIRST_NAMES.split()
    first = f"(ARRAY{names})[1 + {contact} / 10 % {len(names)}]"
    common = f"CASE {contact} % 10 WHEN 3 THEN '{COMMON_NAME}'"
    return first, f"({common} ELSE 'Sample' || ({contact} % 5000) END)"


def make_contacts(contacts: int) -> None:
    """Create contacts with a work number, most with a mobile one, and half with an organization."""
    from ringotel_crm.minicrm.models import Contact, ContactPhone, ContactWord

    companies = max(1, contacts // 20)
    switchboard = f"'{number(0)[:6]}' || (10000000 + i)"
    make_organizations(companies, "Invented", phone=switchboard, **stored(switchboard))
    first, last = name_of("i")
    company = f"(1 + i / 2 % {companies})"
    fill(
        Contact,
        contacts,
        id="i",
        first_name=first,
        last_name=last,
        name_normalized=f"lower({first} || ' ' || {last})",
        email=f"lower({first} || '.' || {last} || i || '@example.com')",
        job_title="'Baker'",
        organization_id=f"CASE WHEN i % 2 = 0 THEN {company} END",
    )
    for word in (f"lower({first})", f"lower({last})"):
        fill(ContactWord, contacts, owner_id="i", word=word)
    for word in ("'invented'", f"'' || (1 + i % {companies})", "'ltd'"):
        fill(ContactWord, contacts // 2, owner_id="2 * i", word=word)
    work = e164(0, f"CASE WHEN i % {SHARED} = 0 THEN i - 1 ELSE i END")
    fill(ContactPhone, contacts, contact_id="i", raw=work, **stored(work), kind="'work'")
    mobile = e164(1, "5 * i")
    fill(
        ContactPhone,
        contacts // 5,
        contact_id="5 * i",
        raw=mobile,
        **stored(mobile),
        kind="'mobile'",
    )


def make_calls(contacts: int, calls: int, people: list[int]) -> None:
    """Create calls, some with phones that rang and some with a recording, and ten live ones.

    The last call is the latest one.
    """
    from django.contrib.contenttypes.models import ContentType

    from ringotel_crm.minicrm.models import Contact
    from ringotel_crm.models import Activity, AuditEntry, CallLeg, Recording

    step = YEAR / calls
    # Every other call is with a busy contact; of ten, one number is unknown, and one withheld in
    # fifty. Prime factors spread values over the rows.
    rare = f"(1 + i * 7919::bigint % {contacts})"
    who = f"(CASE WHEN i % 2 = 0 THEN 1 + i / 2 % {BUSY} ELSE {rare} END)"
    known = "(i % 10 <> 1)"
    outside = (
        f"(CASE WHEN i % 50 = 1 THEN '' WHEN {known} THEN {e164(0, who)}"
        f" ELSE '{number(0)[:6]}' || (90000000 + i * 31::bigint % 9000000) END)"
    )
    ours = "'+353209150000'"
    outbound, internal = "(i % 10 IN (2, 5, 8))", "(i % 100 = 77)"
    result = "i / 7 % 100"
    inbound_status = (
        f"CASE WHEN {result} < 76 THEN 'answered' WHEN {result} < 92 THEN 'missed'"
        f" WHEN {result} < 96 THEN 'voicemail' WHEN {result} < 98 THEN 'busy'"
        f" WHEN {result} < 99 THEN 'failed' ELSE 'unknown' END"
    )
    outbound_status = f"CASE WHEN {result} < 72 THEN 'answered' ELSE 'missed' END"
    closed = f"CASE WHEN {outbound} THEN {outbound_status} ELSE {inbound_status} END"
    status = f"CASE WHEN i > {calls - 10} THEN 'in_progress' ELSE {closed} END"
    answered = f"(({closed}) = 'answered' AND i <= {calls - 10})"
    agent = f"(i * 17::bigint % {len(people)})"
    first, last = name_of(who)
    name = f"CASE WHEN {known} THEN {first} || ' ' || {last} ELSE '' END"
    contact_type = ContentType.objects.get_for_model(Contact).pk
    subject = "CASE WHEN i % 10 = 4 THEN 'Order ' || i ELSE '' END"
    start = moment(f"30 + ({calls} - i) * {step}")
    fill(
        Activity,
        calls,
        id="i",
        call_id="'old ' || i",
        direction=f"CASE WHEN {internal} THEN 'internal' WHEN {outbound} THEN 'outbound'"
        " ELSE 'inbound' END",
        status=status,
        caller_number=f"CASE WHEN {outbound} THEN {ours} ELSE {outside} END",
        caller_e164=f"CASE WHEN {outbound} THEN {ours} ELSE {outside} END",
        called_number=f"CASE WHEN {outbound} THEN {outside} ELSE {ours} END",
        called_e164=f"CASE WHEN {outbound} THEN {outside} ELSE {ours} END",
        outside_number_reversed=f"reverse(substr({outside}, 2))",
        extension=f"CASE WHEN {answered} THEN '' || (1000 + {agent}) ELSE '' END",
        agent_id=f"CASE WHEN {answered} OR {outbound} THEN '' || ({people[0]} + {agent})"
        " ELSE '' END",
        agent_name=f"CASE WHEN {answered} OR {outbound} THEN 'Agent Sample' || {agent} ELSE '' END",
        contact_type_id=f"CASE WHEN {known} THEN {contact_type} END",
        contact_id=f"CASE WHEN {known} THEN '' || {who} ELSE '' END",
        contact_name=name,
        contact_name_normalized=f"lower({name})",
        start=start,
        created_at=start,
        updated_at=start,
        end=f"CASE WHEN i <= {calls - 10} THEN {start} + (i % 600) * interval '1 second' END",
        duration=f"CASE WHEN {answered} THEN i % 580 END",
        subject=subject,
        subject_normalized=f"lower({subject})",
        comment="CASE WHEN i % 20 = 4 THEN 'Will call again about order ' || i ELSE '' END",
    )
    # Every twentieth call rings three phones.
    ring, phone_agent = "(20 * (1 + (i - 1) / 3))", f"((i * 7) % {len(people)})"
    fill(
        CallLeg,
        calls // 20 * 3,
        activity_id=ring,
        extension=f"'' || (1000 + {phone_agent})",
        status="CASE WHEN i % 5 = 0 THEN 'answered' ELSE 'not_answered' END",
        agent_id=f"'' || ({people[0]} + {phone_agent})",
        agent_name=f"'Agent Sample' || {phone_agent}",
        start=moment(f"30 + ({calls} - {ring}) * {step}"),
    )
    recorded = calls // 20
    fill(
        Recording,
        recorded,
        activity_id="20 * i",
        file="'ringotel/2026/01/' || md5('' || i) || '.wav'",
        content_type="'audio/wav'",
        size="20000 + i % 100000",
        seconds="i % 580",
        sha256="md5('' || i) || md5('' || -i)",
        created_at=moment(f"({calls} - 20 * i) * {step}"),
    )
    fill(
        AuditEntry,
        recorded,
        action="'listened'",
        kind="'recording'",
        object_id="'' || i",
        user_id=f"'' || ({people[0]} + i % {len(people)})",
        user_name=f"'agent' || (i % {len(people)})",
        at=moment(f"({calls} - 20 * i) * {step}"),
    )


def make_events(contacts: int, calls: int) -> None:
    """Create webhook events of every twelfth call, as received during 30 days."""
    from ringotel_crm.auth.service_users import service_user
    from ringotel_crm.models import Webhook, WebhookEvent, WebhookEventKey

    webhook = Webhook.objects.create(name="bench", user=service_user("bench"))
    events = calls // 12
    caller = e164(0, f"(CASE WHEN i % 2 = 0 THEN 1 + i / 2 % {BUSY} ELSE 1 + i % {contacts} END)")
    params = {"caller_number": "N", "called_number": "+353209150000", "call_id": "C"}
    body = json.dumps({"method": "call_start", "params": params})
    fill(
        WebhookEvent,
        events,
        id="i",
        webhook_id=str(webhook.pk),
        method="'call_start'",
        body=f"replace(replace('{body}', '\"N\"', '\"' || {caller} || '\"'),"
        " '\"C\"', '\"old ' || i * 12 || '\"')",
        received_at=moment(f"({events} - i) * {30 * 24 * 3600 / max(events, 1)}"),
        status="CASE WHEN i % 1000 = 0 THEN 'failed' ELSE 'processed' END",
        attempts="1",
    )
    for value in (caller, "'old ' || i * 12"):
        fill(WebhookEventKey, events, event_id="i", value=value)


def make_conversations(contacts: int, people: list[int]) -> None:
    """Create conversations of ten messages, notes and follow-ups."""
    from django.contrib.contenttypes.models import ContentType

    from ringotel_crm.minicrm.models import Contact
    from ringotel_crm.models import Conversation, FollowUp, Message, Note

    count = max(1, contacts // 100)
    contact_type = str(ContentType.objects.get_for_model(Contact).pk)
    first, last = name_of("i")
    contact: dict[str, Any] = {
        "contact_type_id": contact_type,
        "contact_id": "'' || i",
        "contact_name": f"{first} || ' ' || {last}",
    }
    agent = f"({people[0]} + i % {len(people)})"
    fill(
        Conversation,
        count,
        **contact,
        id="i",
        ringotel_user_id=f"'user ' || {agent}",
        local_number="'+353209150000'",
        remote_number=e164(1, "i"),
        remote_number_normalized=e164(1, "i"),
        remote_number_reversed=f"reverse(substr({e164(1, 'i')}, 2))",
        contact_name_normalized=f"lower({first} || ' ' || {last})",
        agent_id=f"'' || {agent}",
        last_at=moment(f"i * {YEAR / count}"),
    )
    fill(
        Message,
        10 * count,
        message_id="'message ' || i",
        conversation_id="1 + (i - 1) / 10",
        is_outgoing="i % 2 = 0",
        text="'Message ' || i",
        at=moment(f"i * {YEAR / count / 10}"),
    )
    fill(Note, count, **contact, text="'Note ' || i", author_id=agent)
    fill(
        FollowUp,
        count,
        **contact,
        text="'Send offer ' || i",
        due="current_date + (i % 60 - 50)",
        assignee_id=agent,
        done_at=f"CASE WHEN i % 60 < 49 THEN {moment('i')} END",
    )


def credentials() -> dict[str, str]:
    """Return a token of the webhook, and the cookie of an agent who may view own calls only."""
    from django.contrib.auth import get_user_model
    from django.test import Client

    from ringotel_crm.auth.groups import AGENT, get_group
    from ringotel_crm.auth.service_users import service_user
    from ringotel_crm.models import WebhookToken

    _webhook, token = WebhookToken.objects.issue(name="bench", user=service_user("bench"))
    agent = get_user_model().objects.get(username="agent7")
    agent.is_staff = True
    agent.save()
    agent.groups.add(get_group(AGENT))
    client = Client()
    client.force_login(agent)
    return {"webhook": token, "agent": f"sessionid={client.cookies['sessionid'].value}"}


@contextmanager
def without_indexes() -> Iterator[None]:
    """Drop indexes and constraints of the tables of this app, and create them afterwards.

    Foreign keys are then not checked for the rows that exist.
    """
    statements: list[tuple[str, str]] = []
    with connection.cursor() as cursor:
        cursor.execute(CONSTRAINTS)
        for table, name, definition in cursor.fetchall():
            add = f'ALTER TABLE {table} ADD CONSTRAINT "{name}" {definition}'
            statements.append((f'ALTER TABLE {table} DROP CONSTRAINT "{name}"', add))
        cursor.execute(INDEXES)
        for name, definition in cursor.fetchall():
            statements.append((f'DROP INDEX "{name}"', definition))
        for drop, _ in statements:
            cursor.execute(drop)
        yield
        cursor.execute("SET maintenance_work_mem = '1GB'")
        cursor.execute("SET max_parallel_maintenance_workers = 0")
        for _, create in reversed(statements):
            cursor.execute(create)


TABLES = "LIKE 'ringotel\\_%%'"
# Foreign keys first: they depend on the others.
CONSTRAINTS = f"""
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid)
        || CASE contype WHEN 'f' THEN ' NOT VALID' ELSE '' END
    FROM pg_constraint
    WHERE contype IN ('f', 'p', 'u') AND conrelid::regclass::text {TABLES}
    ORDER BY contype = 'f' DESC, conname
""".replace("%%", "%")
INDEXES = f"""
    SELECT indexname, indexdef FROM pg_indexes WHERE tablename {TABLES} AND NOT EXISTS (
        SELECT FROM pg_constraint WHERE conname = indexname
    ) ORDER BY indexname
""".replace("%%", "%")
