"""Proxies and poolers, with the configuration files of docs/scale.rst."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.benchmarks.server import Application, free_port, nginx, wait_for

FOLDER = Path(__file__).parent
ADDRESSES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")


def read(path: Path, replaced: Mapping[str, str]) -> str:
    """Return the text of a configuration file with the addresses of this machine.

    Raises ``ValueError`` if the file does not have one of those to be replaced.
    """
    text = path.read_text()
    for old, new in replaced.items():
        if old not in text:
            raise ValueError(f"{path.name} does not contain {old}.")
        text = text.replace(old, new)
    return text


@contextmanager
def behind_nginx(
    calls: Sequence[Application], lists: Sequence[Application], folder: Path
) -> Iterator[int]:
    """Serve the sites through nginx, and yield its port. One or three of each are required."""
    port = free_port()
    site = read(
        FOLDER.parent / "benchmarks" / "nginx.conf", {"listen 80;": f"listen 127.0.0.1:{port};"}
    )
    if len(calls) == 1:
        site = site.replace("127.0.0.1:8000", f"127.0.0.1:{calls[0].port}")
        site = site.replace("127.0.0.1:8001", f"127.0.0.1:{lists[0].port}")
    else:
        servers = {
            f"{address}:{number}": f"127.0.0.1:{application.port}"
            for number, applications in ((8000, calls), (8001, lists))
            for address, application in zip(ADDRESSES, applications, strict=True)
        }
        before, _upstreams, rest = site.partition("upstream calls")
        after = rest[rest.index("server {\n    listen") :]
        site = f"{before}{read(FOLDER / 'nginx_upstreams.conf', servers)}{after}"
    with nginx(site, folder):
        wait_for(port)
        yield port


@contextmanager
def behind_haproxy(applications: Sequence[Application], folder: Path) -> Iterator[int]:
    """Serve the site through HAProxy, and yield its port."""
    port = free_port()
    servers = {
        f"{address}:8000": f"127.0.0.1:{application.port}"
        for address, application in zip(ADDRESSES, applications, strict=True)
    }
    own = {"10.0.0.10:80": f"127.0.0.1:{port}", "crm.example.com": "127.0.0.1"}
    path = folder / "haproxy.cfg"
    path.write_text(read(FOLDER / "haproxy.cfg", servers | own))
    with open(folder / "haproxy.log", "w") as log:
        process = subprocess.Popen(["haproxy", "-db", "-f", path], stdout=log, stderr=log)
    try:
        wait_for(port)
        yield port
    finally:
        process.terminate()
        process.wait(20)


@contextmanager
def pgbouncer(address: Mapping[str, str], database: str, folder: Path) -> Iterator[int]:
    """Run PgBouncer in front of a PostgreSQL server, and yield its port."""
    port = free_port()
    replaced = {
        "ringotel = ": f"{database} = ",
        "host=10.0.0.20 port=5432": f"host={address['PGHOST']} port={address['PGPORT']}",
        "listen_port = 6432": f"listen_port = {port}",
        "userlist.txt": str(folder / "userlist.txt"),
    }
    (folder / "userlist.txt").write_text(f'"{address["PGUSER"]}" "{address["PGPASSWORD"]}"\n')
    path = folder / "pgbouncer.ini"
    path.write_text(read(FOLDER / "pgbouncer.ini", replaced))
    user: list[str] = []
    if os.geteuid() == 0:  # PgBouncer refuses to be run by root
        user = ["runuser", "-u", "postgres", "--"]
        folder.chmod(0o755)
    with open(folder / "pgbouncer.log", "w") as log:
        process = subprocess.Popen(
            [*user, "pgbouncer", path], cwd="/", stdout=log, stderr=log, start_new_session=True
        )
    try:
        wait_for(port)
        yield port
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(20)
