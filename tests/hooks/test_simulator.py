"""The simulator, which knows the site by its document only, over real HTTP."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from django.core.management import call_command
from django.core.servers.basehttp import WSGIRequestHandler
from pytest_django.live_server_helper import LiveServer

from ringotel_crm.models import Activity, Recording
from ringotel_crm.simulator.document import HOOKS
from ringotel_crm.simulator.scenarios import SCENARIOS
from tests.factories import columns, make_contact, make_organization, make_user, number

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]


@pytest.fixture(autouse=True)
def _no_waiting_for_full_packets(monkeypatch: pytest.MonkeyPatch) -> None:
    """The test server sends headers and body separately: 40 ms with Nagle's algorithm."""
    monkeypatch.setattr(WSGIRequestHandler, "disable_nagle_algorithm", True)


@pytest.fixture
def company() -> None:
    for n in range(3):
        make_user(f"user{n}", str(2001 + n))
    organization = make_organization("Sample Ltd", phone=number(500))
    for n, name in enumerate(("Ada Example", "Bea Example", "Eva Example", "Ida Example"), start=1):
        make_contact(name, number(n), organization=organization)


def simulate(live_server: LiveServer, folder: Path, auth: str, *options: str) -> str:
    """Return the output of ringotel_simulate. Raises ``CommandError`` if there are problems."""
    path, output = folder / "connect.json", io.StringIO()
    call_command(
        "ringotel_connect",
        auth=auth,
        base_url=live_server.url,
        json=True,
        output=path,
        stderr=io.StringIO(),
    )
    call_command(
        "ringotel_simulate",
        path,
        "--seed",
        "1",
        "--calls",
        str(len(SCENARIOS)),
        *options,
        stdout=output,
    )
    return output.getvalue()


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize("auth", ["bearer", "basic"])
@pytest.mark.parametrize("absent", ["omit", "empty", "null", "placeholder"])
def test_simulated_calls_have_no_problems(
    live_server: LiveServer, tmp_path: Path, auth: str, absent: str
) -> None:
    report = json.loads(
        simulate(live_server, tmp_path, auth, "--absent", absent, "--plus", "mixed", "--json")
    )
    assert report["problems"] == []
    assert {line["hook"] for line in report["lines"]} == {"authentication", *HOOKS}
    assert all(
        set(line["statuses"]) == {"200"}
        for line in report["lines"]
        if line["hook"] != "authentication"
    )
    calls = Activity.objects.all()
    assert len(calls) == len(SCENARIOS)
    assert all(call.end and call.start and call.end >= call.start for call in calls)
    assert not any(call.status in ("ringing", "in_progress") for call in calls)
    assert not any("$" in str(value) for call in calls for value in columns(call).values())
    assert Recording.objects.count() > 0


@pytest.mark.usefixtures("company")
@pytest.mark.parametrize(
    ("plus", "recording"), [("omit", "multipart"), ("encoded", "raw"), ("raw", "base64")]
)
def test_every_plus_and_upload_format_is_accepted(
    live_server: LiveServer, tmp_path: Path, plus: str, recording: str
) -> None:
    assert "All responses match" in simulate(
        live_server, tmp_path, "bearer", "--plus", plus, "--recording", recording
    )
    assert Recording.objects.count() == len(SCENARIOS) - 4  # unanswered calls have none
