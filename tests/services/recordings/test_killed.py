"""Workers are killed at random: uploads answered with 200 are stored, and no file is left over."""

from __future__ import annotations

import hashlib
import os
import random
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
import requests

import ringotel_crm
from tests.media.audio_samples import sample

pytestmark = [
    pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs /proc"),
    pytest.mark.slow,
]

CALLS, KILLS, TRIES = 24, 8, 40

SETTINGS = """
from __future__ import annotations

from tests.projects.standalone.settings import *

DATABASES = {
    "default": {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": "%(folder)s/db.sqlite3",
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20},
    }
}
MEDIA_ROOT = "%(folder)s/media"
ROOT_URLCONF = "tests.projects.standalone.urls"
WSGI_APPLICATION = None
"""

PREPARE = """
import django
django.setup()
from django.core.management import call_command
call_command("migrate", verbosity=0)
from tests.api import make_token
print(make_token())
"""


def sound(number: int) -> bytes:
    """A different recording per call, of up to 400 kB, which takes some time to store."""
    chooser = random.Random(number)
    return sample("piped.wav") + chooser.randbytes(chooser.randrange(1000, 400_000))


class Site:
    """A site in a folder."""

    def __init__(self, folder: Path) -> None:
        (folder / "killed_settings.py").write_text(SETTINGS % {"folder": folder})
        (folder / "spool").mkdir()
        self.folder = folder
        self.environ = os.environ | {
            "DJANGO_SETTINGS_MODULE": "killed_settings",
            "PYTHONPATH": os.pathsep.join(
                [str(folder), str(Path(ringotel_crm.__file__).parents[1])]
            ),
            "TMPDIR": str(folder / "spool"),
        }
        self.token = self.run("-c", PREPARE).strip()

    def run(self, *arguments: str) -> str:
        """The output of Python with the settings of the site."""
        command = [sys.executable, *arguments]
        return subprocess.run(
            command, env=self.environ, check=True, capture_output=True, text=True
        ).stdout

    @contextmanager
    def serve(self) -> Iterator[tuple[int, int]]:
        """Port and process id of a server with two workers."""
        with socket.create_server(("127.0.0.1", 0)) as listener:
            command = [
                sys.executable,
                "-m",
                "gunicorn",
                "--workers=2",
                "--threads=2",
                "--log-level=critical",
            ]
            command += [f"--bind=fd://{listener.fileno()}", f"--worker-tmp-dir={self.folder}"]
            application = "django.core.wsgi:get_wsgi_application()"
            server = subprocess.Popen(
                [*command, application],
                env=self.environ,
                pass_fds=[listener.fileno()],
                stderr=subprocess.DEVNULL,
            )
            try:
                yield listener.getsockname()[1], server.pid
            finally:
                server.terminate()
                server.wait(20)

    def send(self, port: int, number: int) -> str:
        """Send the recording of a call until it is accepted, and return its hash."""
        data = sound(number)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": "audio/wav"}
        url = f"http://127.0.0.1:{port}/ringotel/activities/recording/?call_id=c-{number}"
        for _try in range(TRIES):
            with suppress(requests.RequestException):
                if requests.post(url, data=data, headers=headers, timeout=10).status_code == 200:
                    return hashlib.sha256(data).hexdigest()
            time.sleep(0.1)
        raise AssertionError("The server did not restart.")

    def rows(self) -> dict[str, tuple[str, str]]:
        """Hash and file of each recording, by call id."""
        tables = "ringotel_crm_recording r JOIN ringotel_crm_activity a ON a.id = activity_id"
        with closing(sqlite3.connect(self.folder / "db.sqlite3")) as database:
            return {
                call: (digest, file)
                for call, digest, file in database.execute(
                    f"SELECT call_id, sha256, file FROM {tables}"
                )
            }

    def files(self) -> set[str]:
        """The names of the stored files."""
        media = self.folder / "media"
        return {str(path.relative_to(media)) for path in media.rglob("*") if path.is_file()}


def test_killed_workers_lose_no_recording(tmp_path: Path) -> None:
    site = Site(tmp_path)
    killed: list[list[str]] = []
    done = threading.Event()

    def kill() -> None:
        chooser = random.Random(7)
        while len(killed) < KILLS and not done.wait(chooser.uniform(0.05, 0.4)):
            workers = Path(f"/proc/{master}/task/{master}/children").read_text().split()
            if workers:
                with suppress(ProcessLookupError):
                    os.kill(int(chooser.choice(workers)), signal.SIGKILL)
                    killed.append(workers)

    with site.serve() as (port, master), ThreadPoolExecutor(4) as senders:
        killer = threading.Thread(target=kill)
        killer.start()
        try:
            hashes = list(senders.map(lambda number: site.send(port, number), range(CALLS)))
        finally:
            done.set()
            killer.join()

    assert killed
    rows = site.rows()
    promised = {f"c-{number}": digest for number, digest in enumerate(hashes)}
    assert {call: digest for call, (digest, _file) in rows.items()} == promised
    for digest, file in rows.values():
        assert hashlib.sha256((tmp_path / "media" / file).read_bytes()).hexdigest() == digest
    site.run("-m", "django", "ringotel_check_recordings", "--delete", "--hours=0")
    assert site.files() == {file for _digest, file in rows.values()}
    assert not list((tmp_path / "spool").iterdir())
