"""Three application servers behind nginx, and behind HAProxy, with PostgreSQL and Redis.

While clients call all hooks, one server is killed and started again, one hangs and continues, and
then all are restarted in turn.
"""

from __future__ import annotations

import time
from argparse import Namespace
from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from tests.benchmarks.server import Application, Server, wait_until_healthy
from tests.scale.checks import check, note, p99
from tests.scale.ledger import CUT_OFF, calling
from tests.scale.proxies import behind_haproxy, behind_nginx

CONTACTS = 20_000
SETTINGS = "tests.scale.sites.machines"
# Seconds for which a server hangs: more than HAProxy waits for a response.
HANGING = 15


def run(options: Namespace) -> None:
    seconds = 20.0 if options.full else 3.0
    with Server(
        "postgresql", CONTACTS, CONTACTS, DJANGO_SETTINGS_MODULE=SETTINGS, SERVER="machine"
    ) as server:
        others = [Application(server.environ, server.path) for _ in range(2)]
        for other in others:
            other.start()
        machines = [server, *others]
        try:
            for name, proxy in (
                ("nginx", behind_nginx(machines, machines, server.path)),
                ("HAProxy", behind_haproxy(machines, server.path)),
            ):
                disturb(name, proxy, server, machines, seconds)
        finally:
            for other in others:
                other.stop()


def disturb(
    name: str,
    proxy: AbstractContextManager[int],
    server: Server,
    machines: Sequence[Application],
    seconds: float,
) -> None:
    """Kill, halt and restart servers under load. Check the responses, and the rows afterwards."""
    key = server.facts["bearer"]
    with proxy as port, calling(port, key, CONTACTS, pause=0.2) as ledger:
        time.sleep(seconds)
        machines[1].kill()
        time.sleep(seconds)
        machines[1].start()
        wait_until_healthy(machines[1])
        time.sleep(seconds)
        with machines[2].hanging():
            time.sleep(HANGING)
        time.sleep(seconds)
        for machine in machines:
            machine.stop()
            machine.start()
            wait_until_healthy(machine)
        time.sleep(seconds)
    total = ledger.responses.total()
    find = ledger.milliseconds["FindContact"]
    longest = max(map(max, ledger.milliseconds.values()))
    note(f"{name}: FindContact p99 {p99(find):.0f} ms of {len(find)}; longest {longest:.0f} ms")
    check(
        # A server may be killed after the headers: a proxy cannot repeat the request then.
        ledger.responses.keys() <= {"200", CUT_OFF} and ledger.responses[CUT_OFF] <= 1,
        f"{name}: {total} requests while servers were killed, halted and restarted, "
        f"responses {dict(ledger.responses)}",
    )
    ledger.compare(server.database(), Path(server.path, "media"))
