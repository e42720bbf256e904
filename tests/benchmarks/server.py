"""The site on a free port, served as in docs/deployment.rst, and its memory usage."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

COMMANDS = {
    "threads": [
        *"gunicorn --bind 127.0.0.1:{port} --workers 2 --threads 4 --timeout 600".split(),
        *"--keep-alive 3600 --no-control-socket tests.benchmarks.wsgi".split(),
    ],
    "machine": [
        *"gunicorn --bind 127.0.0.1:{port} --config python:tests.scale.sites.gunicorn".split(),
        *"--no-control-socket tests.benchmarks.wsgi".split(),
    ],
    "sync": [
        *"gunicorn --bind 127.0.0.1:{port} --workers 2 --timeout 600".split(),
        *"--no-control-socket tests.benchmarks.wsgi".split(),
    ],
    "asgi": [
        *"uvicorn --host 127.0.0.1 --port {port} --log-level warning --no-access-log".split(),
        *"--timeout-keep-alive 3600 tests.benchmarks.asgi:application".split(),
    ],
}


NGINX_FOLDERS = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")


def free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port: int = free.getsockname()[1]
        return port


def wait_for(port: int) -> None:
    """Wait for a server on this port. Raises ``TimeoutError``."""
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port), timeout=5).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise TimeoutError(f"No server on port {port}.")


@contextmanager
def nginx(site: str, folder: Path, program: str = "nginx") -> Iterator[None]:
    """Run nginx with the configuration ``site`` of the context "http"."""
    paths = "".join(f"{name}_temp_path {folder}/{name};" for name in NGINX_FOLDERS)
    user = "user root;" if os.geteuid() == 0 else ""  # who may read the folder
    conf = f"daemon off; {user} pid {folder}/pid; events {{}}"
    conf += f" http {{ access_log off; {paths}\n{site}}}"
    (folder / "nginx.conf").write_text(conf)
    process = subprocess.Popen(
        [program, "-p", folder, "-c", "nginx.conf", "-e", folder / "nginx.log"]
    )
    try:
        yield
    finally:
        process.terminate()
        process.wait(20)


class Application:
    """An application server on a free port, and its memory usage."""

    def __init__(self, environ: dict[str, str], folder: Path) -> None:
        self.environ, self.path = environ, folder
        self.port = free_port()

    def start(self) -> None:
        command = [
            part.format(port=self.port) for part in COMMANDS[self.environ.get("SERVER", "threads")]
        ]
        with open(self.path / "log", "a") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", *command],
                env=self.environ,
                stderr=log,
                start_new_session=True,
            )
        wait_for(self.port)

    def stop(self) -> None:
        """Let the server complete its requests, and wait until it has ended."""
        self.process.terminate()
        self.process.wait(60)

    def kill(self) -> None:
        """Kill all processes of the server, as if its machine stopped."""
        os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait(60)

    @contextmanager
    def hanging(self) -> Iterator[None]:
        """Halt all processes of the server until the context ends: connections are accepted, but
        not answered.
        """
        os.killpg(self.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.killpg(self.process.pid, signal.SIGCONT)

    @contextmanager
    def behind(self, port: int) -> Iterator[None]:
        """Connect to ``port``, that of a proxy, until the context ends."""
        own, self.port = self.port, port
        try:
            yield
        finally:
            self.port = own

    def connect(self) -> HTTPConnection:
        return HTTPConnection("127.0.0.1", self.port, timeout=600)

    def workers(self) -> list[Path]:
        """Return the folders in /proc of the worker processes."""
        children = (
            Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        )
        return [Path("/proc", pid) for pid in children or [str(self.process.pid)]]

    def begin_peak(self) -> int:
        """Reset the peak memory of the workers and return the current memory in bytes."""
        for worker in self.workers():
            (worker / "clear_refs").write_text("5")
        return self.memory("VmRSS")

    def memory(self, field: str = "VmHWM") -> int:
        """Return the memory in bytes of the largest worker, by default its peak."""
        found = []
        for worker in self.workers():
            lines = dict(
                line.split(":")
                for line in (worker / "status").read_text().splitlines()
                if ":" in line[:12]
            )
            found.append(int(lines[field].split()[0]) * 1024)
        return max(found)


def wait_until_healthy(application: Application) -> None:
    """Wait for the first response of a server that was started. Raises ``TimeoutError``."""
    for _ in range(100):
        connection = application.connect()
        try:
            connection.request("GET", "/ringotel/health/")
            if connection.getresponse().status == 200:
                return
        except OSError:
            pass
        finally:
            connection.close()
        time.sleep(0.1)
    raise TimeoutError(f"No response on port {application.port}.")


class Server(Application):
    """A site with its own database, which is deleted when the context ends."""

    def __init__(self, database: str, contacts: int, calls: int, **environ: str) -> None:
        self.contacts, self.calls = contacts, calls
        self.folder = tempfile.TemporaryDirectory(prefix="ringotel-bench-")
        name = f"ringotel_bench_{os.getpid()}_{contacts}"
        settings = {
            **os.environ,
            "DATABASE": database,
            "DATABASE_NAME": name
            if database == "postgresql"
            else str(Path(self.folder.name, f"{name}.sqlite3")),
            "BENCH_FOLDER": self.folder.name,
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
        }
        super().__init__({**settings, **environ}, Path(self.folder.name))

    def __enter__(self) -> Server:
        made = self.manage(str(self.contacts), str(self.calls))
        self.facts: dict[str, Any] = json.loads(made.splitlines()[-1])
        self.start()
        return self

    def __exit__(self, *exc: object) -> None:
        self.stop()
        self.manage()
        self.folder.cleanup()

    @contextmanager
    def with_nginx(self, program: str) -> Iterator[None]:
        """Serve the site through nginx, configured by nginx.conf, on another port."""
        port = free_port()
        site = (
            (Path(__file__).parent / "nginx.conf")
            .read_text()
            .replace("listen 80;", f"listen 127.0.0.1:{port};")
            .replace("127.0.0.1:8000", f"127.0.0.1:{self.port}")
            .replace("127.0.0.1:8001", f"127.0.0.1:{self.port}")
        )
        with nginx(site, self.path, program), self.behind(port):
            wait_for(port)
            yield

    def database(self) -> dict[str, Any]:
        """Return the parameters of psycopg for the database."""
        return {
            "host": self.environ.get("PGHOST", "127.0.0.1"),
            "port": self.environ.get("PGPORT", "5432"),
            "user": self.environ.get("PGUSER", "postgres"),
            "password": self.environ.get("PGPASSWORD", ""),
            "dbname": self.environ["DATABASE_NAME"],
        }

    def manage(self, *arguments: str, module: str = "data") -> str:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
        return subprocess.run(
            command, env=self.environ, stdout=subprocess.PIPE, text=True, check=True
        ).stdout


class Client:
    """A persistent connection with default headers."""

    def __init__(self, connection: HTTPConnection, headers: dict[str, str] | None = None) -> None:
        self.connection = connection
        self.headers = headers or {}

    def call(
        self, method: str, path: str, body: Any = None, content_type: str = "application/json"
    ) -> bytes:
        """Return the body of a response, which must be a 200."""
        headers = {**self.headers, **({"Content-Type": content_type} if body is not None else {})}
        self.connection.request(method, path, body, headers)
        response = self.connection.getresponse()
        answer = response.read()
        assert response.status == 200, (path, response.status, answer[:500])
        return answer

    def consume(self, path: str) -> int:
        """Read a streamed response and return its number of bytes."""
        self.connection.request("GET", path, headers=self.headers)
        response = self.connection.getresponse()
        assert response.status == 200, path
        return sum(map(len, iter(lambda: response.read(1 << 20), b"")))
