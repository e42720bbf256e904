"""Commands that are started twice at once, while Ringotel looks up and creates contacts.

The work is done once. The times of the requests are compared with those on an idle site, and with
those during two processes that only compute.
"""

from __future__ import annotations

import gzip
import json
import subprocess
import sys
import threading
import time
from argparse import Namespace
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import psycopg

from tests.benchmarks.data import number
from tests.benchmarks.server import Server, wait_until_healthy
from tests.scale.checks import check, execute, note, p99
from tests.scale.ledger import Caller, Ledger

ROWS = 20_000
# Events of webhooks, and rows of the imported file.
EVENTS = 300
# Milliseconds that the commands may add to the p99 of the requests.
MAX_ADDED = 100
COMPUTE = "while True: pass"
SECONDS = 8


def run(options: Namespace) -> None:
    rows = 20 * ROWS if options.full else ROWS
    settings = {"DJANGO_SETTINGS_MODULE": "tests.scale.sites.commands", "SERVER": "machine"}
    with Server("postgresql", rows, rows, **settings) as server:
        wait_until_healthy(server)
        Repeat(server).run()


@dataclass
class Ended:
    """A command that has ended."""

    code: int
    output: str


class Repeat:
    """Commands and requests of a site."""

    def __init__(self, server: Server) -> None:
        self.server = server

    def run(self) -> None:
        self.create_events()
        with psycopg.connect(**self.server.database(), autocommit=True) as connection:
            # A person with many calls.
            connection.execute(
                "UPDATE ringotel_crm_activity SET contact_id = '1', caller_number = %s,"
                " caller_e164 = %s WHERE id %% 4 = 0",
                [number(1), number(1)],
            )
        with Requests(self.server):  # the first requests of a worker take longer
            time.sleep(SECONDS / 2)
        with Requests(self.server) as requests:
            time.sleep(SECONDS)
        alone = requests.report("alone")
        self.baseline = max(alone, self.compute())
        self.process_events()
        self.import_contacts()
        self.count_calls()
        self.erase()
        self.archive()
        self.index_phones()

    def compute(self) -> float:
        """Measure the requests during two processes that only compute."""
        processes = [subprocess.Popen([sys.executable, "-c", COMPUTE]) for _ in range(2)]
        try:
            with Requests(self.server) as requests:
                time.sleep(SECONDS)
        finally:
            for process in processes:
                process.kill()
                process.wait()
        return requests.report("during two computing processes")

    def twice(self, *arguments: str, **environ: str) -> list[Ended]:
        """Start a command twice at once. Return how both ended, that with the lower code first."""
        command = [sys.executable, "-m", "django", *arguments]

        def start(_turn: int) -> Ended:
            done = subprocess.run(
                command,
                env={**self.server.environ, **environ},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            return Ended(done.returncode, done.stdout)

        with Requests(self.server) as requests, ThreadPoolExecutor(2) as pool:
            ended = sorted(pool.map(start, range(2)), key=lambda one: one.code)
        worst = requests.report(f"during two {arguments[0]}")
        limit = self.baseline + MAX_ADDED
        check(worst < limit, f"p99 is {worst:.0f} ms, below {limit:.0f} ms")
        return ended

    def query(self, sql: str, *values: Any) -> Any:
        """Return the only value of a query."""
        with psycopg.connect(**self.server.database()) as connection:
            ((value,),) = connection.execute(sql, values).fetchall()
            return value

    def create_events(self) -> None:
        """Create a webhook with events that were not processed."""
        issue = ("ringotel_connect_webhook", "--name=scale", "--base-url=http://127.0.0.1")
        execute(self.server.environ, "django", *issue)
        body = {
            "method": "StartCallActivity",
            "params": {"call_id": "event %", "caller_number": number(2), "extension": "2001"},
        }
        with psycopg.connect(**self.server.database()) as connection:
            connection.execute(
                "INSERT INTO ringotel_crm_webhookevent"
                " (webhook_id, method, body, received_at, status, error, attempts)"
                " SELECT webhook.id, 'StartCallActivity', replace(%s, '%%', i::text),"
                " now() - interval '5 minutes', 'pending', '', 0"
                " FROM ringotel_crm_webhook AS webhook, generate_series(1, %s) AS i",
                [json.dumps(body), EVENTS],
            )

    def process_events(self) -> None:
        ended = self.twice("ringotel_process_events")
        attempts = self.query("SELECT sum(attempts) FROM ringotel_crm_webhookevent")
        done = self.query(
            "SELECT count(*) FROM ringotel_crm_webhookevent WHERE status = 'processed'"
        )
        calls = self.query(
            "SELECT count(*) FROM ringotel_crm_activity WHERE call_id LIKE 'event %%'"
        )
        check(
            [one.code for one in ended] == [0, 0] and attempts == done == calls == EVENTS,
            f"{EVENTS} events: {done} processed in {attempts} attempts, {calls} calls",
        )

    def import_contacts(self) -> None:
        path = self.server.path / "contacts.csv"
        rows = [f"Ivy,Imported{i},+35320{7_000_000 + i}" for i in range(EVENTS)]
        path.write_text("\n".join(["First name,Last name,Phone", *rows]))
        ended = self.twice("ringotel_import_contacts", str(path))
        found = self.query(
            "SELECT count(*) FROM ringotel_minicrm_contact WHERE last_name LIKE 'Imported%%'"
        )
        numbers = self.query(
            "SELECT count(*) FROM ringotel_minicrm_contactphone WHERE e164 >= '+353207000000'"
            " AND e164 < '+353207001000'"
        )
        check(
            ended[0].code == 0 and found == numbers == EVENTS,
            f"{EVENTS} rows: {found} contacts with {numbers} numbers {show(ended)}",
        )

    def count_calls(self) -> None:
        ended = self.twice("ringotel_count_calls")
        counted = self.query("SELECT sum(calls) FROM ringotel_crm_agenttotal")
        past = self.query(
            "SELECT count(*) FROM ringotel_crm_activity WHERE start"
            " < (SELECT max(start) + interval '1 day' FROM ringotel_crm_agenttotal)"
        )
        check(
            ended[0].code == 0 and counted == past,
            f"{counted} of {past} calls of past days are counted {show(ended)}",
        )

    def erase(self) -> None:
        ended = self.twice("ringotel_erase_person", "--contact=1")
        left = self.query(
            "SELECT count(*) FROM ringotel_crm_activity WHERE contact_id = '1' OR caller_e164 = %s",
            number(1),
        )
        receipts = self.query(
            "SELECT count(*) FROM ringotel_crm_auditentry WHERE action = 'erased'"
        )
        check(
            ended[0].code == 0 and left == 0 and receipts == 1,
            f"a person is erased, with {receipts} receipt {show(ended)}",
        )

    def archive(self) -> None:
        due = self.query(
            "SELECT count(*) FROM ringotel_crm_activity WHERE start < now() - interval '300 days'"
        )
        ended = self.twice("ringotel_archive_calls")
        files = (self.server.path / "media" / "ringotel-archive").rglob("*.gz")
        calls = [
            json.loads(line)["call_id"]
            for file in files
            for line in gzip.decompress(file.read_bytes()).splitlines()
        ]
        check(
            ended[0].code == 0 and len(calls) == len(set(calls)) >= due,
            f"{len(calls)} calls are archived once {show(ended)}",
        )

    def index_phones(self) -> None:
        last = self.query("SELECT max(id) FROM ringotel_minicrm_contact")
        ended = self.twice("ringotel_index_phones", MAPPED="1")
        # Without the contacts that are created at the same time, by a site that has no index.
        missing = self.query(
            "SELECT count(*) FROM ringotel_minicrm_contactphone AS phone"
            " WHERE contact_id <= %s AND e164 <> '' AND NOT EXISTS (SELECT FROM"
            " ringotel_crm_phoneindex AS entry WHERE entry.e164 = phone.e164)",
            last,
        )
        check(
            ended[0].code == 0 and missing == 0,
            f"{missing} numbers are missing in the index {show(ended)}",
        )


def show(ended: Sequence[Ended]) -> str:
    """Return how both commands ended."""
    lines = [one.output.strip().splitlines()[-1:] for one in ended]
    return f"({'; '.join(line[0] if line else 'no output' for line in lines)})"


class Requests:
    """FindContact ten times per second and CreateContact five times, until the context ends."""

    def __init__(self, server: Server) -> None:
        self.ledger = Ledger()
        headers = {"Authorization": server.facts["bearer"]}
        self.caller = Caller(server.port, headers, server.contacts, self.ledger, 0)
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.find), threading.Thread(target=self.create)]

    def __enter__(self) -> Requests:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(60)

    def find(self) -> None:
        while not self.stopped.wait(0.1):
            self.caller.send("FindContact", query=f"phone=%2B{number(5)[1:]}")

    def create(self) -> None:
        turn = 0
        while not self.stopped.wait(0.2):
            turn += 1
            self.caller.make_contact(turn)

    def report(self, when: str) -> float:
        """Print p50 and p99, and check that all responses are 200. Return the larger p99."""
        found = {hook: self.ledger.milliseconds[hook] for hook in ("FindContact", "CreateContact")}
        for hook, taken in found.items():
            median = sorted(taken)[len(taken) // 2]
            note(f"{hook} {when}: p50 {median:.0f} ms, p99 {p99(taken):.0f} ms of {len(taken)}")
        responses = dict(self.ledger.responses)
        check(self.ledger.is_free_of_errors, f"responses {responses}")
        return max(map(p99, found.values()))
