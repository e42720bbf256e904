"""Cache, storage and database fail and recover."""

from __future__ import annotations

import signal
import socket
import subprocess
import threading
import time
from contextlib import suppress
from importlib.util import find_spec
from pathlib import Path
from shutil import which

import pytest
from django.db import connection

from ringotel_crm.models import Recording
from tests.api import make_token
from tests.media.audio_samples import sample
from tests.robustness.live_site import serving
from tests.robustness.test_killed_processes import SECONDS, Load

pytestmark = [pytest.mark.robustness, pytest.mark.django_db(transaction=True)]

OPTIONS = ("--workers=2", "--threads=4", "--timeout=60")


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
    return port


@pytest.mark.skipif(
    not (which("redis-server") and find_spec("redis")), reason="Needs Redis and redis-py."
)
def test_calls_succeed_while_the_cache_hangs_and_crashes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    port = free_port()
    command = [
        "redis-server",
        "--bind",
        "127.0.0.1",
        "--port",
        str(port),
        "--save",
        "",
        "--dir",
        str(tmp_path),
    ]
    redis = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        with serving(
            tmp_path, *OPTIONS, environ={"ROBUSTNESS_CACHE": f"redis://127.0.0.1:{port}"}
        ) as site:
            site.token = make_token()
            with Load(site) as load:
                for fault in (signal.SIGSTOP, signal.SIGCONT, signal.SIGKILL):
                    time.sleep(SECONDS / 4)
                    redis.send_signal(fault)
                time.sleep(SECONDS / 4)
            name = f"{connection.vendor}: the cache hangs, recovers and crashes"
            load.check(capsys, f"{name}, slowest {load.slowest:.2f} s")
            assert load.statuses.keys() == {200}
    finally:
        redis.kill()
        redis.wait(60)


def test_calls_succeed_while_the_storage_hangs(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only uploads wait: they have their own server, as in docs/deployment.rst."""
    hangs = tmp_path / "hangs"
    hangs.touch()
    uploads = tmp_path / "uploads"
    uploads.mkdir()
    environ = {
        "ROBUSTNESS_STORAGE": "tests.robustness.hanging.HangingStorage",
        "ROBUSTNESS_MEDIA": str(tmp_path / "media"),
    }
    with serving(tmp_path, *OPTIONS) as site, serving(uploads, *OPTIONS, environ=environ) as other:
        site.token = other.token = make_token()
        answers: list[int] = []

        def upload(n: int) -> None:
            status, _answer = other.ask(
                "UpdateCallRecording",
                sample("pcm.wav"),
                query=f"call_id=u{n}",
                content_type="audio/wav",
            )
            answers.append(status)

        threads = [threading.Thread(target=upload, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        with Load(site) as load:
            time.sleep(SECONDS)
            assert not answers
        hangs.unlink()
        for thread in threads:
            thread.join(60)
        name = f"{connection.vendor}: 8 uploads hang for {SECONDS:.0f} s"
        load.check(capsys, f"{name}, slowest {load.slowest:.2f} s")
    assert load.statuses.keys() == {200}
    assert answers == [200] * 8
    kept = Recording.objects.filter(activity__call_id__startswith="u").values_list(
        "file", flat=True
    )
    assert [(site.media / name).read_bytes() for name in kept] == [sample("pcm.wav")] * 8


class DatabaseProxy:
    """A TCP proxy to the database that can close all connections."""

    def __init__(self) -> None:
        there = connection.settings_dict
        self.there = (
            there["HOST"],
            int(there["PORT"] or {"postgresql": 5432, "mysql": 3306}[connection.vendor]),
        )
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listener.getsockname()[1]
        self.ends: list[socket.socket] = []
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self) -> None:
        with suppress(OSError):
            while True:
                here, _address = self.listener.accept()
                there = socket.create_connection(self.there)
                self.ends += here, there
                for pair in ((here, there), (there, here)):
                    threading.Thread(target=self.forward, args=pair, daemon=True).start()

    def forward(self, source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(2**16):
                target.sendall(data)
        self.close(source, target)

    def cut(self) -> None:
        self.close(*self.ends)

    def close(self, *ends: socket.socket) -> None:
        for end in ends:
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)


def test_requests_succeed_after_database_connections_are_cut(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """As in a failover: requests in progress fail, the next ones succeed."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite has no network connection.")
    proxy = DatabaseProxy()
    with serving(
        tmp_path, *OPTIONS, environ=dict.fromkeys(("PGPORT", "MYSQL_TCP_PORT"), str(proxy.port))
    ) as site:
        site.token = make_token()
        with Load(site) as load:
            for _cut in range(5):
                time.sleep(SECONDS / 6)
                proxy.cut()
            time.sleep(1)
            failed = load.statuses[500]
            time.sleep(SECONDS / 6)
        load.check(capsys, f"{connection.vendor}: every connection cut, 5 times")
        assert load.statuses[500] == failed <= 5 * len(load.threads)
        assert not (load.statuses.keys() - {200, 500})
    proxy.listener.close()
