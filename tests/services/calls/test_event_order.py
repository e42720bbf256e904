"""Every order and repetition of the events of a call gives the same row."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from django.db import connection, transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity
from tests.api import Api, read
from tests.factories import columns, make_contact, make_user, number
from tests.media.audio_samples import sample

pytestmark = pytest.mark.slow

CALL = {"call_id": "c1"}

# Sent by call id, as when the response to the first is not awaited. Every event has its time, so
# that no column depends on the current time. Of two notes or two assignments the last one counts,
# so only one of each is listed.
STEPS: dict[str, tuple[str, dict[str, Any]]] = {
    "start": (
        "CreateActivity",
        {
            "activity_type": "inbound",
            "caller_number": number(1),
            "called_number": "2001",
            "call_start": 1772452800,
            "extension": "2001",
        },
    ),
    "start again": (
        "CreateActivity",
        {
            "activity_type": "inbound",
            "caller_number": number(1),
            "called_number": "2001",
            "call_start": 1772452801,
            "extension": "2001",
            "subject": "From the start",
        },
    ),
    "stop": ("StopCallActivity", {"call_end": 1772452830, "call_duration": 27, "call_cause": "0"}),
    "stop again": (
        "StopCallActivity",
        {"call_end": 1772452831, "call_duration": 0, "call_cause": "17"},
    ),
    "third stop": (
        "StopCallActivity",
        {"call_end": 1772452810, "call_duration": 26, "call_cause": "16"},
    ),
    "note": ("UpdateActivity", {"subject": "Leak", "comment": "Calls back."}),
    "assign": ("AssignActivity", {"contact_id": "{bea}"}),
    "recording": ("UpdateCallRecording", {}),
}


@pytest.fixture
def ids(db: None) -> dict[str, str]:
    make_contact("Ada Example", number(1))
    make_user("una", "2001")
    return {"{bea}": str(make_contact("Bea Example").pk)}


def final_row(api: Api, ids: dict[str, str], order: tuple[str, ...]) -> dict[str, Any]:
    """Send the events, roll back, and return the row without its id and times of writing."""
    with transaction.atomic(using=connection.alias):
        answers = set()
        for name in order:
            hook, values = STEPS[name]
            if hook == "UpdateCallRecording":
                response = api.send(hook, sample("mulaw.wav"), "audio/wav", "call_id=c1")
                assert response.status_code == 200, read(response)
                answers.add(read(response)["id"])
            else:
                known = {key: ids.get(value, value) for key, value in values.items()}
                answers.add(api.id(hook, {**CALL, **known}))
        call = Activity.objects.get()
        assert answers == {str(call.pk)}
        recording = call.recording.sha256 if hasattr(call, "recording") else ""
        transaction.set_rollback(True, using=connection.alias)
    return {**columns(call, "id", "created_at"), "recording": recording}


def without_notes(row: dict[str, Any]) -> dict[str, Any]:
    """Leave out the notes: of several, the last one counts."""
    return {name: row[name] for name in row if "subject" not in name and "comment" not in name}


def test_one_event_of_each_kind_in_every_order(api: Api, ids: dict[str, str]) -> None:
    steps = ("start", "stop", "note", "assign", "recording")
    rows = {order: final_row(api, ids, order) for order in permutations(steps)}
    usual = rows[steps]
    assert (usual["status"], usual["subject"], usual["contact_id"]) == (
        "answered",
        "Leak",
        ids["{bea}"],
    )
    assert [order for order, row in rows.items() if row != usual] == []


def test_repeated_starts_and_stops_in_every_order(api: Api, ids: dict[str, str]) -> None:
    steps = ("start", "start again", "stop", "stop again", "third stop")
    rows = {order: final_row(api, ids, order) for order in permutations(steps)}
    usual = rows[steps]
    assert (usual["status"], usual["cause"], usual["duration"]) == ("answered", "16", 27)
    assert [order for order, row in rows.items() if row != usual] == []


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.permutations(list(STEPS)), st.lists(st.sampled_from(list(STEPS)), max_size=4))
def test_all_events_with_some_repeated_in_any_order(
    api: Api, ids: dict[str, str], order: list[str], repeated: list[str]
) -> None:
    usual = without_notes(final_row(api, ids, tuple(STEPS)))
    assert without_notes(final_row(api, ids, (*order, *repeated))) == usual
    assert without_notes(final_row(api, ids, (*repeated, *order))) == usual


@pytest.mark.parametrize("early", ["stop", "note", "assign", "recording"])
def test_event_without_start_is_kept(api: Api, ids: dict[str, str], early: str) -> None:
    assert final_row(api, ids, (early,))["call_id"] == "c1"
    assert Contact.objects.count() == 2
