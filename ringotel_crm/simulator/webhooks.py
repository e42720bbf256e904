"""Simulated webhook events of calls and messages, and the hooks of the same calls."""

from __future__ import annotations

import itertools
import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import requests

from .engine import Client, WireVariant
from .report import Event as Request
from .report import mask

Event = dict[str, Any]

# Milliseconds between the starts of two calls.
APART = 90_000
SCENARIOS = ("answered", "missed", "outbound", "withheld", "ring-group", "ring-group-missed")
LOSER_CAUSE, NO_ANSWER_CAUSE, NORMAL_CAUSE = "26", "19", "0"


@dataclass(frozen=True, kw_only=True, slots=True)
class Leg:
    """A leg. ``start`` and ``end`` are Unix times in ms, ``talk`` is in seconds."""

    extension: str
    start: int
    end: int
    talk: int
    cause: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """A call with its legs. ``party``: the outside number in digits, or "anonymous"."""

    scenario: str
    call_id: str
    direction: str
    party: str
    legs: Sequence[Leg]

    def numbers(self, leg: Leg) -> tuple[str, str]:
        """Return the caller and the called number."""
        if self.direction == "outbound":
            return leg.extension, self.party
        return self.party, leg.extension

    def events(self) -> Iterator[Event]:
        """Yield the webhook events in order: all starts, then all ends."""
        for leg in self.legs:
            yield {"method": "StartCallActivity", "params": self._params(leg)}
        for leg in sorted(self.legs, key=lambda leg: leg.end):
            end = {"call_end": leg.end, "call_duration": leg.talk, "call_cause": leg.cause}
            yield {"method": "StopCallActivity", "params": {**self._params(leg), **end}}

    def hooks(self) -> Iterator[Event]:
        """Yield the hooks: those of the leg that answered, or rang first."""
        leg = self.legs[0]
        caller, called = self.numbers(leg)
        steps = {
            "CreateActivity": {
                "activity_type": self.direction,
                "caller_number": caller,
                "called_number": called,
                "call_start": str(leg.start),
                "extension": leg.extension,
            },
            "UpdateActivity": {"subject": "Sales", "comment": f"By {self.scenario}"},
            "StopCallActivity": {
                "call_end": str(leg.end),
                "call_duration": str(leg.talk),
                "call_cause": leg.cause,
            },
        }
        for hook, values in steps.items():
            yield {"hook": hook, "params": {"call_id": self.call_id, **values}}

    def history(self) -> Iterator[dict[str, Any]]:
        """Yield the rows of ``getCalls`` for this call."""
        for leg in self.legs:
            caller, called = self.numbers(leg)
            cause = 16 if leg.talk else 19
            outgoing = self.direction == "outbound"
            yield {
                "a": caller,
                "b": called,
                "c": cause,
                "t": leg.start,
                "d": leg.talk,
                "o": outgoing,
            }

    def _params(self, leg: Leg) -> dict[str, Any]:
        caller, called = self.numbers(leg)
        return {
            "connection_name": "PBX",
            "extension": leg.extension,
            "user_id": f"1729534843762830{leg.extension:0>4}",
            "connection_id": "17295345566567084859",
            "activity_type": self.direction,
            "domain": "newcompany123",
            "call_start": leg.start,
            "called_number": called,
            "caller_number": caller,
            "call_id": self.call_id,
        }


@dataclass(slots=True)
class EventMaker:
    """Generate calls and messages; the same ones for the same arguments.

    ``parties``: numbers in digits. ``begin``: the Unix time in ms at which the first call starts.
    """

    seed: int
    extensions: Sequence[str]
    parties: Sequence[str]
    begin: int
    _random: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def calls(self, count: int, names: Sequence[str] = SCENARIOS) -> Iterator[Call]:
        """Yield ``count`` calls of the scenarios ``names`` in turn."""
        for index, scenario in enumerate(itertools.islice(itertools.cycle(names), count)):
            start = self.begin + index * APART
            is_group = scenario.startswith("ring-group")
            extensions = self._random.sample(
                self.extensions, k=min(3 if is_group else 1, len(self.extensions))
            )
            talk = 0 if scenario in ("missed", "ring-group-missed") else self._random.randint(5, 60)
            ring = self._random.randint(3, 15)
            yield Call(
                scenario=scenario,
                call_id=f"{start}-{self._random.getrandbits(72):018x}",
                direction="outbound" if scenario == "outbound" else "inbound",
                party="anonymous" if scenario == "withheld" else self._random.choice(self.parties),
                legs=[
                    _leg(extension, start, number, ring, talk)
                    for number, extension in enumerate(extensions)
                ],
            )

    def messages(self, count: int) -> Iterator[list[Event]]:
        """Yield the events of each message: message, delivered, read; some updated or deleted."""
        for index in range(count):
            ours, theirs = self._random.choice(self.extensions), self._random.choice(self.parties)
            is_ours = self._random.random() < 0.5
            names = {
                "messageid": f"{self.seed}-{index}",
                "sessionid": f"{ours}-{theirs}",
                "userid": f"1729534843762830{ours:0>4}",
            }
            sender, receiver = (ours, theirs) if is_ours else (theirs, ours)
            content = {"from": sender, "to": receiver, "content": f"Message {index}", "type": 1}
            events = [{"method": "message", "params": {**names, **content}}]
            events += [{"method": method, "params": names} for method in ("delivered", "read")]
            if index % 5 == 0:
                events.append(
                    {
                        "method": "updated",
                        "params": {**names, "content": f"Message {index}, changed"},
                    }
                )
            if index % 7 == 0:
                events.append({"method": "deleted", "params": names})
            yield events


def _leg(extension: str, start: int, number: int, ring: int, talk: int) -> Leg:
    """Return a leg; the first one answers if ``talk`` is not 0."""
    is_answered = number == 0 and talk > 0
    cause = LOSER_CAUSE if talk else NO_ANSWER_CAUSE
    return Leg(
        extension=extension,
        start=start + 10 * number,
        end=start + (ring + (talk if is_answered else 0)) * 1000,
        talk=talk if is_answered else 0,
        cause=NORMAL_CAUSE if is_answered else cause,
    )


def degrade(
    events: Iterable[Event],
    rng: random.Random,
    *,
    duplicate_rate: float = 0,
    drop_rate: float = 0,
    shuffle: bool = False,
) -> list[Event]:
    """Duplicate and drop events at these rates (0 to 1), and shuffle them."""
    sent = [
        copy
        for event in events
        for copy in ([event, event] if rng.random() < duplicate_rate else [event])
    ]
    sent = [event for event in sent if rng.random() >= drop_rate]
    if shuffle:
        rng.shuffle(sent)
    return sent


class WebhookSender:
    """Send events to a webhook, and hooks to ``framework``. Thread-safe."""

    def __init__(
        self,
        url: str,
        secret: Mapping[str, str],
        *,
        framework: Client | None = None,
        timeout: float = 10,
    ) -> None:
        self._url = url
        self._secret = dict(secret)
        self._framework = framework
        self._timeout = timeout

    def send(self, event: Event) -> Request:
        """Send an event. Any status but 200 is a problem."""
        params = event["params"]
        if self._framework and "hook" in event:
            answer = self._framework.call(
                self._framework.document.hooks[event["hook"]], params, WireVariant()
            )
            return _request(
                event["hook"], params, answer.status, answer.milliseconds, answer.problem
            )
        started = time.perf_counter()
        status = 0
        try:
            response = requests.post(  # a new connection, as in the engine
                self._url,
                json={**self._secret, **event},
                timeout=self._timeout,
                allow_redirects=False,
            )
            status = response.status_code
            problem = "" if status == 200 else f"returned {status}"
        except requests.RequestException as exc:
            problem = f"no response ({type(exc).__name__})"
        return _request(
            event["method"], params, status, (time.perf_counter() - started) * 1000, problem
        )

    def send_all(self, events: Iterable[Event], *, workers: int = 1) -> Iterator[Request]:
        """Send all events, ``workers`` at a time."""
        with ThreadPoolExecutor(workers) as pool:
            yield from pool.map(self.send, events)


def _request(
    name: str, params: Mapping[str, Any], status: int, milliseconds: float, problem: str
) -> Request:
    return Request(
        scenario="",
        hook=name,
        caller=mask(str(params.get("caller_number", params.get("from", "")))),
        contact="",
        status=status,
        milliseconds=milliseconds,
        problems=(problem,) if problem else (),
    )
