"""Slow readers, slow writers, and a storage that hangs, behind the documented nginx.

FindContact must respond as if they did not exist: under gunicorn with threads, and under uvicorn
with a pool of eight connections.
"""

from __future__ import annotations

import json
import socket
import threading
from argparse import Namespace
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from functools import partial
from urllib.parse import quote

from tests.benchmarks.__main__ import Bench, wav_file
from tests.benchmarks.load import lookups, slow_upload
from tests.benchmarks.server import Application, Server, wait_until_healthy
from tests.media.audio_samples import sample
from tests.scale.checks import check, note
from tests.scale.proxies import behind_nginx

CONTACTS = 100_000
CLIENTS = 8
MEGABYTES = 50
# Milliseconds in which 99 of 100 lookups must be answered.
MAX_P99 = 250


def run(options: Namespace) -> None:
    seconds = 60 if options.full else 8
    settings = "tests.scale.sites.slow"
    for command in ("machine", "asgi"):
        with Server(
            "postgresql", CONTACTS, 1000, DJANGO_SETTINGS_MODULE=settings, SERVER=command
        ) as server:
            lists = Application(server.environ, server.path)
            lists.start()
            try:
                for application in (server, lists):
                    wait_until_healthy(application)
                with behind_nginx([server], [lists], server.path) as port, server.behind(port):
                    Slow(command, server).run(seconds)
            finally:
                lists.stop()


class Slow:
    """Lookups, and the slow clients of a site."""

    def __init__(self, name: str, server: Server) -> None:
        self.name, self.server = name, server
        self.bench = Bench(server)
        self.client = self.bench.clients["bearer"]
        self.key = server.facts["bearer"]

    def run(self, seconds: float) -> None:
        alone = lookups(self.bench, seconds)
        note(f"{self.name}: FindContact alone: p50 {alone['p50']} ms, p99 {alone['p99']} ms")
        path = self.store_recording()
        list_head = f"GET /ringotel/contacts/ HTTP/1.1\r\nAuthorization: {self.key}\r\n"
        play_head = f"GET {path} HTTP/1.1\r\nCookie: {self.server.facts['cookie']}\r\n"
        for what, work in (
            ("readers of the list of contacts", partial(self.read, list_head)),
            ("readers of a recording", partial(self.read, play_head)),
            ("writers of recordings", self.write),
        ):
            with self.at_once(work):
                self.measure(f"during {CLIENTS} slow {what}", seconds)
        self.hang(seconds)

    def measure(self, when: str, seconds: float) -> None:
        """Check the time of lookups. One that is not answered with 200 raises an exception."""
        found = lookups(self.bench, seconds)
        check(
            found["p99"] < MAX_P99,
            f"{self.name}: FindContact {when}: p50 {found['p50']} ms, p99 {found['p99']} ms,"
            f" all {found['count']} are 200",
        )

    def store_recording(self) -> str:
        """Store a large recording. Return its path."""
        answer = self.client.call(
            "POST",
            "/ringotel/activities/recording/?call_id=large",
            wav_file(MEGABYTES),
            "audio/wav",
        )
        url: str = json.loads(answer)["recording_url"]
        return "/" + url.split("/", 3)[3]

    @contextmanager
    def at_once(self, work: Callable[[int, threading.Event], None]) -> Iterator[None]:
        """Run ``work`` in ``CLIENTS`` threads until the context ends. Raises their exceptions."""
        done = threading.Event()
        with ThreadPoolExecutor(CLIENTS) as pool:
            running = [pool.submit(work, place, done) for place in range(CLIENTS)]
            try:
                yield
            finally:
                done.set()
            for future in running:
                future.result()

    def read(self, head: str, place: int, done: threading.Event) -> None:
        """Read 5 KB per second of a response; every other client pauses after the first."""
        with socket.socket() as line:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            line.connect(("127.0.0.1", self.server.port))
            line.sendall(f"{head}Host: 127.0.0.1\r\n\r\n".encode())
            first = line.recv(512)
            assert first.startswith(b"HTTP/1.1 200"), first
            while not done.wait(0.1):
                if place % 2:
                    assert line.recv(512), "The response was complete too early."

    def write(self, _place: int, done: threading.Event) -> None:
        with suppress(BrokenPipeError, ConnectionResetError):
            slow_upload(self.bench, done)

    def hang(self, seconds: float) -> None:
        """Let the storage hang while recordings are sent. All of them are stored afterwards."""
        switch = self.server.path / "hangs"
        switch.touch()
        with ThreadPoolExecutor(CLIENTS) as pool:
            sent = [pool.submit(self.send_recording, place) for place in range(CLIENTS)]
            try:
                self.measure(f"while the storage hangs for {CLIENTS} recordings", seconds)
                waiting = sum(not future.done() for future in sent)
            finally:
                switch.unlink()
            for future in sent:
                future.result()
        check(waiting == CLIENTS, f"{self.name}: {waiting} recordings waited, and are stored")

    def send_recording(self, place: int) -> None:
        client = Bench(self.server).clients["bearer"]
        query = f"call_id={quote(f'hanging {self.name} {place}')}"
        client.call(
            "POST", f"/ringotel/activities/recording/?{query}", sample("pcm.wav"), "audio/wav"
        )
