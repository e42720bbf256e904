"""The client against the double of Ringotel's API, over HTTP."""

from __future__ import annotations

import datetime as dt
import json
import logging
import pickle
import time
from collections.abc import Callable
from typing import Any

import pytest
from pytest_django import Settings

from ringotel_crm.client import (
    InvalidResponse,
    NotConfigured,
    Ringotel,
    RingotelApiError,
    RingotelAuthenticationError,
    RingotelConnectionError,
    RingotelError,
    transport,
)
from ringotel_crm.records import (
    AddressBookEntry,
    AttachedExtension,
    CallHistoryEntry,
    CallSummary,
    Presence,
    RingotelConnection,
    RingotelOrganization,
    RingotelUserRecord,
)
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer, Variant
from ringotel_crm.testing.ringotel_account import BRANCH_ID

BEGIN, END = dt.datetime(2026, 3, 2, tzinfo=dt.UTC), dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
SESSION = "1710098613465-02d8b0a8b078cf73e5"
CARD = AddressBookEntry(
    id="7",
    name="Ada Example",
    phones=("+442079460001",),
    mobiles=("+447700900001",),
    emails=("ada@example.com",),
    organization="Sample Ltd",
    position="Buyer",
)
TEXT: dict[str, Any] = {"extension": "500", "number": "442079460001", "text": "Hello", "at": BEGIN}
CALL = CallSummary(
    caller_number="442079460001", called_number="500", start=BEGIN, duration=27, subject="Sales"
)

READS: dict[str, Callable[[Ringotel], Any]] = {
    "getOrganization": lambda client: client.get_organization(),
    "getBranches": lambda client: client.get_connections(),
    "getCalls": lambda client: client.get_calls(BEGIN, END),
    "getUsers": lambda client: client.get_users(),
    "getContacts": lambda client: client.get_contacts(),
    "getActivitySubjects": lambda client: client.get_activity_subjects(),
}
# Writes whose answer is read.
QUERIES: dict[str, Callable[[Ringotel], Any]] = {
    "createUser": lambda client: client.create_user(
        connection_id=BRANCH_ID, name="Kim Example", extension="502", email="kim@example.com"
    ),
    "message (session)": lambda client: client.open_session(extension="500", number="442079460001"),
}
WRITES: dict[str, Callable[[Ringotel], Any]] = {
    "initCall": lambda client: client.init_call(
        extension="500", number="+442079460001", name="Ada Example"
    ),
    "importContacts": lambda client: client.import_contacts([CARD]),
    "updateContacts": lambda client: client.update_contacts([CARD]),
    "deleteContacts": lambda client: client.delete_contacts(["7"]),
    "setActivitySubjects": lambda client: client.set_activity_subjects(["Sales"]),
    "updateActivity": lambda client: client.update_activity(
        "c1", subject="Sales", comment="Calls back."
    ),
    "message": lambda client: client.write_message(**TEXT, session_id=SESSION),
    "message (call)": lambda client: client.write_call(CALL, session_id=SESSION),
}
ONCE = {**QUERIES, **WRITES}
EVERY = {**READS, **ONCE}


@pytest.mark.parametrize("method", EVERY)
def test_method_sends_its_documented_parameters(ringotel: RingotelServer, method: str) -> None:
    EVERY[method](Ringotel())

    org, domain = {"orgid": ringotel.org_id}, {"domain": ringotel.domain}
    info: dict[str, Any] = {
        "phone": ["+442079460001"],
        "mobile": ["+447700900001"],
        "fax": [],
        "sip": [],
        "email": ["ada@example.com"],
        "organization": "Sample Ltd",
        "position": "Buyer",
        "department": "",
        "about": "",
    }
    begin, end = 1772409600000, 1772496000000
    expected: dict[str, dict[str, Any]] = {
        "getOrganization": {"id": ringotel.org_id},
        "getBranches": org,
        "getCalls": {**org, "begin": begin, "end": end},
        "getUsers": org,
        "getContacts": org,
        "getActivitySubjects": org,
        "createUser": {
            **org,
            **domain,
            "branchid": BRANCH_ID,
            "name": "Kim Example",
            "extension": "502",
            "email": "kim@example.com",
            "status": 0,
        },
        "initCall": {
            "from": "500",
            "tonumber": "+442079460001",
            "toname": "Ada Example",
            **domain,
        },
        "importContacts": {**org, "list": [{"name": "Ada Example", "info": info}]},
        "updateContacts": {**org, "list": [{"id": "7", "name": "Ada Example", "info": info}]},
        "deleteContacts": {**org, "list": ["7"]},
        "setActivitySubjects": {**org, **domain, "subjects": ["Sales"]},
        "updateActivity": {"id": "c1", **domain, "subject": "Sales", "comment": "Calls back."},
        "message (session)": {**org, "from": "442079460001", "to": "500"},
        "message": {
            **org,
            "sessionid": SESSION,
            "from": "500",
            "to": "442079460001",
            "content": "Hello",
            "type": 1,
            "timestamp": begin,
        },
        "message (call)": {
            **org,
            "sessionid": SESSION,
            "type": 8,
            "timestamp": begin,
            "content": {
                "duration": 27,
                "caller": "442079460001",
                "called": "500",
                "subject": "Sales",
                "comment": "",
                "transcription": "",
            },
        },
    }
    assert ringotel.requests == [(method.partition(" ")[0], expected[method])]


def test_organization_is_read_as_list_and_as_object(ringotel: RingotelServer) -> None:
    expected = RingotelOrganization(id=ringotel.org_id, name="New Company", domain="newcompany123")
    assert Ringotel().get_organization() == expected

    ringotel.variants.add(Variant.ORGANIZATION_AS_OBJECT)
    assert Ringotel().get_organization() == expected


def test_connections_are_read(ringotel: RingotelServer) -> None:
    provision = {
        "inboundFormat": "national0",
        "sms": 3,
        "nologmc": True,
        "nologae": 1,
        "popup": 1,
        "application": "https://crm.example.com/ringotel/pop/",
        "custompages": [{"title": "CRM", "url": "https://crm.example.com/ringotel/app/"}],
    }
    ringotel.branches = [
        {"id": "1", "name": "PBX", "provision": provision},
        {"id": "2", "status": 0, "provision": {"popup": None, "application": "x"}},
    ]

    assert Ringotel().get_connections() == [
        RingotelConnection(
            id="1",
            name="PBX",
            inbound_format="national0",
            sends_sms=True,
            logs_missed=False,
            logs_answered_elsewhere=False,
            popup_url="https://crm.example.com/ringotel/pop/",
            page_urls=("https://crm.example.com/ringotel/app/",),
        ),
        RingotelConnection(id="2", is_enabled=False),
    ]


def test_users_are_read(ringotel: RingotelServer) -> None:
    una = ringotel.add_user("Una", "500", email="una@example.com", attached=("501",), state=8)
    ringotel.users += [
        {"id": "5901", "name": "Park 1", "extension": "5901", "status": -2, "state": -1},
        {"id": "9", "name": "AI agent", "extension": 900, "state": 99},
        {"id": "", "name": "no id"},
    ]
    ringotel.agents = [{"id": "8", "userid": "9", "extension": "900"}]
    attached, owner, slot, agent = Ringotel().get_users(with_ai_agents=True)

    assert (attached.status, attached.extension, attached.is_person) == (2, "501", True)
    assert owner == RingotelUserRecord(
        id=una["id"],
        name="Una",
        extension="500",
        email="una@example.com",
        status=1,
        presence=Presence.CONNECTED,
        attached=(AttachedExtension(extension="501", id=attached.id),),
    )
    assert owner.extensions == ("500", "501")
    assert (slot.is_person, agent.is_person, agent.extension) == (False, False, "900")
    assert agent.presence is None


@pytest.mark.parametrize("forbidden", [True, False])
def test_account_without_ai_agents_has_users_nevertheless(
    ringotel: RingotelServer, forbidden: bool
) -> None:
    ringotel.add_user("Una", "500")
    if forbidden:
        ringotel.forbidden.add("getAgents")
    else:
        ringotel.refusals["getAgents"] = "Unknown method getAgents"

    assert [user.name for user in Ringotel().get_users(with_ai_agents=True)] == ["Una"]


@pytest.mark.parametrize("variants", [set(), set(Variant)])
def test_contacts_are_read(ringotel: RingotelServer, variants: set[Variant]) -> None:
    ringotel.variants = variants
    ringotel.contacts = {
        "7": {
            "firstname": "Ada",
            "lastname": "Example",
            "info": {"phone": ["442079460001"], "email": "ada@example.com"},
        },
        "8": {"name": "Bo", "info": {"mobile": ["442079460002"], "department": "IT", "fax": ["1"]}},
        "9": {"name": "", "info": {}},
    }

    assert Ringotel().get_contacts() == [
        AddressBookEntry(
            id="7", name="Ada Example", phones=("442079460001",), emails=("ada@example.com",)
        ),
        AddressBookEntry(
            id="8", name="Bo", mobiles=("442079460002",), department="IT", faxes=("1",)
        ),
        AddressBookEntry(id="9"),
    ]


def test_calls_are_read_and_an_unreadable_row_does_not_hide_the_others(
    ringotel: RingotelServer, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = {"a": "442079460001", "b": 500, "c": 16, "t": 1772452800000, "d": 27, "o": False}
    without_time = [{"a": "1"}, {**row, "t": 0}, {**row, "t": "0.0"}]
    body = json.dumps({"result": [*without_time, row]})
    monkeypatch.setattr(ringotel, "answer", lambda method, params: (200, body))

    assert Ringotel().get_calls(BEGIN, END) == [
        CallHistoryEntry(
            caller_number="442079460001",
            called_number="500",
            is_outgoing=False,
            start=dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC),
            duration=27,
            cause="16",
        )
    ]
    assert "3 rows cannot be read" in caplog.text


def test_import_returns_the_new_ids(ringotel: RingotelServer) -> None:
    [card] = Ringotel().import_contacts([CARD])

    assert (card.name, list(ringotel.contacts)) == ("Ada Example", [card.id])


def test_message_into_a_closed_session_returns_the_new_one(ringotel: RingotelServer) -> None:
    client = Ringotel()
    assert client.write_message(**TEXT, session_id=SESSION).session_id == ""

    ringotel.closed_sessions.add(SESSION)
    written = client.write_message(**TEXT, session_id=SESSION)
    assert written.id
    assert written.session_id not in ("", SESSION)


@pytest.mark.parametrize("body", ["", "{}", '{"result": {}}', '{"result": null}'])
@pytest.mark.parametrize("method", WRITES)
def test_answer_without_data_is_a_success(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch, method: str, body: str
) -> None:
    monkeypatch.setattr(ringotel, "answer", lambda method, params: (200, body))

    WRITES[method](Ringotel())


@pytest.mark.parametrize("shape", RefusalShape)
@pytest.mark.parametrize("method", EVERY)
def test_refusal_is_an_error_in_every_shape(
    ringotel: RingotelServer, method: str, shape: RefusalShape
) -> None:
    ringotel.refusal = shape
    ringotel.refusals[method.partition(" ")[0]] = "Not on this plan"

    with pytest.raises(RingotelApiError, match="Not on this plan"):
        EVERY[method](Ringotel())
    assert len(ringotel.requests) == 1


TROUBLE = [Fault.RESET, Fault.LOST, Fault.ERROR_500, Fault.RATE_LIMITED, Fault.SLOW]


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport, "READ_SECONDS", 0.2)


@pytest.mark.parametrize("fault", TROUBLE)
def test_reads_are_tried_again(ringotel: RingotelServer, impatient: None, fault: Fault) -> None:
    ringotel.subjects = ["Sales"]
    ringotel.faults.extend([fault, fault])

    assert Ringotel().get_activity_subjects() == ["Sales"]
    assert len(ringotel.requests) == 3


@pytest.mark.parametrize("method", READS)
def test_reads_are_tried_three_times(ringotel: RingotelServer, method: str) -> None:
    ringotel.faults.extend([Fault.RESET] * 10)

    with pytest.raises(RingotelConnectionError):
        READS[method](Ringotel())
    assert ringotel.methods() == [method] * 3


@pytest.mark.parametrize("fault", TROUBLE)
@pytest.mark.parametrize("method", ONCE)
def test_writes_are_never_repeated(
    ringotel: RingotelServer, impatient: None, method: str, fault: Fault
) -> None:
    ringotel.faults.append(fault)

    with pytest.raises(RingotelConnectionError):
        ONCE[method](Ringotel())
    assert ringotel.methods() == [method.partition(" ")[0]]


def test_read_with_a_timeout_is_tried_once(ringotel: RingotelServer) -> None:
    ringotel.faults.append(Fault.SLOW)
    begin = time.monotonic()

    with pytest.raises(RingotelConnectionError):
        Ringotel(timeout=0.2).get_users()
    assert time.monotonic() - begin < 2
    assert len(ringotel.requests) == 1


@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.HTML])
@pytest.mark.parametrize("method", EVERY)
def test_answer_that_is_not_json(ringotel: RingotelServer, method: str, fault: Fault) -> None:
    ringotel.faults.append(fault)
    name = method.partition(" ")[0]

    with pytest.raises(InvalidResponse, match=name):
        EVERY[method](Ringotel())
    assert ringotel.methods() == [name]


@pytest.mark.parametrize("method", [*READS, *QUERIES])
@pytest.mark.parametrize("result", [None, 1, "x", {}, [1], [[]]], ids=repr)
def test_json_of_another_shape_is_an_error(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch, method: str, result: Any
) -> None:
    if isinstance(result, list) and method == "getActivitySubjects":
        pytest.skip("any list is one of subjects")
    body = json.dumps({"result": result})
    monkeypatch.setattr(ringotel, "answer", lambda method, params: (200, body))

    with pytest.raises(InvalidResponse, match=method.partition(" ")[0]):
        EVERY[method](Ringotel())


def test_foreign_organization_is_refused(ringotel: RingotelServer, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "ORGANIZATION_ID": "1"}

    with pytest.raises(RingotelApiError, match="Unknown organization"):
        Ringotel().get_users()
    assert len(ringotel.requests) == 1


def test_wrong_key_is_rejected(ringotel: RingotelServer, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "RINGOTEL_API_KEY": "another"}

    with pytest.raises(RingotelAuthenticationError, match="invalid or expired"):
        Ringotel().get_users()


def test_missing_permission_is_named(ringotel: RingotelServer) -> None:
    ringotel.forbidden.add("getUsers")

    with pytest.raises(RingotelAuthenticationError, match="permission for getUsers"):
        Ringotel().get_users()


@pytest.mark.parametrize("name", ["RINGOTEL_API_KEY", "ORGANIZATION_ID", "ORGANIZATION_DOMAIN"])
def test_missing_setting_is_named(
    ringotel: RingotelServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("RINGOTEL_API_KEY", raising=False)
    settings.RINGOTEL_CRM = {
        key: value for key, value in settings.RINGOTEL_CRM.items() if key != name
    }

    with pytest.raises(NotConfigured, match=name):
        Ringotel().set_activity_subjects([])


def test_key_is_read_from_the_environment(
    ringotel: RingotelServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGOTEL_API_KEY", ringotel.key)
    settings.RINGOTEL_CRM = {
        key: value for key, value in settings.RINGOTEL_CRM.items() if key != "RINGOTEL_API_KEY"
    }

    assert Ringotel().get_users() == []


@pytest.mark.parametrize("fault", [*TROUBLE, Fault.MALFORMED])
def test_key_is_in_no_message_and_no_log(
    ringotel: RingotelServer, impatient: None, caplog: pytest.LogCaptureFixture, fault: Fault
) -> None:
    caplog.set_level(logging.DEBUG)
    ringotel.faults.extend([fault] * 3)
    client = Ringotel()
    with pytest.raises(RingotelError) as caught:
        client.get_users()

    shown: list[BaseException | None] = [caught.value, caught.value.__cause__]
    assert ringotel.key not in f"{client!r} {client} {client._transport!r} {shown!r} {caplog.text}"
    assert ringotel.key.encode() not in pickle.dumps(caught.value.args)


def test_error_that_quotes_the_key_is_shown_without_it(ringotel: RingotelServer) -> None:
    ringotel.refusals["getUsers"] = f"Not for {ringotel.key}!"

    with pytest.raises(RingotelApiError, match="Not for •••!"):
        Ringotel().get_users()


def test_answer_that_comes_in_drops_is_not_waited_for(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TOTAL_SECONDS", 0.3)
    ringotel.faults.append(Fault.DRIP)
    begin = time.monotonic()

    with pytest.raises(RingotelConnectionError, match="Timeout"):
        Ringotel().set_activity_subjects([])
    assert time.monotonic() - begin < 3


def test_endless_answer_is_cut_off(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BYTES", 1000)
    ringotel.subjects = ["x" * 2000]

    with pytest.raises(InvalidResponse, match="too long"):
        Ringotel().get_activity_subjects()
