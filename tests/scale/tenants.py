"""Two tenants with row-level security look each other's numbers up, through PgBouncer."""

from __future__ import annotations

import itertools
import json
import os
import tempfile
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tests.benchmarks.server import Application, Client, wait_until_healthy
from tests.scale.checks import check, execute
from tests.scale.proxies import pgbouncer
from tests.scale.tenant_data import CONTACTS, NAMES, number

CLIENTS = 4
ids = itertools.count()


def look_up(address: dict[str, str], seconds: float) -> None:
    """Read and write as two tenants at once. Check that neither receives a row of the other."""
    name = f"ringotel_tenants_{os.getpid()}"
    with tempfile.TemporaryDirectory(prefix="ringotel-scale-") as folder:
        environ = {
            **os.environ,
            **address,
            "DATABASE": "postgresql",
            "DATABASE_NAME": name,
            "DJANGO_SETTINGS_MODULE": "tests.scale.sites.tenants",
        }
        facts = json.loads(execute(environ, "tests.scale.tenant_data").splitlines()[-1])
        with pgbouncer(address, name, Path(folder)) as port:
            for server in ("machine", "asgi"):
                site = {**environ, "SERVER": server, "PGBOUNCER_PORT": str(port)}
                application = Application(site, Path(folder))
                application.start()
                try:
                    wait_until_healthy(application)
                    found = use(application, facts, time.monotonic() + seconds)
                finally:
                    application.stop()
                total = found.pop("right")
                text = f"{server}: {total} responses to two tenants, wrong ones: {dict(found)}"
                check(total > 100 and not found, text)
        execute(environ, "tests.scale.tenant_data", "delete")


def use(application: Application, facts: dict[str, Any], end: float) -> Counter[str]:
    """Send requests of both tenants until ``end``. Count the right and the wrong responses."""
    counts: Counter[str] = Counter()

    def work(place: int) -> None:
        fact = facts[NAMES[place]]
        client = Client(application.connect(), {"Authorization": fact["key"]})
        for turn in itertools.count():
            if time.monotonic() > end:
                return
            for what, names, expected in requests(client, place, fact["tenant"], turn):
                own = all(name.startswith(NAMES[place]) for name in names)
                counts["right" if own and len(names) == expected else what] += 1

    with ThreadPoolExecutor(2 * CLIENTS) as pool:
        list(pool.map(work, [place for place in (0, 1) for _ in range(CLIENTS)]))
    return counts


def requests(client: Client, place: int, tenant: str, turn: int) -> Any:
    """Yield a name, the last names in the response, and how many there must be."""

    def names(path: str) -> list[str]:
        return [row["last_name"] for row in json.loads(client.call("GET", path))["results"]]

    contact = turn % CONTACTS
    find = "/ringotel/contacts/find/?phone="
    yield "own number", names(find + quote(number(place, contact))), 1
    yield "number of the other", names(find + quote(number(1 - place, contact))), 0
    yield "page", names("/ringotel/contacts/?limit=50"), 50
    if turn % 10 == 0:
        found = names(f"/rows/?tenant={tenant}")
        yield "all rows that the database shows", found, max(CONTACTS, len(found))
        found = names("/ringotel/contacts/")
        yield "complete list", found, max(CONTACTS, len(found))
        phone = number(place, 500_000 + next(ids))
        new = {"first_name": "New", "last_name": f"{NAMES[place]} new", "phone": phone}
        client.call("POST", "/ringotel/contacts/", json.dumps(new))
        yield "new contact", names(find + quote(phone)), 1
