"""Clients that call all hooks, and a ledger of what the site has confirmed.

The ledger is compared with the rows of the database by SQL, without the code of the app.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import os
import random
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPConnection, HTTPException, IncompleteRead
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg

from tests.api import HOOKS
from tests.benchmarks.data import number
from tests.media.audio_samples import sample
from tests.scale.checks import check

CLIENTS = 8
START = 1_772_452_800
CALLS = """
    SELECT call_id, caller_number, called_number, extract(epoch FROM start)::int AS start,
        extract(epoch FROM "end")::int AS "end", activity.duration, cause, status, subject, comment,
        contact_id, sha256, file
    FROM ringotel_crm_activity AS activity
    LEFT JOIN ringotel_crm_recording AS recording ON activity_id = activity.id
    WHERE starts_with(call_id, %s)
"""
CONTACTS = """
    SELECT last_name, contact.id::text, job_title, e164
    FROM ringotel_minicrm_contact AS contact
    LEFT JOIN ringotel_minicrm_contactphone ON contact_id = contact.id
    WHERE starts_with(last_name, %s)
"""
runs = itertools.count(1)

# A response whose headers arrived, but not its body.
CUT_OFF = "cut off"


@dataclass
class Ledger:
    """What was sent and confirmed by a response 200, as columns of the database."""

    mark: str = field(default_factory=lambda: f"scale {os.getpid()} {next(runs)} ")
    calls: dict[str, dict[str, Any]] = field(default_factory=dict)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    responses: Counter[str] = field(default_factory=Counter)
    milliseconds: dict[str, list[float]] = field(default_factory=dict)

    @property
    def is_free_of_errors(self) -> bool:
        return self.responses.keys() == {"200"}

    def compare(self, connect: Mapping[str, Any], media: Path) -> None:
        """Check that the rows have the values that were sent, and exist once."""
        with psycopg.connect(**connect) as connection:
            connection.execute("SET jit = off")
            calls = connection.execute(CALLS, [self.mark])
            names = [column.name for column in calls.description or ()]
            rows = [dict(zip(names, row, strict=True)) for row in calls]
            contacts = connection.execute(CONTACTS, [self.mark]).fetchall()
        count = Counter(row["call_id"] for row in rows)
        check(
            set(count.values()) <= {1} and self.calls.keys() <= count.keys(),
            f"each of {len(self.calls)} confirmed calls has one row",
        )
        found = {row["call_id"]: row for row in rows}
        differing = [
            (call_id, name, value, found[call_id][name])
            for call_id, columns in self.calls.items()
            for name, value in columns.items()
            if found[call_id][name] != value
        ]
        values = sum(map(len, self.calls.values()))
        first = f", but {differing[:3]}" if differing else ""
        check(not differing, f"all {values} values that were sent are stored{first}")
        recorded = [row for row in rows if row["file"]]
        broken = [
            row["file"]
            for row in recorded
            if hashlib.sha256((media / row["file"]).read_bytes()).hexdigest() != row["sha256"]
        ]
        check(not broken, f"the files of {len(recorded)} recordings are complete")
        stored = {
            name: [{"id": id, "job_title": title, "e164": e164}]
            for name, id, title, e164 in contacts
        }
        check(
            len(contacts) == len(stored)
            and all(stored.get(name) == [columns] for name, columns in self.contacts.items()),
            f"each of {len(self.contacts)} confirmed contacts has one row and one number",
        )


@dataclass
class Caller:
    """A client: reports calls from start to recording, and creates contacts."""

    port: int
    headers: dict[str, str]
    contacts: int
    ledger: Ledger
    place: int

    def run(self, stopped: threading.Event, pause: float) -> None:
        for turn in itertools.count():
            if stopped.is_set():
                return
            self.call(turn)
            time.sleep(pause)

    def call(self, turn: int) -> None:
        """Send all hooks of a call, and at times a list."""
        contact = random.randint(1, self.contacts)
        call_id = f"{self.ledger.mark}{self.place} {turn}"
        ref = {"call_id": call_id}
        row = self.ledger.calls.setdefault(call_id, {})
        self.send("FindContact", query=f"phone={quote(number(contact))}")
        start = START + turn
        sent = {"caller_number": number(contact), "called_number": "+353209150000"}
        if self.send(
            "CreateActivity", ref | sent | {"activity_type": "inbound", "call_start": start}
        ):
            row.update(sent, start=start)
        id = self.make_contact(turn) if turn % 3 == 0 else ""
        if id and self.send("AssignActivity", ref | {"contact_id": id}):
            row["contact_id"] = id
        note = {"subject": f"About {turn}", "comment": f"Comment {turn} of {self.place}"}
        if self.send("UpdateActivity", ref | note):
            row.update(note)
        end = {"call_end": start + 30, "call_duration": 20 + turn % 7, "call_cause": "16"}
        if self.send("StopCallActivity", ref | end):
            row.update({name.removeprefix("call_"): value for name, value in end.items()})
            row["status"] = "answered"
        if turn % 4 == 0:
            audio = sample("pcm.wav") + os.urandom(64)
            if self.send("UpdateCallRecording", audio, f"call_id={quote(call_id)}", "audio/wav"):
                row["sha256"] = hashlib.sha256(audio).hexdigest()
        if turn % 5 == 0:
            self.send(("Users", "Contacts", "Organizations")[turn // 5 % 3], query="limit=100")
        if not row:
            del self.ledger.calls[call_id]

    def make_contact(self, turn: int) -> str:
        """Create a contact, change it, and return its id."""
        name = f"{self.ledger.mark}{self.place} {turn}"
        # 20, and 7 digits that are unlikely to be those of another contact.
        digest = hashlib.sha256(name.encode()).hexdigest()
        phone = f"+35320{1_000_000 + int(digest, 16) % 2_000_000}"
        created = self.send("CreateContact", {"last_name": name, "phone": phone})
        if created:
            row = {"id": created["id"], "e164": phone, "job_title": ""}
            if self.send("UpdateContact", {"id": created["id"], "job_title": f"Baker {turn}"}):
                row["job_title"] = f"Baker {turn}"
            self.ledger.contacts[name] = row
            return str(created["id"])
        return ""

    def send(
        self, hook: str, body: Any = None, query: str = "", content_type: str = "application/json"
    ) -> dict[str, Any] | None:
        """Call a hook on a new connection, as Ringotel does. Return its JSON, ``None`` if the
        response is not a 200.
        """
        method, path = HOOKS[hook]
        if isinstance(body, dict):
            body = json.dumps(body)
        headers = {**self.headers, "Content-Type": content_type}
        connection = HTTPConnection("127.0.0.1", self.port, timeout=60)
        begun = time.perf_counter()
        try:
            connection.request(method, f"{path}?{query}" if query else path, body, headers)
            response = connection.getresponse()
            text = response.read()
        except IncompleteRead:
            self.ledger.responses[CUT_OFF] += 1
            return None
        except (OSError, HTTPException) as exc:
            self.ledger.responses[f"{hook}: {exc!r}"] += 1
            return None
        finally:
            connection.close()
            taken = (time.perf_counter() - begun) * 1000
            self.ledger.milliseconds.setdefault(hook, []).append(taken)
        if response.status != 200:
            self.ledger.responses[f"{hook}: {response.status} {text[:200]!r}"] += 1
            return None
        self.ledger.responses["200"] += 1
        answer: dict[str, Any] = json.loads(text)
        return answer


@contextmanager
def calling(port: int, key: str, contacts: int, *, pause: float = 0.05) -> Iterator[Ledger]:
    """Call all hooks from eight clients until the context ends. Yield the ledger."""
    ledger, stopped = Ledger(), threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        running: list[Future[None]] = []
        try:
            for place in range(CLIENTS):
                caller = Caller(port, {"Authorization": key}, contacts, ledger, place)
                running.append(pool.submit(caller.run, stopped, pause))
            yield ledger
        finally:
            stopped.set()
        for future in running:
            future.result()
