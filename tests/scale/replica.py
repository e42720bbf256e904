"""A streaming replica that is three seconds behind, and a router that sends all reads to it.

Once with an empty ``DATABASES["default"]``, and once with the primary as the default.
"""

from __future__ import annotations

import json
import time
from argparse import Namespace
from typing import Any
from urllib.parse import quote

import psycopg

from ringotel_crm.simulator.webhooks import Call, Leg
from tests.benchmarks.data import number
from tests.benchmarks.server import Application, Client, Server, wait_until_healthy
from tests.media.audio_samples import sample
from tests.scale import clusters
from tests.scale.checks import check, execute
from tests.scale.ledger import Caller, Ledger, calling

ROWS = 5000
DELAY = 3
TURNS = 20
# Unix time in ms.
START = 1_772_452_800_000


def run(options: Namespace) -> None:
    seconds = 60 if options.full else 8
    delay = f"recovery_min_apply_delay = '{DELAY}s'\n"
    with (
        clusters.folder() as folder,
        clusters.primary(folder) as address,
        Server("postgresql", ROWS, ROWS, SERVER="machine", **address) as server,
        clusters.replica(folder, address, delay) as replica,
    ):
        environ = {
            **server.environ,
            "PRIMARY_AND_REPLICAS": f"{address['PGPORT']} {replica} {replica}",
            "DJANGO_SETTINGS_MODULE": "tests.scale.sites.replica",
        }
        measure_delay(server, replica)
        Replica(server, environ).run(seconds)
        Replica(server, {**environ, "PRIMARY_IS_DEFAULT": "1"}).run(seconds)


def measure_delay(server: Server, port: int) -> None:
    """Check that a table arrives at the replica, and not before ``DELAY`` seconds."""
    with psycopg.connect(**server.database()) as primary:
        primary.execute("CREATE TABLE marker ()")
    begun = time.monotonic()
    with psycopg.connect(**{**server.database(), "port": port}, autocommit=True) as replica:
        while replica.execute("SELECT to_regclass('marker')").fetchall() == [(None,)]:
            time.sleep(0.05)
    delay = time.monotonic() - begun
    check(delay > DELAY * 0.9, f"what is written arrives at the replica after {delay:.1f} s")


class Replica:
    """A site that reads from the replica by its router."""

    def __init__(self, server: Server, environ: dict[str, str]) -> None:
        self.server, self.environ = server, environ
        self.application = Application(environ, server.path)
        self.ledger = Ledger()

    def run(self, seconds: float) -> None:
        self.manage("check")
        default = "the primary" if "PRIMARY_IS_DEFAULT" in self.environ else "empty"
        check(True, f'manage.py check accepts the router; DATABASES["default"] is {default}')
        self.application.start()
        try:
            wait_until_healthy(self.application)
            key = self.server.facts["bearer"]
            with calling(self.application.port, key, ROWS) as ledger:
                time.sleep(seconds)
            responses = dict(ledger.responses)
            check(ledger.is_free_of_errors, f"all hooks: responses {responses}")
            ledger.compare(self.server.database(), self.server.path / "media")
            self.stop_before_start()
            self.find_new_contact()
            self.play_new_recording()
            self.change_keys()
            self.send_events()
            self.read_pages()
        finally:
            self.application.stop()

    def call(self, hook: str, body: Any = None, query: str = "", key: str = "") -> Any:
        """Call a hook, and return its JSON, ``None`` if the response is not a 200."""
        headers = {"Authorization": key or self.server.facts["bearer"]}
        caller = Caller(self.application.port, headers, ROWS, self.ledger, 0)
        content_type = "audio/wav" if isinstance(body, bytes) else "application/json"
        return caller.send(hook, body, query, content_type)

    def manage(self, *arguments: str) -> str:
        return execute(self.environ, "django", *arguments)

    def query(self, sql: str, *values: Any) -> list[Any]:
        with psycopg.connect(**self.server.database()) as connection:
            return connection.execute(sql, values).fetchall()

    def stop_before_start(self) -> None:
        mark = self.ledger.mark
        for turn in range(TURNS):
            ref = {"call_id": f"{mark}late {turn}"}
            stopped = self.call("StopCallActivity", {**ref, "call_duration": 7})
            started = self.call("CreateActivity", {**ref, "caller_number": number(9)})
            assert stopped
            assert stopped == started
        rows = self.query(
            "SELECT caller_number, duration FROM ringotel_crm_activity"
            " WHERE starts_with(call_id, %s)",
            mark,
        )
        check(rows == [(number(9), 7)] * TURNS, "a stop before its start is one call")

    def find_new_contact(self) -> None:
        for turn in range(TURNS):
            phone = f"+35320{9_000_000 + turn + time.time_ns() % 900_000}"
            new = {"last_name": "Brandnew", "phone": phone}
            created = self.call("CreateContact", new)
            assert self.call("CreateContact", new)["id"] == created["id"]
            found = self.call("FindContact", query=f"phone={quote(phone)}")["results"]
            assert [row["id"] for row in found] == [created["id"]]
        check(True, f"each of {TURNS} new contacts is found at once")

    def play_new_recording(self) -> None:
        audio = sample("pcm.wav")
        call_id = f"{self.ledger.mark}recorded"
        stored = self.call("UpdateCallRecording", audio, f"call_id={quote(call_id)}")
        path = "/" + stored["recording_url"].split("/", 3)[3]
        client = Client(self.application.connect(), {"Cookie": self.server.facts["cookie"]})
        check(client.call("GET", path) == audio, "a new recording is played at once")

    def change_keys(self) -> None:
        arguments = ("--auth=bearer", "--name=new", "--base-url=http://127.0.0.1", "--json")
        issued = json.loads(self.manage("ringotel_connect", *arguments))["properties"]
        key = f"Bearer {issued['API key']}"
        check(bool(self.call("Users", key=key)), "a new API key works at once")
        ((id,),) = self.query("SELECT id FROM ringotel_crm_apikey WHERE name = 'new'")
        token = "t" * 32
        client = Client(
            self.application.connect(),
            {"Cookie": f"{self.server.facts['cookie']}; csrftoken={token}"},
        )
        client.connection.request(
            "POST",
            "/admin/ringotel_crm/apikey/",
            f"action=revoke&_selected_action={id}&csrfmiddlewaretoken={token}",
            {**client.headers, "Content-Type": "application/x-www-form-urlencoded"},
        )
        response = client.connection.getresponse()
        response.read()
        refused = self.call("Users", key=key) is None
        check(response.status == 302 and refused, "a revoked API key is refused at once")

    def send_events(self) -> None:
        """Send the events of calls to a webhook, and check that each was processed."""
        arguments = ("--name=scale", "--base-url=http://127.0.0.1", "--json")
        token = json.loads(self.manage("ringotel_connect_webhook", *arguments))["properties"]
        before = self.query("SELECT coalesce(max(id), 0) FROM ringotel_crm_webhookevent")[0][0]
        client = Client(self.application.connect())
        calls = [
            Call(
                scenario="answered",
                call_id=f"{self.ledger.mark}event {turn}",
                direction="inbound",
                party=number(turn + 1)[1:],
                legs=[Leg(extension="2001", start=START, end=START + 9000, talk=9, cause="0")],
            )
            for turn in range(TURNS)
        ]
        for call in calls:
            for event in call.events():
                body = json.dumps({**event, "api_token": token["API token"]})
                client.call("POST", "/ringotel/webhook/scale/", body)
        client.call("GET", "/ringotel/health/")  # the last event was processed before
        events = self.query(
            "SELECT status, count(*) FROM ringotel_crm_webhookevent WHERE id > %s GROUP BY 1",
            before,
        )
        rows = self.query(
            "SELECT status, duration FROM ringotel_crm_activity WHERE starts_with(call_id, %s)",
            f"{self.ledger.mark}event",
        )
        check(
            events == [("processed", 2 * TURNS)] and rows == [("answered", 9)] * TURNS,
            f"webhook events are processed: {events}, calls {len(rows)}",
        )

    def read_pages(self) -> None:
        """Read the list of contacts and pages of the admin, once the replica has caught up."""
        time.sleep(DELAY + 1)
        contacts = self.call("Contacts")["results"]
        ids = {int(row["id"]) for row in contacts}
        check(
            len(contacts) == len(ids) and set(range(1, ROWS + 1)) <= ids,
            f"the list of {len(ids)} contacts is complete",
        )
        client = Client(self.application.connect(), {"Cookie": self.server.facts["cookie"]})
        pages = ("activity/", "activity/overview/", "recording/", "webhookevent/", "apikey/")
        for page in pages:
            client.call("GET", f"/admin/ringotel_crm/{page}")
        check(True, f"{len(pages)} pages of the admin are shown")
