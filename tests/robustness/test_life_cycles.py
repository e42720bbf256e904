"""Call life cycles: events in any order, with any repetition and with any event missing.

:meth:`CallLifeCycles.check_rows` and :meth:`CallLifeCycles.teardown` check the invariants. ``tox -e
fuzz`` runs more examples. ``REGRESSIONS`` repeats sequences that once failed.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
from dataclasses import dataclass, field
from typing import Any

import pytest
from django.db import transaction
from django.test import Client
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.models import Activity, Recording, WebhookToken
from ringotel_crm.records import Status
from tests.api import Api, make_token, read
from tests.factories import make_contact, number
from tests.media.audio_samples import sample

pytestmark = pytest.mark.slow

SOUNDS = ["pcm.wav", "mulaw.wav"]
WORDS = st.sampled_from(["", "one", "two", "three"])

# The values of each call. Each request reports a part of them.
FACTS: list[dict[str, Any]] = [
    {
        "activity_type": "inbound",
        "caller_number": number(1),
        "called_number": "2001",
        "duration": 27,
        "cause": "0",
    },
    {
        "activity_type": "outbound",
        "caller_number": "2001",
        "called_number": number(2),
        "duration": 0,
        "cause": "17",
    },
    {
        "activity_type": "inbound",
        "caller_number": number(3),
        "called_number": "2001",
        "duration": 0,
        "cause": "19",
    },
]
BEGUN, ENDED = 1_772_452_800, 1_772_452_830
FINAL_STATUSES = [Status.ANSWERED, Status.BUSY, Status.MISSED]
MERGED = (
    *("direction", "caller_number", "caller_e164", "called_number", "called_e164"),
    *("extension", "status", "cause", "start", "end", "duration"),
)
CALLS = st.integers(0, len(FACTS) - 1)


@dataclass
class Call:
    """The expected state of a call, from requests and responses."""

    id: str = ""
    sent: list[str] = field(default_factory=list)
    comment: str = ""  # as edited in the CRM
    contact: str | None = None  # as last assigned
    sounds: set[str] = field(default_factory=set)
    last: Activity | None = None


class CallLifeCycles(RuleBasedStateMachine):
    """Three calls, reported by hooks and webhook and edited by a user of the CRM."""

    def __init__(self) -> None:
        super().__init__()
        self.atomic = transaction.atomic()
        self.atomic.__enter__()
        self.api = Api(make_token())
        _row, self.token = WebhookToken.objects.issue(name="main", user=service_user("main"))
        self.contacts = [str(make_contact(f"Ada Example{n}", number(n + 1)).pk) for n in range(2)]
        self.calls = [Call() for _ in FACTS]

    # --- actions ---

    @rule(n=CALLS)
    def start(self, n: int) -> None:
        self.send(n, "start")

    @rule(n=CALLS, by_ringotel_user_id=st.booleans())
    def stop(self, n: int, by_ringotel_user_id: bool) -> None:
        self.send(n, "stop", by_ringotel_user_id=by_ringotel_user_id)

    @rule(n=CALLS, what=st.sampled_from(["StartCallActivity", "StopCallActivity"]))
    def event(self, n: int, what: str) -> None:
        self.send(n, what)

    @rule(n=CALLS, subject=WORDS, comment=WORDS)
    def note(self, n: int, subject: str, comment: str) -> None:
        self.check_response(
            n,
            self.api.call(
                "UpdateActivity", {"call_id": f"c{n}", "subject": subject, "comment": comment}
            ),
        )

    @rule(n=CALLS, who=st.sampled_from([None, 0, 1]))
    def assign(self, n: int, who: int | None) -> None:
        id = "" if who is None else self.contacts[who]
        self.check_response(
            n, self.api.call("AssignActivity", {"call_id": f"c{n}", "contact_id": id})
        )
        self.calls[n].contact = id

    @rule(n=CALLS, sound=st.sampled_from(SOUNDS))
    def record(self, n: int, sound: str) -> None:
        self.check_response(
            n, self.api.send("UpdateCallRecording", sample(sound), "audio/wav", f"call_id=c{n}")
        )
        self.calls[n].sounds.add(hashlib.sha256(sample(sound)).hexdigest())

    @rule(n=CALLS, word=st.sampled_from(["four", "five"]))
    def edit(self, n: int, word: str) -> None:
        """Change the comment as a user of the CRM does."""
        if Activity.objects.filter(call_id=f"c{n}").update(comment=word):
            self.calls[n].comment = word

    @rule(n=st.sampled_from([1, 2, 9]))
    def find(self, n: int) -> None:
        found = [contact["id"] for contact in self.api.results("FindContact", {"phone": number(n)})]
        assert found == (self.contacts[n - 1 : n] if n <= len(self.contacts) else [])

    # --- invariants ---

    @invariant()
    def check_rows(self) -> None:
        rows = {row.call_id: row for row in Activity.objects.all()}
        assert len(rows) == Activity.objects.count()
        for n, call in enumerate(self.calls):
            row = rows.get(f"c{n}")
            assert bool(row) == bool(call.id)  # acknowledged calls are stored
            if row is None:
                continue
            facts, status, last = FACTS[n], Status(row.status), call.last
            assert row.pk == int(call.id)
            # Manual edits are not overwritten.
            assert row.comment == (call.comment or row.last_received_comment)
            if any(word.startswith("S") or word == "start" for word in call.sent):
                assert (row.caller_number, row.called_number) == (
                    facts["caller_number"],
                    facts["called_number"],
                )
                assert row.direction == facts["activity_type"]
            if any(word.lower().startswith("stop") for word in call.sent):
                assert (status, row.duration, row.cause) == (
                    FINAL_STATUSES[n],
                    facts["duration"],
                    facts["cause"],
                )
                assert row.end == dt.datetime.fromtimestamp(ENDED, dt.UTC)
            else:
                assert not status.is_closed
            if call.contact is not None:  # assignments are kept
                assert row.contact_id == call.contact
            if last:
                assert status.rank >= Status(last.status).rank
                assert (row.duration or 0) >= (last.duration or 0)
                assert row.start is None or last.start is None or row.start <= last.start
                assert row.end is None or last.end is None or row.end >= last.end
            kept = [recording.sha256 for recording in Recording.objects.filter(activity=row)]
            assert len(kept) == bool(call.sounds)
            assert set(kept) <= call.sounds
            call.last = row
        assert len(rows) == sum(bool(call.id) for call in self.calls)

    def teardown(self) -> None:
        """Check that the same events in reverse order, and twice, produce the same row."""
        try:
            for n, call in enumerate(self.calls):
                for what in [*reversed(call.sent), *call.sent]:
                    self.send(n, what, prefix="mirror")
                if call.sent:
                    row, mirror = (
                        Activity.objects.values(*MERGED).get(call_id=f"{prefix}{n}")
                        for prefix in ("c", "mirror")
                    )
                    assert row == mirror
        finally:
            transaction.set_rollback(True)
            self.atomic.__exit__(None, None, None)

    # --- sending ---

    def send(
        self, n: int, what: str, *, prefix: str = "c", by_ringotel_user_id: bool = False
    ) -> None:
        call_id, facts = f"{prefix}{n}", FACTS[n]
        words = {name: facts[name] for name in ("activity_type", "caller_number", "called_number")}
        begin = {"call_id": call_id, "call_start": BEGUN, "extension": "2001", **words}
        end = {"call_end": ENDED, "call_duration": facts["duration"], "call_cause": facts["cause"]}
        if prefix == "c":
            self.calls[n].sent.append(what)
        if what == "start":
            self.check_response(n, self.api.call("CreateActivity", begin), prefix)
        elif what == "stop":
            ref = (
                {"id": self.calls[n].id}
                if by_ringotel_user_id and self.calls[n].id
                else {"call_id": call_id}
            )
            self.check_response(n, self.api.call("StopCallActivity", {**ref, **end}), prefix)
        else:
            params = {**begin, **(end if what == "StopCallActivity" else {})}
            body = json.dumps({"method": what, "api_token": self.token, "params": params})
            response = Client().post(
                "/ringotel/webhook/main/", body, content_type="application/json"
            )
            assert response.status_code == 200
            if prefix == "c":
                self.calls[n].id = str(Activity.objects.get(call_id=call_id).pk)

    def check_response(self, n: int, response: Any, prefix: str = "c") -> None:
        """Check that all responses about a call contain the same id."""
        assert response.status_code == 200, read(response)
        if prefix == "c":
            self.calls[n].id = self.calls[n].id or read(response)["id"]
            assert self.calls[n].id == read(response)["id"]


COMMON: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": list(HealthCheck),
    "database": None,
}
FEW = settings(max_examples=6, stateful_step_count=20, derandomize=True, **COMMON)
MANY = settings(
    max_examples=int(os.environ.get("LIFE_CYCLES", "4")),
    stateful_step_count=40,
    print_blob=True,
    **COMMON,
)


def test_event_order_does_not_change_the_result(db: None) -> None:
    """Run a few fixed examples, or ``LIFE_CYCLES`` random ones."""
    run_state_machine_as_test(CallLifeCycles, settings=MANY if "LIFE_CYCLES" in os.environ else FEW)


# Shortest sequences that failed when the merge of events was broken on purpose.
REGRESSIONS: dict[str, list[tuple[str, dict[str, Any]]]] = {
    "manual edit is kept": [
        ("start", {"n": 1}),
        ("edit", {"n": 1, "word": "four"}),
        ("note", {"n": 1, "subject": "", "comment": "one"}),
    ],
    "stop before start": [
        ("stop", {"n": 1, "by_ringotel_user_id": False}),
        ("start", {"n": 1}),
    ],
    "assignment first": [("assign", {"n": 0, "who": 1}), ("start", {"n": 0})],
    "hooks and webhooks": [
        ("event", {"n": 2, "what": "StopCallActivity"}),
        ("start", {"n": 2}),
        ("stop", {"n": 2, "by_ringotel_user_id": True}),
    ],
    "recording before call": [
        ("record", {"n": 0, "sound": "pcm.wav"}),
        ("event", {"n": 0, "what": "StartCallActivity"}),
    ],
}


@pytest.mark.parametrize("regression", REGRESSIONS)
def test_regression(db: None, regression: str) -> None:
    machine = CallLifeCycles()
    try:
        for name, arguments in REGRESSIONS[regression]:
            getattr(machine, name)(**arguments)
            machine.check_rows()
    finally:
        machine.teardown()
