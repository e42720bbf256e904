"""Data acknowledged with 200 is stored, even if workers are killed or the disk is full."""

from __future__ import annotations

import os
import random
import shlex
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from ringotel_crm.minicrm.models import Contact, ContactPhone
from ringotel_crm.models import Activity, Recording
from tests.api import make_token
from tests.factories import number
from tests.media.audio_samples import sample
from tests.robustness.live_site import Site, report, serving

pytestmark = [pytest.mark.robustness, pytest.mark.django_db(transaction=True)]

CALLERS = 4
SECONDS = float(os.environ.get("ROBUSTNESS_SECONDS", "20"))


class Load:
    """Clients that report calls until the context ends, and the statuses that they received."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.statuses: Counter[int] = Counter()
        self.slowest = 0.0  # seconds, without uploads
        self.acknowledged: dict[str, set[str]] = {
            "start": set(),
            "stop": set(),
            "recording": set(),
            "contact": set(),
        }
        self.stopped = threading.Event()
        self.threads = [threading.Thread(target=self.run, args=(n,)) for n in range(CALLERS)]

    def __enter__(self) -> Load:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_exc: object) -> None:
        self.stopped.set()
        for thread in self.threads:
            thread.join(90)

    def run(self, caller: int) -> None:
        for n in range(100_000):
            call = f"{caller}-{n}"
            if self.stopped.is_set():
                return
            self.ask(
                "start",
                call,
                "CreateActivity",
                {"call_id": call, "caller_number": number(n % 1000)},
            )
            self.ask(
                "recording",
                call,
                "UpdateCallRecording",
                sample("pcm.wav"),
                f"call_id={call}",
                "audio/wav",
            )
            self.ask(
                "stop",
                call,
                "StopCallActivity",
                {"call_id": call, "call_duration": 27, "call_cause": "0"},
            )
            self.ask(
                "contact", call, "CreateContact", {"first_name": call, "phone": number(n % 1000)}
            )

    def ask(
        self,
        what: str,
        call: str,
        hook: str,
        body: Any,
        query: str = "",
        content_type: str = "application/json",
    ) -> None:
        begun = time.monotonic()
        status, _answer = self.site.ask(hook, body, query=query, content_type=content_type)
        if what != "recording":
            self.slowest = max(self.slowest, time.monotonic() - begun)
        self.statuses[status] += 1
        if status == 200:
            self.acknowledged[what].add(call)

    def check(self, capsys: pytest.CaptureFixture[str], name: str) -> None:
        """Check that acknowledged data is complete, and that the site still responds."""
        report(
            capsys, f"{name}: answered {dict(sorted(self.statuses.items()))} (0: connection lost)"
        )
        assert self.statuses[200] > 20
        calls = {row.call_id: row for row in Activity.objects.all()}
        assert self.acknowledged["start"] <= {id for id, row in calls.items() if row.caller_number}
        assert self.acknowledged["stop"] <= {
            id for id, row in calls.items() if (row.status, row.duration) == ("answered", 27)
        }
        assert self.acknowledged["contact"] <= set(
            Contact.objects.values_list("first_name", flat=True)
        )
        # A contact and its number are written in two statements.
        assert Contact.objects.count() == ContactPhone.objects.count()
        kept = dict(Recording.objects.values_list("activity__call_id", "file"))
        assert self.acknowledged["recording"] <= kept.keys()
        # A recording with an incomplete file could not be played.
        assert {(self.site.media / name).read_bytes() for name in kept.values()} <= {
            sample("pcm.wav")
        }
        for what in ("Users", "Contacts"):
            assert self.site.ask(what)[0] == 200


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path


@pytest.fixture
def site(folder: Path) -> Iterator[Site]:
    with serving(folder, "--workers=2", "--threads=2", "--timeout=60", "--preload") as site:
        site.token = make_token()
        yield site


def test_acknowledged_data_survives_killed_workers(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Kill workers with SIGKILL during writes; gunicorn replaces them."""
    chance = random.Random(7)
    killed = 0
    with Load(site) as load:
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            time.sleep(chance.uniform(0.2, 1.5))
            if workers := site.workers():
                with suppress(ProcessLookupError):
                    os.kill(chance.choice(workers), signal.SIGKILL)
                    killed += 1
    load.check(capsys, f"{connection.vendor}: {killed} workers killed")
    assert killed > 5
    assert not (load.statuses.keys() - {200, 0})


def test_acknowledged_data_survives_a_database_restart(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    """Restart the database with the command in ``ROBUSTNESS_RESTART_COMMAND``."""
    command = os.environ.get("ROBUSTNESS_RESTART_COMMAND")
    if not command:
        pytest.skip("Set ROBUSTNESS_RESTART_COMMAND to a command that restarts the database.")
    with Load(site) as load:
        for _restart in range(3):
            time.sleep(SECONDS / 4)
            subprocess.run(shlex.split(command), check=True, capture_output=True, timeout=60)
        time.sleep(3)
        failed = load.statuses.copy()
        time.sleep(SECONDS / 4)
    connection.close()
    load.check(capsys, f"{connection.vendor}: 3 restarts of the database")
    assert load.statuses[500] == failed[500]  # no failures from 3 s after the restart
    assert not (load.statuses.keys() - {200, 500})


def test_uploads_recover_after_a_full_disk(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fill the disk of the recordings, then free it."""
    disk = folder / "media"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "none", str(disk)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("Only who may mount can fill a disk.")
    try:
        with serving(folder, "--workers=2", "--threads=2", "--timeout=60") as site:
            site.token = make_token()
            with Load(site) as load:
                time.sleep(3)
                with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
                    for _ in range(64):
                        filler.write(bytes(2**15))
                time.sleep(SECONDS / 2)
                refused = load.statuses[503]
                (disk / "filler").unlink()
                time.sleep(3)
            load.check(capsys, f"{connection.vendor}: disk full")
            assert refused > 3
            assert not (load.statuses.keys() - {200, 503})
            referred = {
                str(disk / name) for name in Recording.objects.values_list("file", flat=True)
            }
            there = {str(path) for path in disk.rglob("*") if path.is_file()}
            assert referred == there  # no partial files
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def report_30_calls(site: Site, name: str) -> Counter[int]:
    """Report 30 calls and count the statuses."""
    calls = [{"call_id": f"{name}{n}", "comment": "x" * 9000} for n in range(30)]
    return Counter(site.ask("CreateActivity", call)[0] for call in calls)


def test_database_recovers_after_a_full_disk(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Fill the disk of an SQLite database, then free it."""
    if connection.vendor != "sqlite":
        pytest.skip("Requires SQLite.")
    disk = folder / "disk"
    disk.mkdir()
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=6m", "none", str(disk)],
        capture_output=True,
        check=False,
    )
    if done.returncode:
        pytest.skip("Only who may mount can fill a disk.")
    try:
        token = make_token()
        name = disk / "db.sqlite3"
        connection.cursor().execute("VACUUM INTO %s", [str(name)])
        with serving(
            folder,
            "--workers=2",
            "--threads=2",
            "--timeout=60",
            environ={"DATABASE_NAME": str(name)},
        ) as site:
            site.token = token
            with suppress(OSError), (disk / "filler").open("wb", buffering=0) as filler:
                for _ in range(10_000):
                    filler.write(bytes(4096))
            statuses = report_30_calls(site, "full")
            (disk / "filler").unlink()
            after = report_30_calls(site, "after")
            found = site.ask("FindContact", query="phone=1")[0]
        report(capsys, f"sqlite: the database's disk is full: {dict(statuses)}, then {dict(after)}")
        assert (set(after), found) == ({200}, 200)
        assert set(statuses) <= {200, 500, 503}
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)
