"""Call events: one row for each call in any order, with a leg for each phone of a ring group."""

from __future__ import annotations

import datetime as dt
import itertools
import random
import time
from typing import Any

import pytest
from django.utils import timezone
from pytest_django import Settings

from ringotel_crm import signals
from ringotel_crm.models import Activity, CallLeg, RingotelUser, WebhookEvent
from ringotel_crm.services.calls.live import close_stale_calls
from tests.api import Api, make_token
from tests.factories import columns, make_contact, make_user, number, set_times
from tests.webhooks.sender import START, Sender, call_params, started, stopped

CALL_FIELDS = (
    *(
        "call_id",
        "direction",
        "status",
        "caller_number",
        "caller_e164",
        "called_number",
        "called_e164",
        "extension",
    ),
    *("agent_name", "contact_name", "start", "end", "duration", "cause"),
)
LEG_FIELDS = ("extension", "status", "agent_name", "start", "end", "duration", "cause")

RING_GROUP = [
    started(extension="500"),
    started(extension="501", call_start=START + 10),
    started(extension="502", call_start=START + 20),
    stopped(0, extension="500", call_end=START + 9_000, call_cause="26"),
    stopped(0, extension="502", call_end=START + 9_000, call_cause="26"),
    stopped(31, extension="501", call_end=START + 40_000, call_start=START + 10),
]
UNANSWERED = [
    started(extension="500"),
    started(extension="501", call_start=START + 10),
    stopped(0, extension="500", call_end=START + 20_000, call_cause="19"),
    stopped(0, extension="501", call_end=START + 20_010, call_cause="19"),
]


def log() -> list[tuple[dict[str, Any], list[dict[str, Any]]]]:
    """Return all calls with their legs."""
    return [
        (
            {name: getattr(call, name) for name in CALL_FIELDS},
            list(CallLeg.objects.filter(activity=call).order_by("extension").values(*LEG_FIELDS)),
        )
        for call in Activity.objects.order_by("call_id")
    ]


def clear() -> None:
    Activity.objects.all().delete()
    WebhookEvent.objects.all().delete()


@pytest.fixture
def people(db: None) -> None:
    for extension in ("500", "501", "502"):
        make_user(f"user{extension}", extension)
    make_contact("Ada Example", number(1))


def test_start_and_stop_log_one_call(sender: Sender, people: None) -> None:
    sender.send(started(), stopped())

    call = Activity.objects.get()
    assert (call.direction, call.status, call.duration, call.cause) == (
        "inbound",
        "answered",
        27,
        "0",
    )
    assert (call.caller_number, call.caller_e164, call.called_number) == (
        "442079460001",
        number(1),
        "500",
    )
    assert (call.extension, call.agent_name, call.contact_name) == ("500", "user500", "Ada Example")
    assert call.start == dt.datetime(2026, 3, 2, 12, tzinfo=dt.UTC)
    assert call.end == call.start + dt.timedelta(seconds=40)


def test_stop_without_start_logs_the_same_call(sender: Sender, people: None) -> None:
    sender.send(started(), stopped())
    expected = log()
    clear()
    sender.send(stopped())

    assert log() == expected


@pytest.mark.slow
@pytest.mark.parametrize("events", [RING_GROUP, UNANSWERED], ids=["answered", "unanswered"])
def test_any_order_results_in_the_same_rows(
    sender: Sender, people: None, events: list[dict[str, Any]]
) -> None:
    sender.send(*events)
    expected = log()
    orders = list(itertools.permutations(events))
    chosen = random.Random(4).sample(orders, k=24)

    for order in chosen:
        clear()
        sender.send(*order, *order[:2])
        assert log() == expected, [
            (event["method"], event["params"]["extension"]) for event in order
        ]


@pytest.mark.parametrize("zero", [0, 0.0, "0", "00000", "0.0", "1970-01-01T00:00:00Z"])
def test_zero_is_an_unknown_time(sender: Sender, people: None, zero: Any) -> None:
    sender.send(stopped(call_start=zero, call_end=zero))

    ((call, _legs),) = log()
    received = WebhookEvent.objects.get().received_at
    assert call["end"] == received
    assert call["start"] is None or call["start"].year > 1970


def test_answered_ring_group_has_the_agent_who_answered(sender: Sender, people: None) -> None:
    sender.send(*RING_GROUP)

    ((call, legs),) = log()
    assert (call["status"], call["extension"], call["agent_name"]) == ("answered", "501", "user501")
    assert (call["called_number"], call["duration"]) == ("501", 31)
    assert [(leg["extension"], leg["status"]) for leg in legs] == [
        ("500", "not_answered"),
        ("501", "answered"),
        ("502", "not_answered"),
    ]


def test_unanswered_ring_group_has_no_agent(sender: Sender, people: None) -> None:
    sender.send(*UNANSWERED)

    ((call, legs),) = log()
    assert (call["status"], call["extension"], call["agent_name"]) == ("missed", "", "")
    assert {leg["status"] for leg in legs} == {"not_answered"}


@pytest.mark.django_db(transaction=True)
def test_call_is_not_missed_while_a_phone_rings(sender: Sender, people: None) -> None:
    now = time.time_ns() // 1_000_000
    statuses: list[str] = []

    def record(activity: Activity, **kwargs: Any) -> None:
        statuses.append(activity.status)

    signals.call_stopped.connect(record)
    try:
        sender.send(
            started(extension="500", call_start=now), started(extension="501", call_start=now)
        )
        sender.send(stopped(0, extension="500", call_start=now, call_end=now + 9_000))
        assert (Activity.objects.get().status, statuses) == ("ringing", [])

        sender.send(stopped(12, extension="501", call_start=now, call_end=now + 30_000))
    finally:
        signals.call_stopped.disconnect(record)
    assert (Activity.objects.get().status, statuses) == ("answered", ["answered"])


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_phones_ringing_in_sequence_are_one_call(
    sender: Sender, people: None, order: tuple[int, ...]
) -> None:
    now = time.time_ns() // 1_000_000
    events = [
        started(extension="500", call_start=now),
        stopped(0, extension="500", call_start=now, call_end=now + 20_000, call_cause="19"),
        started(extension="501", call_start=now + 20_100),
    ]
    sender.send(*(events[i] for i in order))
    call = Activity.objects.get()
    assert (call.status, call.cause, call.duration, call.end) == ("ringing", "", None, None)

    sender.send(stopped(9, extension="501", call_start=now + 20_100, call_end=now + 31_000))
    call = Activity.objects.get()
    assert (call.status, call.agent_name, call.duration) == ("answered", "user501", 9)
    sender.send(*events)
    assert columns(Activity.objects.get()) == columns(call)


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_stale_ring_group_is_closed_by_its_finished_legs(
    sender: Sender, people: None, order: tuple[int, ...]
) -> None:
    now = time.time_ns() // 1_000_000
    events = [
        started(extension="500", call_start=now),
        stopped(0, extension="500", call_start=now, call_end=now + 20_000, call_cause="19"),
        started(extension="501", call_start=now + 10),  # its stop is never sent
    ]
    sender.send(*(events[i] for i in order))
    set_times(Activity.objects.get(), updated_at=timezone.now() - dt.timedelta(days=1))
    close_stale_calls()

    call = Activity.objects.get()
    assert (call.status, call.cause, call.duration, call.agent_name) == ("missed", "19", 0, "")
    assert close_stale_calls() == 0


def test_lost_stop_does_not_keep_the_call_open(sender: Sender, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"STALE_CALL_MINUTES": 60}
    long_ago = time.time_ns() // 1_000_000 - 61 * 60_000
    sender.send(
        started(extension="501", call_start=long_ago),
        stopped(0, extension="500", call_start=long_ago),
    )

    assert Activity.objects.get().status == "missed"


def test_agent_is_found_by_a_confirmed_user_mapping(sender: Sender, people: None) -> None:
    user = make_user("una")
    mapped = RingotelUser.objects.create(
        ringotel_id=call_params(extension="999")["user_id"], agent_id=str(user.pk)
    )
    sender.send(started(extension="999"))
    assert Activity.objects.get().agent_name == ""

    RingotelUser.objects.filter(pk=mapped.pk).update(confirmed=True)
    sender.send(started(extension="999"))
    assert Activity.objects.get().agent_name == "una"


def test_hooks_and_webhooks_log_one_call_in_any_order(sender: Sender, people: None) -> None:
    api = Api(make_token())
    made = {
        "call_id": RING_GROUP[0]["params"]["call_id"],
        "extension": "502",
        "caller_number": number(1),
    }
    steps: list[Any] = [
        *((sender.send, event) for event in UNANSWERED),
        (
            lambda data: api.ok("CreateActivity", data),
            {**made, "call_start": START, "activity_type": "inbound"},
        ),
        (
            lambda data: api.ok("StopCallActivity", data),
            {
                "call_id": made["call_id"],
                "call_duration": 0,
                "call_end": START + 20_010,
                "call_cause": "19",
            },
        ),
    ]
    results: list[Any] = []
    for order in random.Random(1).sample(list(itertools.permutations(steps)), k=20):
        clear()
        for step, data in order:
            step(data)
        results.append(log())

    assert all(result == results[0] for result in results)
    assert len(results[0]) == 1


@pytest.mark.django_db(transaction=True)
def test_signal_of_a_new_call_is_sent_once_with_agent_and_contact(
    sender: Sender, people: None
) -> None:
    received: list[tuple[str, str]] = []

    def record(activity: Activity, **kwargs: Any) -> None:
        received.append((activity.agent_name, activity.contact_name))

    signals.call_started.connect(record)
    try:
        sender.send(started(), started(), stopped())
    finally:
        signals.call_started.disconnect(record)
    assert received == [("user500", "Ada Example")]
