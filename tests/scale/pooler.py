"""PgBouncer in transaction mode, with and without ``DISABLE_SERVER_SIDE_CURSORS``.

All hooks, lists, exports and commands run at once through it, and are compared with the database.
Afterwards, two tenants with row-level security look each other's numbers up.
"""

from __future__ import annotations

import csv
import gzip
import json
import zipfile
from argparse import Namespace
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import psycopg

from tests.benchmarks.data import number
from tests.benchmarks.measure import in_turn
from tests.benchmarks.server import Application, Client, Server
from tests.scale import clusters, tenants
from tests.scale.checks import check, execute, note
from tests.scale.ledger import calling
from tests.scale.proxies import pgbouncer

SETTINGS = "tests.scale.sites.pooler"
# Memory growth that is allowed, in MB.
MAX_GROWTH = 100


def run(options: Namespace) -> None:
    rows = 500_000 if options.full else 20_000
    with clusters.folder() as folder, clusters.primary(folder) as address:
        for cursors in ({}, {"SERVER_SIDE_CURSORS": "1"}):
            with (
                Server("postgresql", rows, rows, **address) as server,
                pgbouncer(address, server.environ["DATABASE_NAME"], server.path) as port,
            ):
                environ = {
                    **server.environ,
                    "PGBOUNCER_PORT": str(port),
                    "DJANGO_SETTINGS_MODULE": SETTINGS,
                    **cursors,
                }
                note(f"DISABLE_SERVER_SIDE_CURSORS: {not cursors}")
                Pooler(server, environ).run()
        tenants.look_up(address, 60 if options.full else 10)


class Pooler:
    """A site whose connections pass through PgBouncer."""

    def __init__(self, server: Server, environ: dict[str, str]) -> None:
        self.server, self.environ = server, environ
        self.application = Application(environ, server.path)

    def run(self) -> None:
        # A person with many calls.
        self.execute(
            "UPDATE ringotel_crm_activity SET contact_id = '1', caller_number = %s,"
            " caller_e164 = %s WHERE id %% 4 = 0 RETURNING id",
            number(1),
            number(1),
        )
        self.application.start()
        try:
            self.compare_times()
            key = self.server.facts["bearer"]
            with calling(self.application.port, key, self.server.contacts, pause=0.5) as ledger:
                self.read_lists()
                self.read_export()
                self.run_commands()
        finally:
            self.application.stop()
        responses = dict(ledger.responses)
        check(ledger.is_free_of_errors, f"all hooks, at the same time: responses {responses}")
        ledger.compare(self.server.database(), self.server.path / "media")

    def execute(self, query: str, *values: Any) -> list[Any]:
        """Return the rows of a query that does not pass through PgBouncer."""
        with psycopg.connect(**self.server.database()) as connection:
            return connection.execute(query, values).fetchall()

    def compare_times(self) -> None:
        headers = {"Authorization": self.server.facts["bearer"]}
        path = f"/ringotel/contacts/find/?phone=%2B{number(7)[1:]}"
        clients = {
            name: Client(application.connect(), headers)
            for name, application in (("baseline", self.server), ("pooler", self.application))
        }
        found = in_turn(
            {
                name: lambda client=client: client.call("GET", path)  # type: ignore[misc]
                for name, client in clients.items()
            },
            200,
            warm=20,
        )
        note(f"FindContact: p50 {found['pooler']['p50']} ms, direct {found['baseline']['p50']} ms")

    def read_lists(self) -> None:
        headers = {"Authorization": self.server.facts["bearer"]}
        for name, table in (
            ("contacts", "ringotel_minicrm_contact"),
            ("organizations", "ringotel_minicrm_organization"),
        ):
            before = self.execute(f"SELECT id::text FROM {table}")
            started = self.application.begin_peak()
            client = Client(self.application.connect(), headers)
            listed = json.loads(client.call("GET", f"/ringotel/{name}/"))["results"]
            growth = (self.application.memory() - started) / 2**20
            ids = [row["id"] for row in listed]
            check(
                len(ids) == len(set(ids)) and {id for (id,) in before} <= set(ids),
                f"the list of {len(ids)} {name} is complete",
            )
            check(growth < MAX_GROWTH, f"it took {growth:.0f} MB of memory")

    def read_export(self) -> None:
        """Export all calls as CSV in the admin."""
        before = {id for (id,) in self.execute("SELECT call_id FROM ringotel_crm_activity")}
        token = "t" * 32
        form = {
            "action": "export",
            "select_across": 1,
            "_selected_action": 1,
            "csrfmiddlewaretoken": token,
        }
        cookie = f"{self.server.facts['cookie']}; csrftoken={token}"
        client = Client(self.application.connect(), {"Cookie": cookie})
        started = self.application.begin_peak()
        content = client.call(
            "POST",
            "/admin/ringotel_crm/activity/",
            urlencode(form),
            "application/x-www-form-urlencoded",
        )
        growth = (self.application.memory() - started) / 2**20
        rows = list(csv.reader(content.decode("utf-8-sig").splitlines()))[1:]
        exported = [row[0] for row in rows]
        check(
            len(exported) == len(set(exported)) and before <= set(exported),
            f"the CSV file of {len(exported)} calls is complete",
        )
        check(growth < MAX_GROWTH, f"it took {growth:.0f} MB of memory")

    def run_commands(self) -> None:
        (calls,) = self.execute(
            "SELECT count(*) FROM ringotel_crm_activity WHERE contact_id = '1'"
        )[0]
        exported = self.server.path / f"person-{self.application.port}.zip"
        self.command("ringotel_export_person", "--contact=1", f"--output={exported}")
        with zipfile.ZipFile(exported) as archive:
            data = json.loads(archive.read("data.json"))
        check(len(data["calls"]) >= calls, f"the export of a person has {len(data['calls'])} calls")
        self.command("ringotel_erase_person", "--contact=1")
        left = self.execute("SELECT id FROM ringotel_minicrm_contact WHERE id = 1")
        named = self.execute(
            "SELECT id FROM ringotel_crm_activity WHERE contact_id = '1' OR caller_e164 = %s",
            number(1),
        )
        check(not left and not named, "no row has the person's number after its erasure")
        self.command("ringotel_count_calls")
        # Without the day of the calls that are being made.
        (counted,) = self.execute(
            "SELECT sum(calls) FROM ringotel_crm_agenttotal WHERE start::date <> '2026-03-02'"
        )[0]
        (past,) = self.execute(
            "SELECT count(*) FROM ringotel_crm_activity WHERE start::date <> '2026-03-02' AND start"
            " < (SELECT max(start) + interval '1 day' FROM ringotel_crm_agenttotal)"
        )[0]
        check(counted == past, f"{counted} of {past} calls of past days are counted")
        old = "SELECT count(*) FROM ringotel_crm_activity WHERE start < now() - interval '300 days'"
        (due,) = self.execute(old)[0]
        self.command("ringotel_archive_calls")
        files = list(Path(self.server.path, "media", "ringotel-archive").rglob("*.gz"))
        lines = sum(len(gzip.decompress(file.read_bytes()).splitlines()) for file in files)
        (left_over,) = self.execute(old)[0]
        check(lines >= due and left_over == 0, f"{lines} calls are archived, and none is left")
        self.environ["MAPPED"] = "1"
        self.command("ringotel_index_phones")
        del self.environ["MAPPED"]
        (missing,) = self.execute(
            "SELECT count(*) FROM ringotel_minicrm_contactphone AS phone WHERE NOT EXISTS"
            " (SELECT FROM ringotel_crm_phoneindex AS entry WHERE entry.e164 = phone.e164)"
            " AND raw LIKE '+35320%%' AND length(raw) = 13 AND phone.contact_id <= %s",
            self.server.contacts,
        )[0]
        check(missing == 0, "the phone index has all numbers")

    def command(self, *arguments: str) -> None:
        """Run a command. Check that it succeeds, and its memory."""
        growth = float(execute(self.environ, "tests.scale.command", *arguments).splitlines()[-1])
        check(growth < MAX_GROWTH, f"{arguments[0]} took {growth:.0f} MB of memory")
