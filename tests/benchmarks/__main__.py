"""Run the benchmarks: ``python -m tests.benchmarks``. See docs/benchmarks.rst."""

from __future__ import annotations

import argparse
import base64
import io
import itertools
import json
import os
import platform
import random
import time
import wave
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.benchmarks.data import number
from tests.benchmarks.measure import Table, Work, at_once, in_turn
from tests.benchmarks.server import Client, Server

AUTHENTICATIONS = ("bearer", "oauth2", "basic")
DATABASES = ["postgresql", "prepared", "sqlite"]
SMALL = 10_000
MEGA = 1024 * 1024
FIND = "/ringotel/contacts/find/"

ids = itertools.count()
numbers = random.Random(7)


class Bench:
    """The requests of a benchmark to one site."""

    def __init__(self, server: Server) -> None:
        self.server = server
        # One connection, so that one worker with warm caches responds to all requests.
        connection = server.connect()
        self.clients = {
            name: Client(connection, {"Authorization": server.facts[name]})
            for name in AUTHENTICATIONS
        }
        self.bare = Client(connection)
        self.staff = Client(connection, {"Cookie": server.facts["cookie"]})
        self.last = ""

    def phone(self) -> str:
        return number(numbers.randint(1, self.server.contacts), numbers.randint(0, 1))

    def find(self, client: Client, path: str = FIND) -> Work:
        return lambda: client.call("GET", f"{path}?phone={quote(self.phone())}")

    def post(
        self, client: Client, path: str, body: Callable[[], dict[str, Any]], method: str = "POST"
    ) -> Work:
        return lambda: client.call(method, path, json.dumps(body()))

    def start(self) -> dict[str, Any]:
        self.last = f"new {next(ids)}"
        facts = {
            "activity_type": "inbound",
            "called_number": "+353209150000",
            "call_start": 1772452800,
        }
        return {"call_id": self.last, "caller_number": self.phone(), **facts}

    def stop(self) -> dict[str, Any]:
        # Each call is stopped once: a repeated stop writes nothing.
        facts = {"call_end": 1772452830, "call_duration": 27, "call_cause": "16"}
        return {
            "call_id": f"old {numbers.randint(1, self.server.calls)}",
            **facts,
            "call_duration": 600 + next(ids),
        }

    def contact(self) -> str:
        return str(numbers.randint(1, self.server.contacts))

    def hooks(self) -> Iterator[tuple[str, str, Callable[[Client], Work], Work]]:
        """Yield names of hook and baseline, the work for a client, and the baseline."""

        def write(
            path: str, body: Callable[[], dict[str, Any]], method: str = "POST"
        ) -> Callable[[Client], Work]:
            return lambda client: self.post(client, f"/ringotel/{path}", body, method)

        def read(path: str) -> Callable[[Client], Work]:
            return lambda client: lambda: client.call("GET", f"/ringotel/{path}")

        find, insert, update = (
            self.find(self.bare, "/baseline/find/"),
            self.post(self.bare, "/baseline/insert/", self.start),
            self.post(self.bare, "/baseline/update/", self.stop),
        )
        yield "FindContact", "lookup", self.find, find
        yield "CreateActivity", "INSERT", write("activities/", self.start), insert
        yield "StopCallActivity", "UPDATE", write("activities/stop/", self.stop), update
        yield (
            "UpdateActivity",
            "UPDATE",
            write(
                "activities/",
                lambda: {"call_id": self.stop()["call_id"], "subject": str(next(ids))},
                "PATCH",
            ),
            update,
        )
        yield (
            "AssignActivity",
            "UPDATE",
            write(
                "activities/assign/",
                lambda: {"call_id": self.stop()["call_id"], "contact_id": self.contact()},
            ),
            update,
        )
        yield (
            "CreateContact",
            "INSERT",
            write(
                "contacts/",
                lambda: {
                    "last_name": f"New {next(ids)}",
                    "phone": f"+35320{next(ids) + 1_000_000}",
                },
            ),
            insert,
        )
        yield (
            "UpdateContact",
            "UPDATE",
            write(
                "contacts/", lambda: {"id": self.contact(), "job_title": str(next(ids))}, "PATCH"
            ),
            update,
        )
        yield "Users", "lookup", read("users/"), find
        yield "Contacts, page of 100", "lookup", read("contacts/?limit=100"), find
        yield "Organizations, page of 100", "lookup", read("organizations/?limit=100"), find


def every_hook(bench: Bench, rounds: int) -> Iterator[tuple[str, Table]]:
    for name, baseline, hook, bare in bench.hooks():
        works = {baseline: bare, **{how: hook(client) for how, client in bench.clients.items()}}
        yield name, in_turn(works, rounds, baseline=baseline)


def growth(small: Bench, big: Bench, rounds: int) -> Table:
    """Compare FindContact with many contacts to FindContact with few."""
    return in_turn(
        {"baseline": small.find(small.clients["bearer"]), "big": big.find(big.clients["bearer"])},
        rounds,
    )


def throughput(bench: Bench, seconds: float, clients: int = 4) -> dict[str, dict[str, float]]:
    """Measure FindContact from several clients at once."""
    callers = {
        "lookup": (bench.bare, "/baseline/find/"),
        **{name: (c, FIND) for name, c in bench.clients.items()},
    }
    return {
        name: at_once(
            [bench.find(Client(bench.server.connect(), c.headers), path) for _ in range(clients)],
            seconds,
        )
        for name, (c, path) in callers.items()
    }


def text_search(bench: Bench, rounds: int) -> Table:
    """Compare text searches, as other CRMs use them, with FindContact.

    They are not run in turn with FindContact, because they fill the caches of the database.
    """
    find = in_turn(
        {"FindContact": bench.find(bench.clients["bearer"])}, rounds, baseline="FindContact"
    )
    searches = {
        name: bench.find(bench.bare, f"/baseline/{name}/") for name in ("regex", "icontains")
    }
    found = find | in_turn(searches, 3, baseline="regex", warm=1)
    for row in found.values():
        row["ratio"] = round(row["p50"] / find["FindContact"]["p50"], 1)
    return found


def lists(bench: Bench) -> dict[str, Any]:
    """Measure the complete list of contacts: contacts per second, and memory growth."""
    client = bench.clients["bearer"]
    before = bench.server.begin_peak()
    client.consume("/ringotel/contacts/")
    grown = bench.server.memory() - before
    works: dict[str, Work] = {
        "baseline": lambda: bench.bare.consume("/baseline/contacts/"),
        "Contacts": lambda: client.consume("/ringotel/contacts/"),
    }
    rate = {
        name: round(bench.server.contacts / row["least"] * 1000)
        for name, row in in_turn(works, 4, warm=0).items()
    }
    return {
        "contacts per second": rate,
        "share of the baseline": round(rate["Contacts"] / rate["baseline"], 2),
        "memory growth MB": round(grown / MEGA, 1),
    }


def pages(bench: Bench, rounds: int) -> Table:
    """Compare the last page of 100 contacts with the first."""
    client = bench.clients["bearer"]
    after = base64.urlsafe_b64encode(f"after {bench.server.contacts - 101}".encode()).decode()
    return in_turn(
        {
            "baseline": lambda: client.call("GET", "/ringotel/contacts/?limit=100"),
            "last": lambda: client.call("GET", f"/ringotel/contacts/?limit=100&cursor={after}"),
        },
        rounds,
    )


def wav_file(megabytes: int) -> bytes:
    """Return a WAV file of this size, with random content."""
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setparams((1, 2, 8000, 0, "NONE", ""))
        wav.writeframes(os.urandom(16) + bytes(megabytes * MEGA))
    return file.getvalue()


def uploads(bench: Bench, megabytes: int) -> dict[str, Any]:
    """Compare uploads with Django's: megabytes per second, and memory growth."""

    def multipart() -> bytes:
        head = (
            b'--edge\r\nContent-Disposition: form-data; name="recording"; filename="call.wav"\r\n'
            b"Content-Type: audio/wav\r\n\r\n"
        )
        return head + wav_file(megabytes) + b"\r\n--edge--\r\n"

    def encoded() -> bytes:
        return b'{"recording": "' + base64.b64encode(wav_file(megabytes)) + b'"}'

    form = "multipart/form-data; boundary=edge"
    path = "/ringotel/activities/recording/?call_id="
    client = bench.clients["bearer"]
    ways: dict[str, tuple[Client, str, Callable[[], bytes], str]] = {
        "baseline": (bench.bare, "/baseline/upload/?", multipart, form),
        "multipart": (client, path, multipart, form),
        "raw": (client, path, lambda: wav_file(megabytes), "audio/wav"),
        "base64 in JSON": (client, path, encoded, "application/json"),
    }
    found: dict[str, Any] = {name: {"MB per second": 0.0, "memory growth MB": 0.0} for name in ways}
    for _ in range(3):
        for name, (caller, where, body, content_type) in ways.items():
            sent = body()
            before = bench.server.begin_peak()
            begun = time.perf_counter()
            caller.call("POST", f"{where}{next(ids)}", sent, content_type)
            rate = megabytes / (time.perf_counter() - begun)
            grown = (bench.server.memory() - before) / MEGA
            best = found[name]
            best["MB per second"] = round(max(rate, best["MB per second"]), 1)
            best["memory growth MB"] = round(max(grown, best["memory growth MB"]), 1)
    for row in found.values():
        row["share of the baseline"] = round(
            row["MB per second"] / found["baseline"]["MB per second"], 2
        )
    return found


def admin(bench: Bench, rounds: int) -> Iterator[tuple[str, Table]]:
    """Compare each page of the admin with its queries alone."""
    calls, people = "ringotel_crm/activity/", "ringotel_minicrm/contact/"
    pages = {
        "calls": (calls, "calls/"),
        "calls, search": (f"{calls}?q=given+sample777", "calls/?q=given+sample777"),
        "contacts": (people, "people/"),
        "contacts, search": (f"{people}?q=sample777", "people/?q=sample777"),
        "overview": (f"{calls}overview/", "overview/"),
        "an empty changelist of Django": ("auth/group/", "calls/"),
    }
    for name, (path, baseline) in pages.items():
        works: dict[str, Work] = {
            "baseline": lambda baseline=baseline: bench.bare.call("GET", f"/baseline/{baseline}"),  # type: ignore[misc]
            name: lambda path=path: bench.staff.call("GET", f"/admin/{path}"),  # type: ignore[misc]
        }
        yield name, in_turn(works, rounds, warm=1)


def show(title: str, found: Any) -> None:
    print(f"\n{title}")  # noqa: T201
    for name, row in found.items():
        text = (
            "  ".join(f"{key} {value}" for key, value in row.items())
            if isinstance(row, dict)
            else row
        )
        print(f"  {name:28} {text}", flush=True)  # noqa: T201


def run(database: str, contacts: int, rounds: int, megabytes: int) -> dict[str, Any]:
    found: dict[str, Any] = {"database": database, "contacts": contacts}

    def keep(title: str, measured: Any) -> None:
        found[title] = measured
        show(f"{database}, {contacts:,} contacts: {title}", measured)

    # "prepared": PostgreSQL with cached plans, see docs/deployment.rst.
    site = ("postgresql", {"PREPARED": "1"}) if database == "prepared" else (database, {})
    with (
        Server(site[0], SMALL, SMALL, **site[1]) as small,
        Server(site[0], contacts, contacts, **site[1]) as server,
    ):
        bench = Bench(server)
        keep("Queries, including authentication", server.facts["queries"])
        for name, table in every_hook(bench, rounds):
            keep(name, table)
        keep(f"FindContact, compared with {SMALL:,} contacts", growth(Bench(small), bench, rounds))
        keep("FindContact, 4 clients at once", throughput(bench, 3))
        keep("FindContact, compared with text searches", text_search(bench, rounds))
        keep("Contacts, complete list", lists(bench))
        keep("Contacts, first and last page", pages(bench, rounds))
        keep(f"Uploads of {megabytes} MB", uploads(bench, megabytes))
        for name, table in admin(bench, max(3, rounds // 40)):
            keep(f"Admin: {name}", table)
        keep(
            "Phone index, rebuilt",
            json.loads(server.manage(module="rebuild").splitlines()[-1]),
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument(
        "--full", action="store_true", help="Use 1,000,000 contacts and calls instead of 100,000."
    )
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--output", type=Path, default=Path(".bench"))
    options = parser.parse_args()
    contacts, rounds, megabytes = (1_000_000, 500, 190) if options.full else (100_000, 200, 50)
    machine = {
        "processors": os.cpu_count(),
        "python": platform.python_version(),
        "load": os.getloadavg(),
    }
    begun = datetime.now(UTC).isoformat(timespec="seconds")
    results = [
        run(database, contacts, rounds, megabytes) for database in options.database or DATABASES
    ]
    options.output.mkdir(exist_ok=True)
    report = {"begun": begun, "machine": machine, "results": results}
    (options.output / "benchmarks.json").write_text(json.dumps(report, indent=1))
    from tests.benchmarks.chart import draw

    draw(report, options.output / "benchmarks.svg")


if __name__ == "__main__":
    main()
