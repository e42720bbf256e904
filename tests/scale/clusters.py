"""PostgreSQL servers in temporary folders, with programs that are installed on this machine."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from tests.benchmarks.server import free_port

PASSWORD = "only-for-tests"
OPTIONS = "listen_addresses = '127.0.0.1'\nunix_socket_directories = ''\nmax_connections = 200\n"


def run_program(program: str, *arguments: str | Path) -> None:
    """Run a program of PostgreSQL, which refuses to be run by root. Prints its output if it
    fails.
    """
    folders = [*sorted(Path("/usr/lib/postgresql").glob("*/bin"))[-1:], os.environ["PATH"]]
    path = shutil.which(program, path=os.pathsep.join(map(str, folders)))
    user = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    command = [*user, path or program, *map(str, arguments)]
    # Servers keep their output open, so it goes to a file.
    with tempfile.TemporaryFile("w+") as output:
        done = subprocess.run(command, cwd="/", stdout=output, stderr=output, check=False)
        if done.returncode:
            output.seek(0)
            raise RuntimeError(f"{program}: {output.read()}")


@contextmanager
def folder() -> Iterator[Path]:
    """Create a folder that the servers may write to."""
    path = Path(tempfile.mkdtemp(prefix="ringotel-scale-"))
    if os.geteuid() == 0:
        shutil.chown(path, "postgres")
    try:
        yield path
    finally:
        shutil.rmtree(path)


@contextmanager
def started(data: Path, options: str) -> Iterator[int]:
    """Run the server of the folder ``data``, and yield its port."""
    port = free_port()
    with open(data / "postgresql.auto.conf", "a") as file:
        file.write(f"{OPTIONS}port = {port}\n{options}")
    run_program("pg_ctl", "start", "-w", "-D", data, "-l", data / "log")
    try:
        yield port
    finally:
        run_program("pg_ctl", "stop", "-w", "-m", "immediate", "-D", data)


@contextmanager
def primary(parent: Path) -> Iterator[dict[str, str]]:
    """Run a server, and yield its address and the user "ringotel" as variables of libpq."""
    data = parent / "primary"
    run_program(
        "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8"
    )
    with started(data, "") as port:
        with psycopg.connect(
            host="127.0.0.1", port=port, user="postgres", dbname="postgres", autocommit=True
        ) as connection:
            connection.execute(f"CREATE ROLE ringotel LOGIN CREATEDB PASSWORD '{PASSWORD}'")
        yield {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(port),
            "PGUSER": "ringotel",
            "PGPASSWORD": PASSWORD,
        }


@contextmanager
def replica(parent: Path, source: dict[str, str], options: str) -> Iterator[int]:
    """Copy the server ``source`` and follow its changes. Yield the port of the replica."""
    data = parent / "replica"
    address = ("-h", source["PGHOST"], "-p", source["PGPORT"], "-U", "postgres")
    run_program("pg_basebackup", *address, "-D", data, "-R", "-c", "fast")
    with started(data, options) as port:
        yield port
