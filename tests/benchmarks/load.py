"""Measure FindContact under load: ``python -m tests.benchmarks.load``.

First during slow uploads, long lists, a rebuild of the phone index and large recordings, then with
all hooks mixed at 80 % of the maximum throughput.
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

from tests.benchmarks.__main__ import MEGA, Bench, ids, show, wav_file
from tests.benchmarks.measure import Work
from tests.benchmarks.server import COMMANDS, Client, Server

CLIENTS = 8
CONTACTS = 100_000
RECORDING = "/ringotel/activities/recording/?call_id=long"


def summarize(taken: list[float]) -> dict[str, float]:
    """Return median, 99th percentile and maximum of times in milliseconds, and their count."""
    cuts = quantiles(taken, n=100, method="inclusive")
    return {
        "p50": round(cuts[49], 2),
        "p99": round(cuts[98], 2),
        "longest": round(max(taken), 2),
        "count": len(taken),
    }


def lookups(bench: Bench, seconds: float) -> dict[str, float]:
    """Look up ten callers per second, each on a new connection, as Ringotel does."""
    taken = []
    end = time.perf_counter() + seconds
    while (begun := time.perf_counter()) < end:
        connection = bench.server.connect()
        bench.find(Client(connection, bench.clients["bearer"].headers))()
        connection.close()
        taken.append((time.perf_counter() - begun) * 1000)
        time.sleep(0.1)
    return summarize(taken)


def slow_upload(bench: Bench, done: threading.Event) -> None:
    """Send a kilobyte of a recording every 0.1 s until ``done`` is set."""
    key = bench.clients["bearer"].headers["Authorization"]
    head = (
        "POST /ringotel/activities/recording/?call_id=slow HTTP/1.1\r\n"
        f"Host: 127.0.0.1\r\nAuthorization: {key}\r\n"
        f"Content-Type: audio/wav\r\nContent-Length: {100 * MEGA}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", bench.server.port)) as line:
        line.sendall(head.encode())
        while not done.wait(0.1):
            line.sendall(bytes(1024))


def slow_uploads(bench: Bench, seconds: float, uploads: int = 2) -> dict[str, dict[str, float]]:
    """Measure lookups on an idle site and during slow uploads."""
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
    """Measure lookups while each long request is repeated."""
    key = Client(bench.server.connect(), bench.clients["bearer"].headers)
    recording = wav_file(50)
    works: dict[str, Work] = {
        "during complete lists": lambda: key.consume("/ringotel/contacts/"),
        "during a rebuild of the phone index": lambda: bench.server.manage(module="rebuild"),
        "during uploads of 50 MB": lambda: key.call(
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
    """Choose a hook at random, weighted as in real calls."""
    works = {name: hook(bench.clients["bearer"]) for name, _baseline, hook, _bare in bench.hooks()}
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
    """Call all hooks from all clients for ``seconds`` seconds.

    ``rate`` is the total number of requests per second; None is as fast as possible.
    """
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
            except Exception as error:  # noqa: BLE001 - counts all errors
                errors[repr(error)[:200]] += 1
                bench = Bench(server)
            taken.setdefault(name, []).append((time.perf_counter() - start) * 1000)

    before = server.memory("VmRSS")
    with ThreadPoolExecutor(CLIENTS) as pool:
        list(pool.map(work, range(CLIENTS)))
    all_times = [one for many in taken.values() for one in many]
    return {
        **{name: summarize(many) for name, many in sorted(taken.items())},
        "all": {**summarize(all_times), "per second": round(len(all_times) / seconds)},
        "errors": dict(errors),
        "memory growth MB": round((server.memory("VmRSS") - before) / MEGA, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.load", description=__doc__)
    parser.add_argument("--database", choices=["postgresql", "sqlite"], default="postgresql")
    parser.add_argument("--server", choices=sorted(COMMANDS), default="threads")
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--nginx", help="Path of the nginx program, to measure with nginx too.")
    options = parser.parse_args()
    with Server(options.database, CONTACTS, CONTACTS, SERVER=options.server) as server:
        show(f"{options.server}: FindContact", slow_uploads(Bench(server), 10))
        if options.nginx:
            with server.with_nginx(options.nginx):
                # Without nginx, this many uploads would occupy all threads.
                show(
                    f"{options.server} with nginx: FindContact",
                    slow_uploads(Bench(server), 10, 8),
                )
        show(f"{options.server}: FindContact during other work", concurrent(Bench(server), 20))
        drive(server, 3, None)
        fastest = drive(server, 10, None)
        show(f"{options.server}: all hooks, as fast as possible", fastest)
        most: int = fastest["all"]["per second"]  # type: ignore[index]
        found = drive(server, options.seconds, 0.8 * most)
        show(
            f"{options.server}: all hooks, {round(0.8 * most)} per second for {options.seconds} s",
            found,
        )
        print(json.dumps(found))  # noqa: T201


if __name__ == "__main__":
    main()
