"""All doors at once on a bad line: in the end the log is that of a clean run."""

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

BEGIN = int(time.time() - 3 * 3600) * 1000
EXTENSIONS = ["500", "501", "502", "503"]
PARTIES = [number(n).lstrip("+") for n in range(1, 9)]
ENDS = ("end", "cause")
KEY = "the-account-key-5c2d7008"
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
    """All calls with their legs, by call id."""
    return {
        call.call_id: (
            {name: getattr(call, name) for name in FIELDS},
            list(call.legs.order_by("extension").values(*LEG_FIELDS)),
        )
        for call in Activity.objects.all()
    }


def letters() -> list[tuple[Any, ...]]:
    """All messages."""
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
    for extension in EXTENSIONS[:3]:  # and one who is nobody
        make_user(f"user{extension}", extension)
    for n in range(1, 6):
        make_contact(f"Contact {n}", number(n))


@pytest.mark.parametrize("seed", range(3))
def test_calls_through_three_doors(
    sender: Sender, people: None, settings: Settings, seed: int
) -> None:
    api = Api(make_token())
    calls = list(EventMaker(seed, EXTENSIONS, PARTIES, BEGIN).calls(30))
    rng = random.Random(seed)
    told: list[dict[str, Any]] = [event for call in calls for event in call.events()]
    # A ring group has no agent at door 1 but its phones at door 2, so there the one that answered is told of.
    told += [step for call in calls[::2] for step in call.hooks()]

    def tell(events: Iterable[dict[str, Any]]) -> None:
        for event in events:
            if "hook" in event:
                api.ok(event["hook"], event["params"])
            else:
                sender.tell(event)

    tell(told)
    clean = log()
    assert len(clean) == len(calls)
    assert {call["status"] for call, _legs in clean.values()} == {"answered", "missed"}

    clear()
    sent = degrade(told, rng, duplicate_rate=0.5, drop_rate=0.1, shuffle=True)
    tell(sent)
    with RingotelServer() as ringotel:
        settings.RINGOTEL_CRM = ringotel.settings(DEFAULT_REGION="IE")
        ringotel.calls = [row for call in calls for row in call.history()]
        call_command("ringotel_pull_calls", since="4h", stdout=io.StringIO(), stderr=io.StringIO())

    kept = {json.dumps(event, sort_keys=True) for event in sent}
    lost = [event["params"] for event in told if json.dumps(event, sort_keys=True) not in kept]
    # The history does not say when a call ended and why; a note that nobody told of is nowhere.
    repaired = {params["call_id"] for params in lost if "call_end" in params}
    unnoted = {params["call_id"] for params in lost if "comment" in params}
    # Of a call that only door 1 told of, nobody knows the phones.
    phoneless = clean.keys() - {event["params"]["call_id"] for event in sent if "method" in event}
    assert repaired
    found, expected = (known(log_, repaired, unnoted, phoneless) for log_ in (log(), clean))
    by_history = [id for id in found if id.startswith("history-")]
    assert not by_history  # a call of which nothing at all arrived would be one
    assert found == expected


def known(
    calls: dict[str, Any], repaired: set[str], unnoted: set[str], phoneless: set[str]
) -> dict[str, Any]:
    """Without what is not to be known."""
    return {
        id: (
            {
                name: value
                for name, value in call.items()
                if not (id in repaired and name in ENDS)
                and not (id in unnoted and name in ("subject", "comment"))
            },
            [
                {
                    name: value
                    for name, value in leg.items()
                    if not (id in repaired and name in ENDS)
                }
                for leg in legs
                if id not in phoneless
            ],
        )
        for id, (call, legs) in calls.items()
    }


@pytest.mark.parametrize("seed", range(3))
def test_messages(sender: Sender, people: None, settings: Settings, seed: int) -> None:
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    told = [
        event
        for message in EventMaker(seed, EXTENSIONS, PARTIES, BEGIN).messages(30)
        for event in message
    ]
    sender.tell(*told)
    clean = letters()
    clear()

    sender.tell(*degrade(told, random.Random(seed), duplicate_rate=0.5, shuffle=True))

    assert letters() == clean
    assert Message.objects.filter(conversation=None).count() == 0


def wait_for_server() -> None:
    """Until what it does behind its answers is done, too: each request has a thread."""
    for thread in threading.enumerate():
        if "process_request_thread" in thread.name:
            thread.join(30)


@pytest.mark.django_db(transaction=True)
def test_the_simulator_over_http_from_several_at_once(
    sender: Sender, people: None, live_server: LiveServer, tmp_path: Path, settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"RINGOTEL_API_KEY": KEY}
    path = tmp_path / "connect.json"
    url = f"{live_server.url}/ringotel/webhook/{NAME}/"
    path.write_text(json.dumps({"properties": {"Webhook URL": url, "API token": sender.token}}))
    (tmp_path / "key").write_text(f"{KEY}\n")
    output = io.StringIO()

    call_command(
        "ringotel_simulate_webhook",
        str(path),
        *(
            "--calls",
            "12",
            "--messages",
            "4",
            "--api-key-file",
            str(tmp_path / "key"),
            "--workers",
            "4",
        ),
        *("--duplicate-rate", "0.5", "--shuffle", "--seed", "1"),
        stdout=output,
    )
    wait_for_server()
    call_command("ringotel_process_events", "--now", "--failed", stdout=io.StringIO())

    assert "All events were accepted" in output.getvalue()
    assert set(WebhookEvent.objects.values_list("status", flat=True)) == {"processed"}
    assert Activity.objects.count() == 12
    assert CallLeg.objects.count() == 20
    assert Message.objects.exclude(conversation=None).count() == 4

    clear()
    with (tmp_path / "framework.json").open("w") as file:
        call_command(
            "ringotel_connect", auth="bearer", base_url=live_server.url, json=True, stdout=file
        )
    call_command(
        "ringotel_simulate_webhook",
        str(path),
        *(
            "--framework",
            file.name,
            "--calls",
            "6",
            "--workers",
            "4",
            "--duplicate-rate",
            "0.5",
            "--shuffle",
            "--seed",
            "1",
        ),
        stdout=output,
    )
    wait_for_server()
    call_command("ringotel_process_events", "--now", "--failed", stdout=io.StringIO())
    told = set(Activity.objects.values_list("subject", "legs__status"))
    assert told == {("Sales", "answered"), ("Sales", "not_answered")}
    assert Activity.objects.count() == 6
    assert "CreateActivity" in output.getvalue()

    Webhook.objects.get(name=NAME).tokens.all().delete()
    with pytest.raises(CommandError, match="not accepted"):
        call_command("ringotel_simulate_webhook", str(path), "--calls", "1", stdout=io.StringIO())
