"""The site on a free port, served as in docs/deployment.rst, and its memory usage."""

from __future__ import annotations

import json
import os
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


class Server:
    """A site with its own database, which is deleted when the context ends."""

    def __init__(self, database: str, contacts: int, calls: int, **environ: str) -> None:
        self.contacts, self.calls = contacts, calls
        self.folder = tempfile.TemporaryDirectory(prefix="ringotel-bench-")
        name = f"ringotel_bench_{os.getpid()}_{contacts}"
        self.environ = {
            **os.environ,
            "DATABASE": database,
            "DATABASE_NAME": name
            if database == "postgresql"
            else str(Path(self.folder.name, f"{name}.sqlite3")),
            "BENCH_FOLDER": self.folder.name,
            "DJANGO_SETTINGS_MODULE": "tests.benchmarks.settings",
            **environ,
        }

    def __enter__(self) -> Server:
        made = self.manage(str(self.contacts), str(self.calls))
        self.facts: dict[str, Any] = json.loads(made.splitlines()[-1])
        self.port = free_port()
        self.log = open(Path(self.folder.name, "log"), "w")
        command = [
            part.format(port=self.port) for part in COMMANDS[self.environ.get("SERVER", "threads")]
        ]
        self.process = subprocess.Popen(
            [sys.executable, "-m", *command], env=self.environ, stderr=self.log
        )
        wait_for(self.port)
        return self

    def __exit__(self, *exc: object) -> None:
        self.process.terminate()
        self.process.wait(60)
        self.log.close()
        self.manage()
        self.folder.cleanup()

    @contextmanager
    def with_nginx(self, program: str) -> Iterator[None]:
        """Serve the site through nginx, configured by nginx.conf, on another port."""
        folder, port, site = (
            Path(self.folder.name),
            self.port,
            (Path(__file__).parent / "nginx.conf").read_text(),
        )
        self.port = free_port()
        site = (
            site.replace("listen 80;", f"listen 127.0.0.1:{self.port};")
            .replace("127.0.0.1:8000", f"127.0.0.1:{port}")
            .replace("127.0.0.1:8001", f"127.0.0.1:{port}")
        )
        paths = "".join(f"{name}_temp_path {folder}/{name};" for name in NGINX_FOLDERS)
        conf = (
            f"daemon off; pid {folder}/pid; events {{}} http {{ access_log off; {paths}\n{site}}}"
        )
        (folder / "nginx.conf").write_text(conf)
        process = subprocess.Popen(
            [program, "-p", folder, "-c", "nginx.conf", "-e", folder / "nginx.log"]
        )
        try:
            wait_for(self.port)
            yield
        finally:
            process.terminate()
            process.wait(20)
            self.port = port

    def manage(self, *arguments: str, module: str = "data") -> str:
        command = [sys.executable, "-m", f"tests.benchmarks.{module}", *arguments]
        return subprocess.run(
            command, env=self.environ, stdout=subprocess.PIPE, text=True, check=True
        ).stdout

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
