"""What is told of a call may come in any order and more than once: the row is the same in the end."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity
from tests.api import Api, read
from tests.factories import columns, make_contact, make_user, number
from tests.media.audio_samples import sample

CALL = {"call_id": "c1"}

# By call id, as they come when the answer to the first was not awaited. Every time is said, so that none is the
# moment of writing. Of two notes, or two assignments, the last one is right: only one of each is here.
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


def end_of(api: Api, ids: dict[str, str], order: tuple[str, ...]) -> dict[str, Any]:
    """The row, without its id and the times of writing, after these steps; nothing stays."""
    with transaction.atomic():
        answers = set()
        for name in order:
            hook, said = STEPS[name]
            if hook == "UpdateCallRecording":
                response = api.send(hook, sample("mulaw.wav"), "audio/wav", "call_id=c1")
                assert response.status_code == 200, read(response)
                answers.add(read(response)["id"])
            else:
                answers.add(
                    api.id(
                        hook,
                        {**CALL, **said, **{k: ids.get(v, v) for k, v in said.items() if v in ids}},
                    )
                )
        call = Activity.objects.get()
        assert answers == {str(call.pk)}
        sound = call.recording.sha256 if hasattr(call, "recording") else ""
        transaction.set_rollback(True)
    return {**columns(call, "id", "created_at"), "sound": sound}


def without_notes(end: dict[str, Any]) -> dict[str, Any]:
    """Of several notes the last one counts, so that their order matters."""
    return {
        name: value
        for name, value in end.items()
        if "subject" not in name and "comment" not in name
    }


def test_every_order_of_the_usual_five(api: Api, ids: dict[str, str]) -> None:
    steps = ("start", "stop", "note", "assign", "recording")
    ends = {order: end_of(api, ids, order) for order in permutations(steps)}
    usual = ends[steps]
    assert (usual["status"], usual["subject"], usual["contact_id"]) == (
        "answered",
        "Leak",
        ids["{bea}"],
    )
    assert [order for order, end in ends.items() if end != usual] == []


def test_every_order_of_starts_and_stops(api: Api, ids: dict[str, str]) -> None:
    steps = ("start", "start again", "stop", "stop again", "third stop")
    ends = {order: end_of(api, ids, order) for order in permutations(steps)}
    usual = ends[steps]
    assert (usual["status"], usual["cause"], usual["duration"]) == ("answered", "16", 27)
    assert [order for order, end in ends.items() if end != usual] == []


@settings(
    max_examples=12,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.permutations(list(STEPS)), st.lists(st.sampled_from(list(STEPS)), max_size=4))
def test_any_order_of_all_with_some_repeated(
    api: Api, ids: dict[str, str], order: list[str], repeated: list[str]
) -> None:
    usual = without_notes(end_of(api, ids, tuple(STEPS)))
    assert without_notes(end_of(api, ids, (*order, *repeated))) == usual
    assert without_notes(end_of(api, ids, (*repeated, *order))) == usual


@pytest.mark.parametrize("early", ["stop", "note", "assign", "recording"])
def test_a_call_that_is_known_by_its_end_alone(api: Api, ids: dict[str, str], early: str) -> None:
    """The start never came: what is known is kept."""
    end = end_of(api, ids, (early,))
    assert end["call_id"] == "c1"
    assert Contact.objects.count() == 2
