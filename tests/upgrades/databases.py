"""Create, dump and load a database of each kind with the tools of its server."""

from __future__ import annotations

import gzip
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ringotel_crm import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
DUMPS = ROOT / "tests/data/databases"
PG = ["--host", os.environ.get("PGHOST", "127.0.0.1"), "--username", "postgres"]
MYSQL = ["--host", os.environ.get("MYSQL_HOST", "127.0.0.1"), "--user", "root"]
TOOLS = {"sqlite": (), "postgresql": ("psql", "pg_dump"), "mariadb": ("mariadb", "mariadb-dump")}
TIMEOUT = 300  # seconds of one command


def has_tools(kind: str) -> bool:
    """Return whether the clients of the database are installed."""
    return all(map(shutil.which, TOOLS[kind]))


def dump_path(kind: str, version: str = __version__) -> Path:
    """Return where the database of a version is kept."""
    return DUMPS / f"{version}.{kind}.gz"


@contextmanager
def new_database(kind: str, folder: Path) -> Iterator[str]:
    """Create an empty database, yield its name, and delete it."""
    name = f"ringotel_upgrade_{os.getpid()}"
    if kind == "sqlite":
        yield str(folder / f"{name}.sqlite3")
        return
    command = ["psql", *PG, "-c"] if kind == "postgresql" else ["mariadb", *MYSQL, "-e"]
    charset = "" if kind == "postgresql" else " CHARACTER SET utf8mb4"
    run([*command, f"CREATE DATABASE {name}{charset}"])
    try:
        yield name
    finally:
        run([*command, f"DROP DATABASE {name}"])


def dump(kind: str, name: str) -> None:
    """Write the database to the file of this version."""
    match kind:
        case "sqlite":
            content = Path(name).read_bytes()
        case "postgresql":
            content = run(["pg_dump", *PG, "--no-owner", "--no-privileges", name])
        case _:
            content = run(["mariadb-dump", *MYSQL, "--skip-dump-date", name])
    DUMPS.mkdir(exist_ok=True)
    dump_path(kind).write_bytes(gzip.compress(content, mtime=0))


def load(kind: str, name: str, path: Path) -> None:
    """Load a file that :func:`dump` has written into an empty database."""
    content = gzip.decompress(path.read_bytes())
    match kind:
        case "sqlite":
            Path(name).write_bytes(content)
        case "postgresql":
            run(["psql", *PG, "--quiet", "--set", "ON_ERROR_STOP=1", name], content)
        case _:
            run(["mariadb", *MYSQL, name], content)


def run_python(kind: str, name: str, *arguments: str) -> bytes:
    """Run Python on the demo site with the database, and return its output."""
    site = {"DATABASE": kind, "DATABASE_NAME": name}
    site["DJANGO_SETTINGS_MODULE"] = "tests.upgrades.settings"
    return run([sys.executable, *arguments], env={**os.environ, **site})


def run(command: list[str], content: bytes = b"", env: dict[str, str] | None = None) -> bytes:
    """Run a command with ``content`` as its input, and return its output."""
    return subprocess.run(
        command,
        input=content,
        env=env,
        cwd=ROOT,
        check=True,
        stdout=subprocess.PIPE,
        timeout=TIMEOUT,
    ).stdout
