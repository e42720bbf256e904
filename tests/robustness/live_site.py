"""A site served by gunicorn on a free loopback port, with the database of the running test."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from django.db import connection

from tests.api import HOOKS

ROOT = Path(__file__).parents[2]
SECONDS = 60


@dataclass
class Site:
    """A running site, and a client that authenticates with ``token``."""

    port: int
    log: Path
    media: Path
    process: subprocess.Popen[bytes]
    token: str = ""

    def workers(self) -> list[int]:
        """Return the process ids of the workers."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text()
        return [int(id) for id in children.split()]

    def ask(
        self,
        hook: str,
        body: Any = None,
        *,
        query: str = "",
        content_type: str = "application/json",
    ) -> tuple[int, Any]:
        """Call a hook and return status and JSON, or ``(0, None)`` if the connection was lost."""
        method, path = HOOKS[hook]
        if isinstance(body, dict):
            body = json.dumps(body)
        headers = {"Authorization": f"Bearer {self.token}", "Content-Type": content_type}
        line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SECONDS)
        try:
            line.request(method, f"{path}?{query}" if query else path, body, headers)
            response = line.getresponse()
            text = response.read()
        except (OSError, http.client.HTTPException):
            return 0, None
        finally:
            line.close()
        try:
            return response.status, json.loads(text)
        except ValueError:
            return response.status, text[:200]


def report(capsys: pytest.CaptureFixture[str], figures: str) -> None:
    """Print ``figures`` even if pytest captures the output."""
    with capsys.disabled():
        sys.stdout.write(f"\n{figures} ")


@contextmanager
def serving(
    folder: Path, *options: str, environ: Mapping[str, str] | None = None
) -> Iterator[Site]:
    """Serve the site with these options of gunicorn until the context ends."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port = found.getsockname()[1]
    log = folder / "gunicorn.log"
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "tests.robustness.settings",
        "DATABASE_NAME": str(connection.settings_dict["NAME"]),
        "ROBUSTNESS_MEDIA": str(folder / "media"),
        **(environ or {}),
    }
    gunicorn = [sys.executable, "-m", "gunicorn", "tests.robustness.wsgi", "--no-control-socket"]
    command = [*gunicorn, f"--bind=127.0.0.1:{port}", *options]
    with log.open("wb") as output:
        process = subprocess.Popen(
            command, cwd=ROOT, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        site = Site(port, log, folder / "media", process)
        _wait(site)
        yield site
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait(SECONDS)


def _wait(site: Site) -> None:
    until = time.monotonic() + SECONDS
    while site.ask("Users")[0] != 403:
        assert site.process.poll() is None, site.log.read_text()
        assert time.monotonic() < until, site.log.read_text()
        time.sleep(0.1)
