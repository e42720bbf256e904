from __future__ import annotations

import re
import threading
import time
from types import SimpleNamespace

import pytest

from ringotel_crm.simulator.auth import credential_for
from ringotel_crm.simulator.document import read_document
from ringotel_crm.simulator.engine import Client
from ringotel_crm.simulator.player import Player, rate_limited
from ringotel_crm.simulator.report import Event, mask
from ringotel_crm.simulator.scenarios import SCENARIOS, CallMaker, SyncResult
from tests.simulator.crm import CRM, DOCUMENT, PROPERTIES, serving

FICTION = re.compile(r"1\d{3}55501\d\d|442079460\d{3}|44207946\d{4}|447700900\d{3}|35320 ?91\d{5}")
USERS = [{"user_id": "u1"}]


def test_each_request_creates_an_event() -> None:
    events: list[Event] = []
    with serving(CRM()) as url:
        document = read_document(DOCUMENT, base_url=url)
        player = Player(
            Client(document, credential_for(document, PROPERTIES), PROPERTIES),
            on_event=events.append,
        )
        world = player.set_up()
        assert [event.hook for event in events[2:]] == ["Users", "Contacts", "Organizations"]
        del events[:]
        player.play(
            CallMaker(SyncResult(users=world.users, contacts=world.contacts[:1]), 1).calls(
                1, ["known"]
            )
        )
    assert [(e.hook, e.caller, e.contact, e.status) for e in events] == [
        ("FindContact", "353…001", "Wilma Testling", 200),
        ("CreateActivity", "353…001", "Wilma Testling", 201),
        ("StopCallActivity", "353…001", "Wilma Testling", 200),
        ("UpdateCallRecording", "353…001", "Wilma Testling", 200),
    ]
    assert player.report().ok


def test_real_time_call_lasts_its_duration(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_800_000_000.0
    clock = SimpleNamespace(time=lambda: now, monotonic=time.monotonic)
    hang_up = threading.Event()
    times: dict[str, float] = {}

    def wait(seconds: float) -> None:
        nonlocal now
        now += seconds

    def note(event: Event) -> None:
        times.setdefault(event.hook, now)

    monkeypatch.setattr(hang_up, "wait", wait)
    monkeypatch.setattr("ringotel_crm.simulator.player.time", clock)
    with serving(CRM()) as url:
        document = read_document(DOCUMENT, base_url=url)
        client = Client(document, credential_for(document, PROPERTIES), PROPERTIES)
        player = Player(client, on_event=note, hang_up=hang_up)
        maker = CallMaker(
            SyncResult(users=USERS), 1, clock=lambda: int((now + 60) * 1000), max_talk=20
        )
        player.play(maker.calls(1, ["unknown"]))
    assert 8 <= times["StopCallActivity"] - times["CreateActivity"] <= 40
    assert times["StopCallActivity"] == 1_800_000_060


def test_real_time_calls_end_at_once_when_hung_up() -> None:
    hang_up = threading.Event()
    with serving(CRM()) as url:
        document = read_document(DOCUMENT, base_url=url)
        client = Client(document, credential_for(document, PROPERTIES), PROPERTIES)
        hooks: list[str] = []

        def note(event: Event) -> None:
            hooks.append(event.hook)
            hang_up.set()

        hour_from_now = int(time.time() + 3600) * 1000
        maker = CallMaker(SyncResult(users=USERS), 1, clock=lambda: hour_from_now)
        Player(client, on_event=note, hang_up=hang_up).play(maker.calls(1, ["unknown"]))
    assert "StopCallActivity" in hooks


def test_known_callers_have_international_numbers_of_no_company() -> None:
    world = SyncResult(
        users=USERS,
        contacts=[
            {"contact_id": "1", "phone": "+353 20 910 0001"},
            {"contact_id": "2", "phone": "", "mobile": "+353209100001"},
            {"contact_id": "3", "phone": "020 910 0003"},
            {"contact_id": "4", "phone": "+353209199999"},
        ],
        organizations=[{"organization_id": "o", "phone": "+353 20 919 9999"}],
    )
    finds = {call.steps[0].expect: call.party for call in CallMaker(world, 1).calls(20, ["known"])}
    assert finds == {frozenset({"1", "2"}): "353209100001"}


def test_callers_without_contacts_have_fictional_numbers() -> None:
    calls = list(
        CallMaker(SyncResult(users=USERS), 1).calls(200, ["known", "unknown", "new-contact"])
    )
    assert all(FICTION.fullmatch(call.party) for call in calls)
    assert len({call.party for call in calls}) == len(calls)


def test_unknown_numbers_belong_to_no_contact() -> None:
    taken = [{"contact_id": str(i), "phone": f"+4477009{i:05}"} for i in range(1000)]
    maker = CallMaker(SyncResult(users=USERS, contacts=taken), 1)
    unknown = {call.party for call in maker.calls(300, ["unknown"])}
    assert len(unknown) == 300
    assert not unknown & {row["phone"].removeprefix("+") for row in taken}


def test_calls_depend_on_seed_and_clock_only() -> None:
    def calls(seed: int) -> list[object]:
        return list(
            CallMaker(SyncResult(users=USERS), seed, clock=lambda: 1729690611587).calls(
                len(SCENARIOS)
            )
        )

    assert calls(1) == calls(1) != calls(2)


@pytest.mark.parametrize(
    ("number", "masked"),
    [("353212028252", "353…252"), ("anonymous", "anonymous"), ("204", "204"), ("", "")],
)
def test_numbers_are_masked(number: str, masked: str) -> None:
    assert mask(number) == masked


def test_paced_calls_keep_the_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    pauses: list[float] = []

    def sleep(seconds: float) -> None:
        nonlocal now
        now += seconds
        pauses.append(seconds)

    monkeypatch.setattr("time.monotonic", lambda: now)
    monkeypatch.setattr("time.sleep", sleep)
    calls = CallMaker(SyncResult(users=USERS), 1).calls(3)
    for _ in rate_limited(calls, rate=2):
        now += 0.2  # the duration of a call
    assert pauses == pytest.approx([0.3, 0.3, 0.3])
