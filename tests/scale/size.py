"""Growth: the same site with few rows and with many. See docs/benchmarks.rst.

Compares the hooks, the page of live calls and the desk on both, and opens every page of the admin
on the larger one. ``KEEP_SITES`` is a folder in which the sites are described: their databases are
then kept, and used again by the next run. Requires PostgreSQL.
"""

from __future__ import annotations

import argparse
import html
import itertools
import json
import os
import random
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from tests.benchmarks.__main__ import Bench
from tests.benchmarks.data import number
from tests.benchmarks.measure import Work, in_turn
from tests.benchmarks.mixed import BUSY, COMMON_NAME, FIRST_NAMES, SHARED
from tests.benchmarks.server import Client, Server
from tests.scale.checks import Failure, note

# Contacts and calls of the two sites.
SIZES = ((100_000, 300_000), (1_000_000, 1_000_000))
FULL = ((1_000_000, 1_000_000), (10_000_000, 30_000_000))

# The targets: growth of the hooks, seconds per page, and CreateContact relative to CreateActivity.
MAX_GROWTH = 1.2
MAX_SECONDS = 1.0
MAX_CREATE_CONTACT = 3.0

# Numbers, and calls to stop, that a run uses. All are used once before they are measured.
POOL = 300
# Choices of a filter that are opened.
MAX_CHOICES = 5

ids = itertools.count(int(time.time()))

ADMIN = "/admin/"
CALLS, CONTACTS = f"{ADMIN}ringotel_crm/activity/", f"{ADMIN}ringotel_minicrm/contact/"
ORGANIZATIONS = f"{ADMIN}ringotel_minicrm/organization/"
# The contact that is chosen on the page of an organization.
AUTOCOMPLETE = "app_label=ringotel_minicrm&model_name=organization&field_name=main_contact"
# What staff type into the search boxes of lists.
SEARCHES = {
    CALLS: [
        COMMON_NAME,
        f"Ada {COMMON_NAME}",
        f"{COMMON_NAME} 17",
        "Sample7",
        "Ada",
        "Order 12",
        "order",
        "000007",
        "+353 20 30000007",
        "0007",
        "ada.sample",
        "nothing like this",
    ],
    CONTACTS: [
        COMMON_NAME,
        f"Ada {COMMON_NAME}",
        f"{COMMON_NAME} invented",
        "Sample7",
        "Ada Sample77",
        "invented 17",
        "000007",
        "+353 20 30000007",
        "ada.sample",
        "nothing like this",
    ],
    ORGANIZATIONS: ["invented", "Invented 17", "ltd", "nothing like this"],
    f"{ADMIN}ringotel_crm/conversation/": [COMMON_NAME, "Ada", "000007", "nothing like this"],
}


class Site(Bench):
    """The requests to one site."""

    def __init__(self, server: Server) -> None:
        super().__init__(server)
        chance = random.Random(server.contacts)
        connection = self.bare.connection
        self.agent = Client(connection, {"Cookie": server.facts["agent"]})
        # Neither of these shares its number.
        self.single = [20 * chance.randrange(3, server.contacts // 20) + 7 for _ in range(POOL)]
        self.shared = [20 * chance.randrange(3, server.contacts // 20) for _ in range(POOL)]
        self.stopped = [chance.randrange(1, server.calls) for _ in range(POOL)]

    def phone(self) -> str:
        return number(random.choice(self.single))

    def contact(self) -> str:
        return str(random.choice(self.single))

    def stop(self) -> dict[str, Any]:
        return {**super().stop(), "call_id": f"old {random.choice(self.stopped)}"}

    def look_up(self, *numbers: str) -> Work:
        turn = itertools.cycle(numbers)
        client = self.clients["bearer"]
        return lambda: client.call("GET", f"/ringotel/contacts/find/?phone={quote(next(turn))}")

    def send_event(self) -> bytes:
        body = {
            "method": "StartCallActivity",
            "api_token": self.server.facts["webhook"],
            "params": {
                "call_id": f"event {next(ids)}",
                "caller_number": self.phone(),
                "called_number": "1001",
                "activity_type": "inbound",
            },
        }
        return self.bare.call("POST", "/ringotel/webhook/bench/", json.dumps(body))

    def works(self) -> dict[str, Work]:
        """Return what is compared between the sites, by name."""
        key, staff, agent = self.clients["bearer"], self.staff, self.agent
        busy = [20 * n for n in range(1, BUSY // 20 + 1)]
        organizations = [f"{number(0)[:6]}{10_000_000 + n % 5000 + 1}" for n in self.single]
        assert SHARED == 20

        def page(client: Client, path: str) -> Work:
            return lambda: client.call("GET", path)

        def contact() -> dict[str, Any]:
            new = next(ids) % 9_000_000
            return {"last_name": f"New {new}", "phone": f"+35320{80_000_000 + new}"}

        return {
            "FindContact, one holder": self.look_up(*map(number, self.single)),
            "FindContact, two holders": self.look_up(*map(number, (n - 1 for n in self.shared))),
            "FindContact, two busy holders": self.look_up(*map(number, (n - 1 for n in busy))),
            "FindContact, an organization": self.look_up(*organizations),
            "FindContact, unknown": self.look_up(*(number(n, 2) for n in self.single)),
            "CreateActivity": self.post(key, "/ringotel/activities/", self.start),
            "StopCallActivity": self.post(key, "/ringotel/activities/stop/", self.stop),
            "CreateContact": self.post(key, "/ringotel/contacts/", contact),
            "webhook event": self.send_event,
            "live calls": page(staff, f"{CALLS}live/"),
            "live calls, updated": page(staff, f"{CALLS}live/calls/"),
            "live calls of an agent": page(agent, f"{CALLS}live/"),
            "calls on the phone of an agent": page(agent, "/ringotel/strip/"),
            "My desk": page(staff, f"{CALLS}desk/"),
            "My desk of an agent": page(agent, f"{CALLS}desk/"),
        }


def growth(small: Site, big: Site, rounds: int) -> dict[str, dict[str, float]]:
    """Return the median milliseconds of each work on both sites, and their ratio."""
    found: dict[str, dict[str, float]] = {}
    works = big.works()
    for name, work in small.works().items():
        table = in_turn({"baseline": work, "big": works[name]}, rounds, warm=POOL)
        row = table["big"]
        found[name] = {"small": table["baseline"]["p50"], "big": row["p50"], "ratio": row["ratio"]}
        show(name, found[name])
    return found


def pages(site: Site, client: Client) -> Iterator[str]:
    """Yield the paths of the pages that ``client`` may open: lists with each filter, order and
    search, and the page of one row."""
    index = client.call("GET", ADMIN).decode()
    yield ADMIN
    for path in sorted({*re.findall(r'href="(/admin/\w+/\w+/)"', index)}):
        yield path
        text = client.call("GET", path).decode()
        yield from (f"{path}{query}" for query in filters(text))
        yield from (f"{path}?q={quote(words)}" for words in SEARCHES.get(path, ()))
        yield from (f"{path}?p={page}" for page in far_pages(text))
        if row := re.search(rf'href="({path}[^"?/]+/change/)', text):
            yield row[1]
            yield row[1].replace("/change/", "/history/")
            yield row[1].replace("/change/", "/delete/")
    yield from calls_pages(site)
    yield from contact_pages()


def filters(text: str) -> Iterator[str]:
    """Yield the queries of the links of a list: filters and columns to sort by."""
    names: dict[str, int] = {}
    for query in dict.fromkeys(re.findall(r'href="(\?[^"]+)"', text)):
        name = query.partition("=")[0]
        names[name] = names.get(name, 0) + 1
        if names[name] <= MAX_CHOICES and not name.startswith("?p"):
            yield html.unescape(query)


def far_pages(text: str) -> list[int]:
    return [500, 1000] if re.search(r'href="\?p=\d+"', text) else []


def calls_pages(site: Site) -> Iterator[str]:
    """Yield paths of the pages about calls that are not lists of rows."""
    for days in (1, 7, 30, 365):
        yield f"{CALLS}overview/?days={days}"
        yield f"{CALLS}overview/?days={days}&agent=7"
    for name in ("live/", "live/calls/", "desk/", "caller-lookup/?number=%2B3532030000019"):
        yield f"{CALLS}{name}"
    busy_call = site.server.calls // 100 * 100  # recorded, and with three phones
    yield f"{CALLS}{busy_call}/change/"
    yield f"{CALLS}{busy_call - 1}/change/"
    yield f"{CALLS}assign/?id={busy_call - 9}"
    first, last = "2026-01-05", "2026-01-05"
    yield f"{CALLS}?first_day={first}&last_day={last}"
    # Several filters at once.
    for first, second in itertools.combinations(
        ("direction__exact=inbound", "state=missed", "unassigned=yes", "recorded=yes", "agent=9"), 2
    ):
        yield f"{CALLS}?{first}&{second}"
    for name in (COMMON_NAME, "Ada"):
        yield f"{CALLS}?q={name}&state=missed"
        yield f"{CALLS}?q={name}&recorded=yes&period=30"
        yield f"{CALLS}?q={name}&p=200"


def contact_pages() -> Iterator[str]:
    """Yield paths of the pages about contacts: 13 is a busy contact, 12345 is not."""
    for key in (13, 20, 12345):
        yield f"{CONTACTS}{key}/change/"
        yield f"{CONTACTS}{key}/delete/"
        yield f"{ADMIN}ringotel_crm/auditentry/person/?contact={key}"
        yield f"{CALLS}?contact_type__id__exact=1&contact_id={key}"
    yield f"{CONTACTS}13/change/?calls=all"
    yield f"{CONTACTS}add/"
    yield f"{ORGANIZATIONS}7/change/"
    yield f"{ORGANIZATIONS}7/delete/"
    yield f"{CONTACTS}duplicates/"
    yield f"{CONTACTS}duplicates/?{urlencode({'after': number(5_000)})}"
    yield f"{CONTACTS}duplicates/similar/?number={quote(number(19))}"
    yield f"{CONTACTS}merge/?target=19&source=20"
    for words in FIRST_NAMES.split()[:2]:
        yield f"{ADMIN}autocomplete/?{AUTOCOMPLETE}&term={words}"
    yield f"{ADMIN}ringotel_crm/apikey/connect/"


def open_pages(site: Site, client: Client) -> dict[str, float]:
    """Return the seconds that each page takes when it is opened again."""
    found: dict[str, float] = {}
    for path in dict.fromkeys(pages(site, client)):
        if seconds := stopwatch(client, path):
            found[path] = seconds
            if seconds > MAX_SECONDS / 2:
                show(path, {"seconds": seconds})
    return found


def stopwatch(client: Client, path: str) -> float | None:
    """Return the least seconds of the second and third request, None if there is no such page.

    For a list that takes too long, they are those of the list of the rows added last.

    Raises ``Failure`` for an error of the server.
    """
    times = []
    for _ in range(3):
        begun = time.perf_counter()
        response = get(client, path)
        times.append(time.perf_counter() - begun)
        if "pk__gt=" in (response.headers["Location"] or ""):
            show(path, {"leaves out rows after": round(times[-1], 3)})
            path = response.headers["Location"]
            response = get(client, path)
        if response.status != 200:
            if response.status >= 500:
                raise Failure(f"{path} responds {response.status}")
            show(path, {"status": response.status})
            return None
    return round(min(times[1:]), 3)


def get(client: Client, path: str) -> HTTPResponse:
    client.connection.request("GET", path, headers=client.headers)
    response = client.connection.getresponse()
    response.read()
    return response


def show(name: str, row: dict[str, Any]) -> None:
    text = "  ".join(f"{key} {value}" for key, value in row.items())
    note(f"{name:40} {text}")


def site(stack: ExitStack, contacts: int, calls: int) -> Site:
    environ = {"ROWS": "mixed"}
    if folder := os.environ.get("KEEP_SITES"):
        environ["DATABASE_NAME"] = f"ringotel_size_{contacts}_{calls}"
        environ["KEPT_FACTS"] = str(Path(folder, f"{contacts}_{calls}.json"))
    return Site(stack.enter_context(Server("postgresql", contacts, calls, **environ)))


def run(options: argparse.Namespace) -> None:
    """Measure growth, and each page of the larger site."""
    sizes = FULL if options.full else SIZES
    with ExitStack() as stack:
        small, big = (site(stack, *size) for size in sizes)
        grown = growth(small, big, rounds=200)
        slow: dict[str, float] = {}
        for who, client in (("administrator", big.staff), ("agent", big.agent)):
            note(f"Pages, as {who}:")
            taken = open_pages(big, client)
            slow |= {f"{who}: {path}": s for path, s in taken.items() if s > MAX_SECONDS}
            note(f"{len(taken)} pages, the slowest took {max(taken.values())} s")
    problems = [
        f"{name} grows by {row['ratio']}"
        for name, row in grown.items()
        if row["ratio"] > MAX_GROWTH
    ]
    problems += [f"{path} takes {seconds} s" for path, seconds in slow.items()]
    ratio = round(grown["CreateContact"]["big"] / grown["CreateActivity"]["big"], 2)
    show("CreateContact, compared with CreateActivity", {"ratio": ratio})
    if ratio > MAX_CREATE_CONTACT:
        problems.append(f"CreateContact takes {ratio} times as long as CreateActivity")
    if problems:
        raise Failure("; ".join(problems))
