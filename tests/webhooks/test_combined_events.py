"""Events of hooks, webhooks and call history together, lost, repeated and out of order."""

from __future__ import annotations

import io
import json
import random
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from pytest_django import Settings
from pytest_django.live_server_helper import LiveServer

from ringotel_crm.models import Activity, CallLeg, Conversation, Message, Webhook, WebhookEvent
from ringotel_crm.simulator.webhooks import EventMaker, degrade
from ringotel_crm.testing import RingotelServer
from tests.api import Api, make_token
from tests.factories import make_contact, make_user, number
from tests.webhooks.sender import NAME, Sender

pytestmark = pytest.mark.slow

BEGIN = int(time.time() - 3 * 3600) * 1000
EXTENSIONS = ["500", "501", "502", "503"]
PARTIES = [number(n).lstrip("+") for n in range(1, 9)]
ENDS = ("end", "cause")
KEY = "the-api-key-5c2d7008"
FIELDS = (
    *(
        "direction",
        "status",
        "caller_e164",
        "caller_number",
        "called_e164",
        "called_number",
        "extension",
        "agent_name",
    ),
    *("contact_name", "start", "duration", "subject", "comment", *ENDS),
)
LEG_FIELDS = ("extension", "status", "agent_name", "start", "duration", *ENDS)


def log() -> dict[str, Any]:
    """Return all calls with their legs, by call id."""
    return {
        call.call_id: (
            {name: getattr(call, name) for name in FIELDS},
            list(call.legs.order_by("extension").values(*LEG_FIELDS)),
        )
        for call in Activity.objects.all()
    }


def message_log() -> list[tuple[Any, ...]]:
    """Return all messages."""
    fields = (
        "message_id",
        "text",
        "status",
        "is_outgoing",
        "conversation__remote_number_normalized",
        "conversation__ringotel_user_id",
    )
    return [
        (*row, bool(deleted))
        for *row, deleted in Message.objects.order_by("message_id").values_list(
            *fields, "deleted_at"
        )
    ]


def clear() -> None:
    for model in (Activity, Conversation, Message, WebhookEvent):
        model._default_manager.all().delete()


@pytest.fixture
def people(db: None) -> None:
    for extension in EXTENSIONS[:3]:  # the last extension has no user
        make_user(f"user{extension}", extension)
    for n in range(1, 6):
        make_contact(f"Contact {n}", number(n))


@pytest.mark.parametrize("seed", range(3))
def test_lost_duplicate_and_shuffled_calls_result_in_the_same_log(
    sender: Sender, people: None, settings: Settings, seed: int
) -> None:
    calls = list(EventMaker(seed, EXTENSIONS, PARTIES, BEGIN).calls(30))
    rng = random.Random(seed)
    events: list[dict[str, Any]] = [event for call in calls for event in call.events()]
    # Hooks report the agent of a call, webhooks each phone of a ring group: some calls have both.
    events += [step for call in calls[::2] for step in call.hooks()]

    send(sender, events)
    expected = log()
    assert len(expected) == len(calls)
    assert {call["status"] for call, _legs in expected.values()} == {"answered", "missed"}

    clear()
    sent = degrade(events, rng, duplicate_rate=0.5, drop_rate=0.1, shuffle=True)
    send(sender, sent)
    pull_history(settings, [row for call in calls for row in call.history()])

    lost = Lost(events, sent, expected.keys())
    assert lost.ends
    logged = log()
    # The history would add a call if all of its events were lost.
    assert not [id for id in logged if id.startswith("history-")]
    assert lost.without(logged) == lost.without(expected)


def send(sender: Sender, events: Iterable[dict[str, Any]]) -> None:
    """Send hooks to the JSON framework, and the other events to the webhook."""
    api = Api(make_token())
    for event in events:
        if "hook" in event:
            api.ok(event["hook"], event["params"])
        else:
            sender.send(event)


def pull_history(settings: Settings, rows: list[Any]) -> None:
    with RingotelServer() as ringotel:
        settings.RINGOTEL_CRM = ringotel.settings(DEFAULT_REGION="IE")
        ringotel.calls = rows
        call_command("ringotel_pull_calls", since="4h", stdout=io.StringIO(), stderr=io.StringIO())


class Lost:
    """The values that cannot be in the log because their events were not sent.

    ``ends``: ids of calls without a stop, which the history repairs but for the time and cause of
    the end. ``notes``: without subject and comment. ``legs``: known from hooks only, which have no
    legs.
    """

    def __init__(
        self, events: list[dict[str, Any]], sent: list[dict[str, Any]], ids: Iterable[str]
    ) -> None:
        received = {json.dumps(event, sort_keys=True) for event in sent}
        lost = [
            event["params"] for event in events if json.dumps(event, sort_keys=True) not in received
        ]
        self.ends = {params["call_id"] for params in lost if "call_end" in params}
        self.notes = {params["call_id"] for params in lost if "comment" in params}
        by_webhook = {event["params"]["call_id"] for event in sent if "method" in event}
        self.legs = set(ids) - by_webhook

    def without(self, calls: dict[str, Any]) -> dict[str, Any]:
        """Return ``calls`` of :func:`log` without these values."""
        return {id: self._call(id, *call) for id, call in calls.items()}

    def _call(self, id: str, call: dict[str, Any], legs: list[dict[str, Any]]) -> Any:
        omitted = {*(ENDS if id in self.ends else ())}
        call_omitted = {*omitted, *(("subject", "comment") if id in self.notes else ())}
        legs = [] if id in self.legs else legs
        return omit(call, call_omitted), [omit(leg, omitted) for leg in legs]


def omit(values: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in names}


@pytest.mark.parametrize("seed", range(3))
def test_duplicate_and_shuffled_messages_result_in_the_same_log(
    sender: Sender, people: None, settings: Settings, seed: int
) -> None:
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    events = [
        event
        for message in EventMaker(seed, EXTENSIONS, PARTIES, BEGIN).messages(30)
        for event in message
    ]
    sender.send(*events)
    expected = message_log()
    clear()

    sender.send(*degrade(events, random.Random(seed), duplicate_rate=0.5, shuffle=True))

    assert message_log() == expected
    assert Message.objects.filter(conversation=None).count() == 0


def wait_for_server() -> None:
    """Wait until all events are processed, after the responses: each request has a thread."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(30)


@pytest.fixture
def connection_file(
    sender: Sender, people: None, live_server: LiveServer, tmp_path: Path, settings: Settings
) -> str:
    """The path of a file with the URL and the token of the webhook."""
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    url = f"{live_server.url}/ringotel/webhook/{NAME}/"
    path = tmp_path / "connect.json"
    path.write_text(json.dumps({"properties": {"Webhook URL": url, "API token": sender.token}}))
    return str(path)


def simulate(path: str, *options: str) -> str:
    """Send events from four threads, and process them all; return the output."""
    output = io.StringIO()
    degraded = ("--workers", "4", "--duplicate-rate", "0.5", "--shuffle", "--seed", "1")
    call_command("ringotel_simulate_webhook", path, *degraded, *options, stdout=output)
    wait_for_server()
    call_command("ringotel_process_events", "--now", "--failed", stdout=io.StringIO())
    return output.getvalue()


@pytest.mark.django_db(transaction=True)
def test_simulated_concurrent_calls_and_messages_are_logged(
    connection_file: str, tmp_path: Path
) -> None:
    key_file = tmp_path / "key"
    key_file.write_text(f"{KEY}\n")
    options = ("--calls", "12", "--messages", "4", "--api-key-file", str(key_file))

    assert "All events were accepted" in simulate(connection_file, *options)
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert Activity.objects.count() == 12
    assert CallLeg.objects.count() == 20
    assert Message.objects.exclude(conversation=None).count() == 4


@pytest.mark.django_db(transaction=True)
def test_simulated_calls_of_hooks_and_webhooks_are_combined(
    connection_file: str, live_server: LiveServer, tmp_path: Path
) -> None:
    with (tmp_path / "framework.json").open("w") as file:
        call_command(
            "ringotel_connect", auth="bearer", base_url=live_server.url, json=True, stdout=file
        )

    output = simulate(connection_file, "--framework", file.name, "--calls", "6")
    assert "CreateActivity" in output
    assert Activity.objects.count() == 6
    found = set(Activity.objects.values_list("subject", "legs__status"))
    assert found == {("Sales", "answered"), ("Sales", "not_answered")}


@pytest.mark.django_db(transaction=True)
def test_simulator_reports_rejected_events(connection_file: str) -> None:
    Webhook.objects.get(name=NAME).tokens.all().delete()

    with pytest.raises(CommandError, match="not accepted"):
        call_command(
            "ringotel_simulate_webhook", connection_file, "--calls", "1", stdout=io.StringIO()
        )
