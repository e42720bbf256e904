"""The same request from 16 processes at once, to 8 gunicorn workers with 2 threads each."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization
from ringotel_crm.models import Activity, Recording
from tests.api import make_token
from tests.factories import number
from tests.media.audio_samples import sample
from tests.robustness.live_site import SECONDS, Site, report, serving

pytestmark = [pytest.mark.robustness, pytest.mark.django_db(transaction=True)]

AT_ONCE = 16
ROUNDS = 10
FORK = multiprocessing.get_context("fork")


@pytest.fixture(scope="module")
def server(
    django_db_setup: None, django_db_blocker: Any, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Site]:
    with (
        django_db_blocker.unblock(),
        serving(
            tmp_path_factory.mktemp("site"),
            "--workers=8",
            "--threads=2",
            "--preload",
            "--timeout=60",
        ) as site,
    ):
        yield site


@pytest.fixture
def site(server: Site, transactional_db: None) -> Site:
    server.token = make_token()
    return server


def _send_plan(site: Site, barrier: Any, answers: Any, asked: list[tuple[Any, ...]]) -> None:
    for hook, body, query, content_type in asked:
        barrier.wait(SECONDS)
        answers.put(site.ask(hook, body, query=query, content_type=content_type))


def at_once(site: Site, plans: list[list[tuple[Any, ...]]]) -> list[tuple[int, Any]]:
    """Run each plan in its own process, in step with the others, and return all responses."""
    barrier, answers = FORK.Barrier(AT_ONCE), FORK.Queue()
    processes = [
        FORK.Process(target=_send_plan, args=(site, barrier, answers, plan)) for plan in plans
    ]
    for process in processes:
        process.start()
    found = [answers.get(timeout=4 * SECONDS) for plan in plans for _ in plan]
    for process in processes:
        process.join(SECONDS)
    return found


def request(
    hook: str, body: Any, query: str = "", content_type: str = "application/json"
) -> tuple[Any, ...]:
    return hook, body, query, content_type


def check(
    capsys: pytest.CaptureFixture[str], name: str, site: Site, answers: list[tuple[int, Any]]
) -> None:
    statuses = Counter(status for status, _answer in answers)
    report(
        capsys,
        f"{name}: {len(answers)} requests from {AT_ONCE} processes, answered {dict(statuses)}",
    )
    assert set(statuses) == {200}, (
        site.log.read_text()[-3000:],
        [a for a in answers if a[0] != 200][:3],
    )


def test_concurrent_starts_create_one_call(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    plan = [
        request(
            "CreateActivity",
            {"call_id": f"c{n}", "caller_number": number(n), "called_number": "2001"},
        )
        for n in range(ROUNDS)
    ]
    answers = at_once(site, [plan] * AT_ONCE)
    check(capsys, "CreateActivity", site, answers)
    assert Activity.objects.count() == ROUNDS == len({answer["id"] for _status, answer in answers})


def test_concurrent_stops_create_one_call(site: Site, capsys: pytest.CaptureFixture[str]) -> None:
    plan = [
        request("StopCallActivity", {"call_id": f"c{n}", "call_duration": 27, "call_cause": "0"})
        for n in range(ROUNDS)
    ]
    answers = at_once(site, [plan] * AT_ONCE)
    check(capsys, "StopCallActivity", site, answers)
    assert Activity.objects.count() == ROUNDS == len({answer["id"] for _status, answer in answers})
    assert set(Activity.objects.values_list("status", "duration")) == {("answered", 27)}


def test_concurrent_requests_create_one_contact(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = [
        request(
            "CreateContact",
            {
                "first_name": f"Ada{n}",
                "last_name": "Example",
                "phone": number(n),
                "organization": {"name": f"Sample {n}"},
            },
        )
        for n in range(ROUNDS)
    ]
    answers = at_once(site, [plan] * AT_ONCE)
    check(capsys, "CreateContact", site, answers)
    assert len({answer["id"] for _status, answer in answers}) == ROUNDS
    assert [model.objects.count() for model in (Contact, ContactPhone, Organization)] == [
        ROUNDS
    ] * 3


def test_concurrent_uploads_store_one_recording(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    plan = [
        request("UpdateCallRecording", sample("pcm.wav"), f"call_id=c{n}", "audio/wav")
        for n in range(ROUNDS)
    ]
    answers = at_once(site, [plan] * AT_ONCE)
    check(capsys, "UpdateCallRecording", site, answers)
    assert Activity.objects.count() == Recording.objects.count() == ROUNDS
    assert len({answer["recording_url"] for _status, answer in answers}) == ROUNDS
    files = [path for path in site.media.rglob("*") if path.is_file()]
    assert [path.read_bytes() for path in files] == [sample("pcm.wav")] * ROUNDS


def test_concurrent_events_of_a_call_are_merged(
    site: Site, capsys: pytest.CaptureFixture[str]
) -> None:
    plans = []
    for n in range(ROUNDS):
        ref = {"call_id": f"c{n}"}
        plans.append(
            [
                request(
                    "CreateActivity",
                    {**ref, "caller_number": number(n), "called_number": "2001", "call_start": 1},
                ),
                request(
                    "StopCallActivity",
                    {**ref, "call_end": 30, "call_duration": 27, "call_cause": "0"},
                ),
                request("UpdateActivity", {**ref, "subject": "written"}),
                request("UpdateCallRecording", sample("pcm.wav"), f"call_id=c{n}", "audio/wav"),
            ]
        )
    answers = at_once(site, [[plan[process % 4] for plan in plans] for process in range(AT_ONCE)])
    check(capsys, "All four", site, answers)
    rows = Activity.objects.values_list("status", "duration", "subject", "caller_number").order_by(
        "pk"
    )
    assert sorted(rows) == sorted(("answered", 27, "written", number(n)) for n in range(ROUNDS))
    assert Recording.objects.count() == ROUNDS
