"""Concurrent requests for one object give one row and one answer, and none fails."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier
from typing import Any

import pytest
from django.contrib.contenttypes.models import ContentType
from django.db import connection

from ringotel_crm.minicrm.models import Contact, ContactPhone, Organization
from ringotel_crm.models import Activity, Recording
from tests.api import Api, make_token, read
from tests.factories import at, make_contact, number
from tests.media.audio_samples import sample

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.slow]

CONCURRENT = 12

START = {
    "call_id": "c1",
    "activity_type": "inbound",
    "caller_number": number(1),
    "called_number": "2001",
    "call_start": 1772452800,
}
STOP = {"call_id": "c1", "call_end": 1772452830, "call_duration": 27, "call_cause": "0"}
ADA = {
    "first_name": "Ada",
    "last_name": "Example",
    "phone": number(1),
    "organization": {"name": "Sample Ltd"},
}

Call = Callable[[Api], Any]


def hook(name: str, **data: Any) -> Call:
    return lambda api: api.call(name, data)


def recording(name: str = "pcm.wav") -> Call:
    return lambda api: api.send("UpdateCallRecording", sample(name), "audio/wav", "call_id=c1")


def concurrently(calls: Sequence[Call]) -> list[Any]:
    """Make the calls concurrently, each with its own database connection; return the answers."""
    token = make_token()
    Api(token).results("Users")  # the first use of a key writes its row
    ContentType.objects.get_for_model(Contact)
    barrier = Barrier(len(calls), timeout=20)

    def run(call: Call) -> Any:
        barrier.wait()
        try:
            response = call(Api(token))
            assert response.status_code == 200, read(response)
            return read(response)
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls, timeout=60))


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_same_start() -> None:
    ada = make_contact("Ada Example", number(1))
    answers = concurrently([hook("CreateActivity", **START)] * CONCURRENT)
    call = Activity.objects.get()
    assert answers == [{"id": str(call.pk)}] * CONCURRENT
    assert (call.start, call.contact) == (at(12), ada)


def test_same_stop() -> None:
    answers = concurrently([hook("StopCallActivity", **STOP)] * CONCURRENT)
    call = Activity.objects.get()
    assert answers == [{"id": str(call.pk)}] * CONCURRENT
    assert (call.status, call.end, call.duration) == ("answered", at(12, 0, 30), 27)


def test_same_stop_by_activity_id() -> None:
    call = Activity.objects.create(call_id="c1")
    answers = concurrently(
        [hook("StopCallActivity", **{**STOP, "call_id": "", "id": str(call.pk)})] * CONCURRENT
    )
    assert answers == [{"id": str(call.pk)}] * CONCURRENT


def test_different_ends_of_one_call() -> None:
    Activity.objects.create(call_id="c1")
    concurrently(
        [
            hook("StopCallActivity", **{**STOP, "call_duration": n, "call_cause": str(n)})
            for n in range(CONCURRENT)
        ]
    )
    call = Activity.objects.get()
    assert (call.status, call.duration, call.cause) == ("answered", CONCURRENT - 1, "9")


def test_same_new_contact() -> None:
    answers = concurrently([hook("CreateContact", **ADA)] * CONCURRENT)
    assert len({answer["id"] for answer in answers}) == 1
    assert (
        Contact.objects.count(),
        ContactPhone.objects.count(),
        Organization.objects.count(),
    ) == (1, 1, 1)


def test_new_contacts_of_one_new_organization() -> None:
    concurrently(
        [hook("CreateContact", **{**ADA, "first_name": f"Ada {n}"}) for n in range(CONCURRENT)]
    )
    assert (Contact.objects.count(), Organization.objects.count()) == (CONCURRENT, 1)


def test_same_contact_updated() -> None:
    ada = make_contact("Ada Example", number(1))
    concurrently(
        [
            hook("UpdateContact", id=str(ada.pk), mobile=number(n), job_title="Baker")
            for n in range(CONCURRENT)
        ]
    )
    assert ada.phones.filter(kind="mobile").count() == 1
    assert Contact.objects.get().job_title == "Baker"


def test_same_recording(media_root: Path) -> None:
    answers = concurrently([recording()] * CONCURRENT)
    kept = Recording.objects.get()
    assert [answer["id"] for answer in answers] == [str(kept.activity_id)] * CONCURRENT
    assert len({answer["recording_url"] for answer in answers}) == 1
    assert [path.read_bytes() for path in files(media_root)] == [sample("pcm.wav")]


def test_different_recordings(media_root: Path) -> None:
    names = ["pcm.wav", "mulaw.wav", "alaw.wav", "bare.mp3"] * 3
    concurrently([recording(name) for name in names])
    kept = Recording.objects.get()
    with kept.file.open() as file:
        assert file.read() in [sample(name) for name in names]
    assert [path.name for path in files(media_root)] == [Path(str(kept.file.name)).name]


def test_all_events_of_one_call() -> None:
    ada = make_contact("Ada Example", number(1))
    bea = make_contact("Bea Example")
    calls = [
        hook("CreateActivity", **START),
        hook("StopCallActivity", **STOP),
        hook("UpdateActivity", call_id="c1", subject="Leak"),
        hook("AssignActivity", call_id="c1", contact_id=str(bea.pk)),
        recording(),
        hook("CreateContact", **ADA),
    ]
    answers = concurrently(calls * 2)
    call = Activity.objects.get()
    assert [answer["id"] for answer in answers] == [*[str(call.pk)] * 5, str(ada.pk)] * 2
    assert (call.status, call.subject, call.contact, call.start, call.end) == (
        "answered",
        "Leak",
        bea,
        at(12),
        at(12, 0, 30),
    )
    assert Recording.objects.get().activity == call


def test_different_calls() -> None:
    ids = concurrently(
        [hook("CreateActivity", **{**START, "call_id": f"c{n}"}) for n in range(CONCURRENT)]
    )
    assert len({answer["id"] for answer in ids}) == Activity.objects.count() == CONCURRENT
