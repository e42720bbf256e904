"""What others do must not keep a caller waiting: ``python -m tests.benchmarks.load [--server ...] [--seconds N]``.

First callers are looked up during slow uploads, and while a long list is sent, the index made anew and a recording
stored; then all hooks are mixed at four fifths of what the site can do.
"""

from __future__ import annotations

import argparse
import json
import random
import socket
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from statistics import quantiles

from tests.benchmarks.__main__ import MEGA, Bench, ids, show, sound
from tests.benchmarks.measure import Work
from tests.benchmarks.server import COMMANDS, Client, Server

CLIENTS = 8
CONTACTS = 100_000
RECORDING = "/ringotel/activities/recording/?call_id=long"


def spread(taken: list[float]) -> dict[str, float]:
    """p50, p99 and the longest, in milliseconds."""
    cuts = quantiles(taken, n=100, method="inclusive")
    return {
        "p50": round(cuts[49], 2),
        "p99": round(cuts[98], 2),
        "longest": round(max(taken), 2),
        "count": len(taken),
    }


def lookups(bench: Bench, seconds: float) -> dict[str, float]:
    """Ten look-ups a second, each on a connection of its own as Ringotel opens them."""
    taken = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        connection = bench.server.connect()
        bench.find(Client(connection, bench.clients["bearer"].headers))()
        connection.close()
        taken.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.1)
    return spread(taken)


def slow_upload(bench: Bench, done: threading.Event) -> None:
    """A kilobyte every tenth of a second, until it is enough."""
    key = bench.clients["bearer"].headers["Authorization"]
    head = (
        f"POST /ringotel/activities/recording/?call_id=slow HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: {key}\r\n"
        f"Content-Type: audio/wav\r\nContent-Length: {100 * MEGA}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", bench.server.port)) as line:
        line.sendall(head.encode())
        while not done.wait(0.1):
            line.sendall(bytes(1024))


def slow_uploads(bench: Bench, seconds: float, uploads: int = 2) -> dict[str, dict[str, float]]:
    """Look-ups on an idle site, and during slow uploads."""
    found = {"alone": lookups(bench, seconds)}
    done = threading.Event()
    with ThreadPoolExecutor(uploads) as pool:
        for _ in range(uploads):
            pool.submit(slow_upload, bench, done)
        try:
            found[f"during {uploads} slow uploads"] = lookups(bench, seconds)
        finally:
            done.set()
    return found


def concurrent(bench: Bench, seconds: float) -> dict[str, dict[str, float]]:
    """Look-ups while something long is done, again and again."""
    key = Client(bench.server.connect(), bench.clients["bearer"].headers)
    recording = sound(50)
    works: dict[str, Work] = {
        "the whole list is sent": lambda: key.consume("/ringotel/contacts/"),
        "the index is made anew": lambda: bench.server.manage(module="rebuild"),
        "recordings of 50 MB come": lambda: key.call(
            "POST", f"{RECORDING}{next(ids)}", recording, "audio/wav"
        ),
    }
    found = {"alone": lookups(bench, seconds)}
    for name, work in works.items():
        done = threading.Event()

        def repeat(work: Work = work, done: threading.Event = done) -> None:
            while not done.is_set():
                work()

        with ThreadPoolExecutor(1) as pool:
            other = pool.submit(repeat)
            try:
                found[name] = lookups(bench, seconds)
            finally:
                done.set()
            other.result()
    return found


def mixed(bench: Bench) -> tuple[str, Work]:
    """A hook by chance, as often as calls need it."""
    works = {name: hook(bench.clients["bearer"]) for name, _floor, hook, _bare in bench.hooks()}
    shares = {
        "FindContact": 40,
        "CreateActivity": 20,
        "StopCallActivity": 20,
        "UpdateActivity": 8,
        "AssignActivity": 4,
    }
    weights = [shares.get(name, 2) for name in works]
    return random.choices(list(works.items()), weights)[0]


def drive(server: Server, seconds: float, rate: float | None) -> dict[str, object]:
    """All clients at once: as fast as they can, or ``rate`` requests a second in all, whoever is late catching up."""
    begun = time.perf_counter()
    errors: Counter[str] = Counter()
    taken: dict[str, list[float]] = {}

    def work(place: int) -> None:
        bench = Bench(server)
        turn = 0
        while (now := time.perf_counter() - begun) < seconds:
            due = now if rate is None else (turn * CLIENTS + place) / rate
            turn += 1
            if due > now:
                time.sleep(due - now)
            name, one = mixed(bench)
            start = time.perf_counter()
            try:
                one()
            except Exception as error:  # noqa: BLE001 - to be counted, whatever it is
                errors[repr(error)[:200]] += 1
                bench = Bench(server)
            taken.setdefault(name, []).append((time.perf_counter() - start) * 1000)

    before = server.memory("VmRSS")
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    everything = [one for many in taken.values() for one in many]
    return {
        **{name: spread(many) for name, many in sorted(taken.items())},
        "all": {**spread(everything), "a second": round(len(everything) / seconds)},
        "errors": dict(errors),
        "memory growth MB": round((server.memory("VmRSS") - before) / MEGA, 1),
    }


def main() -> None:
    """See the head of this module."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--server", choices=sorted(COMMANDS), default="threads")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--nginx", help="The program, to go through it too.")
    options = parser.parse_args()
    with Server(options.database, CONTACTS, CONTACTS, SERVER=options.server) as server:
        show(f"{options.server}: FindContact", slow_uploads(Bench(server), 10))
        if options.nginx:
            with server.behind_nginx(options.nginx):
                # Without nginx as many as there are threads would stop everything.
                show(
                    f"{options.server} behind nginx: FindContact",
                    slow_uploads(Bench(server), 10, 8),
                )
        show(f"{options.server}: FindContact during other work", concurrent(Bench(server), 20))
        drive(server, 3, None)
        fastest = drive(server, 10, None)
        show(f"{options.server}: all hooks, as fast as possible", fastest)
        most: int = fastest["all"]["a second"]  # type: ignore[index]
        found = drive(server, options.seconds, 0.8 * most)
        show(
            f"{options.server}: all hooks, {round(0.8 * most)} a second for {options.seconds} s",
            found,
        )
        print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
