"""Response times of hooks while eight clients guess passwords, with and without rate limits."""

from __future__ import annotations

import base64
import http.client
import statistics
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.api import HOOKS, make_token
from tests.factories import make_contact, number
from tests.robustness.live_site import Site, report, serving

pytestmark = pytest.mark.robustness

GUESSERS = 8


def median(site: Site) -> float:
    """Return the median response time of FindContact in milliseconds."""
    times = []
    for _ in range(60):
        begun = time.perf_counter()
        assert site.ask("FindContact", query=f"phone={number(1)[1:]}")[0] == 200
        times.append((time.perf_counter() - begun) * 1000)
    return statistics.median(times)


@pytest.mark.django_db(transaction=True)
def test_rate_limits_protect_response_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_contact("Ada Example", number(1))
    token = make_token()
    slowed = {}
    for limits, environ in (("without", {"ROBUSTNESS_WITHOUT_RATE_LIMITS": "1"}), ("with", {})):
        folder = tmp_path / limits
        folder.mkdir()
        with serving(folder, "--workers=2", "--threads=4", environ=environ) as site:
            site.token = token
            idle = median(site)
            done, statuses = threading.Event(), Counter[int]()
            guessers = [
                threading.Thread(target=_guess, args=(site, done, statuses))
                for _ in range(GUESSERS)
            ]
            for guesser in guessers:
                guesser.start()
            attacked = median(site)
            done.set()
            for guesser in guessers:
                guesser.join()
        slowed[limits] = attacked / idle
        change = f"FindContact {idle:.1f} -> {attacked:.1f} ms, guesses {dict(statuses)}"
        report(capsys, f"{GUESSERS} guess {limits} rate limits: {change}")
    assert slowed["with"] < slowed["without"]


def _guess(site: Site, done: threading.Event, statuses: Counter[int]) -> None:
    headers = {"Authorization": f"Basic {base64.b64encode(b'agnes:guess').decode()}"}
    while not done.is_set():
        line = http.client.HTTPConnection("127.0.0.1", site.port, timeout=60)
        line.request("GET", HOOKS["Users"][1], headers=headers)
        statuses[line.getresponse().status] += 1
        line.close()
