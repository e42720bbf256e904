"""The client against the shipped double, over HTTP."""

from __future__ import annotations

import datetime as dt
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
from ringotel_crm.records import AddressBookEntry, CallHistoryEntry, RingotelUserRecord
from ringotel_crm.testing import Fault, RingotelServer

BEGIN, END = dt.datetime(2026, 3, 2, tzinfo=dt.UTC), dt.datetime(2026, 3, 3, tzinfo=dt.UTC)
CARD = AddressBookEntry(
    id="7",
    name="Ada Example",
    phones=("+442079460001",),
    mobiles=("+447700900001",),
    emails=("ada@example.com",),
    organization="Sample Ltd",
    position="Buyer",
)

READS: dict[str, Callable[[Ringotel], Any]] = {
    "getCalls": lambda client: client.get_calls(BEGIN, END),
    "getUsers": lambda client: client.get_users(),
    "getContacts": lambda client: client.get_contacts(),
    "getActivitySubjects": lambda client: client.get_activity_subjects(),
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
    "message": lambda client: client.message(
        sender="500", receiver="442079460001", content="Hello"
    ),
}
EVERY = {**READS, **WRITES}


@pytest.mark.parametrize("method", EVERY)
def test_each_method_by_its_name_and_with_its_parameters(
    ringotel: RingotelServer, method: str
) -> None:
    EVERY[method](Ringotel())

    org, domain = {"orgid": ringotel.org_id}, {"domain": ringotel.domain}
    info = {
        "phone": ["+442079460001"],
        "mobile": ["+447700900001"],
        "email": ["ada@example.com"],
        "organization": "Sample Ltd",
        "position": "Buyer",
    }
    expected: dict[str, dict[str, Any]] = {
        "getCalls": {**org, "begin": 1772409600000, "end": 1772496000000},
        "getUsers": org,
        "getContacts": org,
        "getActivitySubjects": org,
        "initCall": {"from": "500", "tonumber": "+442079460001", "toname": "Ada Example", **domain},
        "importContacts": {**org, "list": [{"name": "Ada Example", "info": info}]},
        "updateContacts": {**org, "list": [{"id": "7", "name": "Ada Example", "info": info}]},
        "deleteContacts": {**org, "list": [{"id": "7"}]},
        "setActivitySubjects": {**org, **domain, "subjects": ["Sales"]},
        "updateActivity": {"id": "c1", **domain, "subject": "Sales", "comment": "Calls back."},
        "message": {**org, "from": "500", "to": "442079460001", "content": "Hello"},
    }
    assert ringotel.requests == [(method, expected[method])]


def test_answers_are_read(ringotel: RingotelServer) -> None:
    ringotel.calls = [
        {"a": "442079460001", "b": 500, "c": 16, "t": 1772452800000, "d": 27, "o": False}
    ]
    ringotel.users = [
        {"id": 1, "name": "Una", "extension": "500", "email": None, "status": 1},
        {"name": "nobody"},
    ]
    ringotel.contacts = {
        "7": {
            "firstname": "Ada",
            "lastname": "Example",
            "info": {"phone": ["+442079460001"], "email": ["a@example.com", "ada@example.com"]},
        },
        "8": {
            "name": "Bo",
            "info": {"phone": "442079460002", "mobile": None, "email": "bo@example.com"},
        },
        "9": {},
    }
    ringotel.subjects = ["Sales"]
    client = Ringotel()

    assert client.get_calls(BEGIN, END) == [
        CallHistoryEntry(
            caller_number="442079460001",
            called_number="500",
            is_outgoing=False,
            start=dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC),
            duration=27,
            cause="16",
        )
    ]
    assert client.get_users() == [RingotelUserRecord(id="1", name="Una", extension="500")]
    assert client.get_contacts() == [
        AddressBookEntry(
            id="7",
            name="Ada Example",
            phones=("+442079460001",),
            emails=("a@example.com", "ada@example.com"),
        ),
        AddressBookEntry(id="8", name="Bo", phones=("442079460002",), emails=("bo@example.com",)),
        AddressBookEntry(id="9"),
    ]
    assert client.get_activity_subjects() == ["Sales"]
    assert client.message(sender="500", receiver="442079460001", content="Hello") != ""


TROUBLE = [Fault.RESET, Fault.LOST, Fault.ERROR_500, Fault.SLOW]


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
def test_but_not_for_ever(ringotel: RingotelServer, method: str) -> None:
    ringotel.faults.extend([Fault.RESET] * 10)

    with pytest.raises(RingotelConnectionError):
        READS[method](Ringotel())
    assert ringotel.methods() == [method] * 3


@pytest.mark.parametrize("fault", TROUBLE)
@pytest.mark.parametrize("method", WRITES)
def test_writes_are_never_repeated(
    ringotel: RingotelServer, impatient: None, method: str, fault: Fault
) -> None:
    ringotel.faults.append(fault)

    with pytest.raises(RingotelConnectionError):
        WRITES[method](Ringotel())
    assert ringotel.methods() == [method]


@pytest.mark.parametrize("fault", [Fault.MALFORMED, Fault.HTML])
@pytest.mark.parametrize("method", EVERY)
def test_an_answer_that_is_not_json(ringotel: RingotelServer, method: str, fault: Fault) -> None:
    ringotel.faults.append(fault)

    with pytest.raises(InvalidResponse, match=method):
        EVERY[method](Ringotel())
    assert ringotel.methods() == [method]


@pytest.mark.parametrize("method", READS)
@pytest.mark.parametrize("result", [None, 1, "x", {}, [1], [], [{"t": "soon"}]], ids=repr)
def test_json_of_another_shape(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch, method: str, result: Any
) -> None:
    monkeypatch.setattr(ringotel, "answer", lambda method, params: {"result": result})
    if isinstance(result, list) and (method == "getActivitySubjects" or result == []):
        assert isinstance(READS[method](Ringotel()), list)
    elif result == [{"t": "soon"}] and method != "getCalls":
        assert READS[method](Ringotel()) == []  # rows without an id are left out
    else:
        with pytest.raises(InvalidResponse, match=method):
            READS[method](Ringotel())


def test_what_ringotel_refuses_in_its_own_words(
    ringotel: RingotelServer, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "ORGANIZATION_ID": "1"}

    with pytest.raises(RingotelApiError, match="Unknown organization"):
        Ringotel().get_users()
    assert len(ringotel.requests) == 1


def test_a_wrong_key(ringotel: RingotelServer, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {**settings.RINGOTEL_CRM, "RINGOTEL_API_KEY": "another"}

    with pytest.raises(RingotelAuthenticationError):
        Ringotel().get_users()


@pytest.mark.parametrize("name", ["RINGOTEL_API_KEY", "ORGANIZATION_ID", "ORGANIZATION_DOMAIN"])
def test_a_missing_setting_is_named(
    ringotel: RingotelServer, settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.delenv("RINGOTEL_API_KEY", raising=False)
    settings.RINGOTEL_CRM = {
        key: value for key, value in settings.RINGOTEL_CRM.items() if key != name
    }

    with pytest.raises(NotConfigured, match=name):
        Ringotel().set_activity_subjects([])


def test_the_key_from_the_environment(
    ringotel: RingotelServer, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RINGOTEL_API_KEY", ringotel.key)
    settings.RINGOTEL_CRM = {
        key: value for key, value in settings.RINGOTEL_CRM.items() if key != "RINGOTEL_API_KEY"
    }

    assert Ringotel().get_users() == []


@pytest.mark.parametrize("fault", [*TROUBLE, Fault.MALFORMED])
def test_the_key_is_nowhere_to_be_seen(
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


def test_an_error_that_quotes_the_key_is_shown_without_it(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        ringotel, "answer", lambda *args: {"error": {"message": f"Not for {ringotel.key}!"}}
    )

    with pytest.raises(RingotelApiError, match="Not for •••!"):
        Ringotel().get_users()


def test_an_answer_that_comes_in_drops_is_not_waited_for(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "TOTAL_SECONDS", 0.3)
    ringotel.faults.append(Fault.DRIP)
    begin = time.monotonic()

    with pytest.raises(RingotelConnectionError, match="Timeout"):
        Ringotel().set_activity_subjects([])
    assert time.monotonic() - begin < 3


def test_an_answer_without_end_is_cut_off(
    ringotel: RingotelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "MAX_BYTES", 1000)
    ringotel.subjects = ["x" * 2000]

    with pytest.raises(InvalidResponse, match="too long"):
        Ringotel().get_activity_subjects()
