from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parent.parent
TIMEOUT = 180


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("demo")
    run_demo(folder)
    return folder


def run_demo(folder: Path) -> None:
    """Play yesterday's calls."""
    environment = {**os.environ, "DEMO_DIR": str(folder), "PYTHONPATH": str(ROOT)}
    environment["DJANGO_SETTINGS_MODULE"] = "demo_project.settings"
    command = [sys.executable, "manage.py", "demo", "--once", "--port", "0"]
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=TIMEOUT)


def rows(folder: Path, query: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(folder / "db.sqlite3", isolation_level=None)) as connection:
        return connection.execute(query).fetchall()


def test_demo_shows_every_status(folder: Path) -> None:
    statuses = rows(folder, "SELECT DISTINCT status FROM ringotel_crm_activity")
    assert {status for (status,) in statuses} == {
        "answered",
        "missed",
        "voicemail",
        "busy",
        "failed",
        "unknown",
    }


def test_recordings_of_the_demo_are_as_long_as_the_calls(folder: Path) -> None:
    lengths = rows(
        folder,
        "SELECT seconds, duration FROM ringotel_crm_recording AS recording "
        "JOIN ringotel_crm_activity AS call ON call.id = activity_id",
    )
    assert len(lengths) > 20
    assert all(seconds == duration for seconds, duration in lengths)


@pytest.mark.parametrize(
    "model", ["callleg", "note", "followup", "message", "callback", "callsubject"]
)
def test_demo_has_rows_of(folder: Path, model: str) -> None:
    assert rows(folder, f"SELECT id FROM ringotel_crm_{model}")


def test_second_start_continues_with_the_same_data(folder: Path) -> None:
    query = (
        "SELECT (SELECT count(*) FROM ringotel_crm_activity),"
        " (SELECT count(*) FROM ringotel_minicrm_contact),"
        " (SELECT count(*) FROM ringotel_crm_note),"
        " (SELECT count(*) FROM ringotel_crm_message)"
    )
    # A killed run leaves a call open.
    rows(folder, "UPDATE ringotel_crm_activity SET status = 'ringing' WHERE id = 1")
    before = rows(folder, query)

    run_demo(folder)

    assert rows(folder, query) == before
    assert not rows(folder, "SELECT id FROM ringotel_crm_activity WHERE status = 'ringing'")
