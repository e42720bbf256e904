"""``ringotel_pull_calls``: gaps are filled, no known call is doubled, what is not clear is reported."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ringotel_crm.backends import get_backend
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, CallLeg, Checkpoint
from ringotel_crm.records import Actor, CallEnd, CallRef, CallStart
from ringotel_crm.services.calls.legs import log_leg
from ringotel_crm.services.calls.lifecycle import start_call, stop_call
from ringotel_crm.testing import Fault, RingotelServer
from tests.factories import make_contact, make_user, number

COLUMNS = [column.attname for column in Activity._meta.concrete_fields]
BARE = "442079460001"
WHEN = timezone.now().replace(microsecond=0) - dt.timedelta(hours=3)


@pytest.fixture(autouse=True)
def people(db: None) -> None:
    make_user("una", "500")
    make_user("kim", "501")
    make_contact("Ada Example", number(1))


def past(
    seconds: float = 0, d: int = 27, a: str = BARE, b: str = "500", o: bool = False, **others: Any
) -> dict[str, Any]:
    """A row of the history that began so long after :data:`WHEN`."""
    return {
        "a": a,
        "b": b,
        "c": "16" if d else "19",
        "t": int((WHEN.timestamp() + seconds) * 1000),
        "d": d,
        "o": o,
        **others,
    }


def known(
    call_id: str = "c1",
    seconds: float = 0,
    extension: str = "500",
    caller: str = BARE,
    talk: int | None = 27,
) -> Activity:
    """A call that a webhook told of; with ``talk`` also how it ended."""
    start = CallStart(
        call_id=call_id,
        direction="inbound",
        caller_number=caller,
        called_number=extension,
        start=WHEN + dt.timedelta(seconds=seconds),
        extension=extension,
    )
    end = (
        None
        if talk is None
        else CallEnd(end=WHEN + dt.timedelta(seconds=seconds + 40), duration=talk, cause="0")
    )
    return log_leg(get_backend(Actor(user=None)), start, end)


def pull(*args: str) -> tuple[dict[str, int], str]:
    """What became of the calls, and what was reported."""
    output, errors = io.StringIO(), io.StringIO()
    call_command("ringotel_pull_calls", *args, stdout=output, stderr=errors)
    counts = dict(pair.split(": ") for pair in output.getvalue().strip().split(", "))
    return {name: int(count) for name, count in counts.items() if count != "0"}, errors.getvalue()


def test_a_call_that_nobody_told_of_is_logged_once(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(), past(600, 0, a="500", b="447700900009", o=True)]

    assert pull() == ({"added": 2}, "")
    assert pull() == ({"known": 2}, "")
    first, second = Activity.objects.order_by("start")
    assert (first.direction, first.status, first.duration, first.cause) == (
        "inbound",
        "answered",
        27,
        "16",
    )
    assert (first.contact_name, first.agent_name, first.start) == ("Ada Example", "una", WHEN)
    assert (second.direction, second.status, second.called_e164) == (
        "outbound",
        "missed",
        "+447700900009",
    )


def test_what_was_erased_does_not_come_back(ringotel: RingotelServer) -> None:
    known()
    ringotel.calls = [past(), past(300), past(2, a="447700900009", b="501")]
    assert pull()[0] == {"known": 1, "added": 2}
    call_command(
        "ringotel_erase_person", "--contact", str(Contact.objects.get().pk), stdout=io.StringIO()
    )

    assert pull("--since", "1d") == ({"known": 3}, "")
    assert sorted(Activity.objects.values_list("caller_number", flat=True)) == [
        "",
        "",
        "447700900009",
    ]


@pytest.mark.parametrize(
    ("call", "row"),
    [
        ({}, {}),
        ({}, {"seconds": 0.7}),
        ({}, {"seconds": 45}),
        ({}, {"seconds": -45}),
        ({"caller": "+44 20 7946 0001"}, {}),
        ({"caller": "anonymous"}, {"a": "anonymous"}),
        ({}, {"b": "35312345678"}),
        ({"talk": 0}, {"d": 0}),
    ],
    ids=repr,
)
def test_a_known_call_stays_as_it_is(
    ringotel: RingotelServer, call: dict[str, Any], row: dict[str, Any]
) -> None:
    known(**call)
    before = Activity.objects.values(*COLUMNS).get()
    ringotel.calls = [past(**row)]

    assert pull() == ({"known": 1}, "")
    assert Activity.objects.values(*COLUMNS).get() == before


@pytest.mark.parametrize(
    "row",
    [
        {"seconds": 90},
        {"a": "442079460002"},
        {"b": "501", "seconds": 30},
        {"a": "500", "b": BARE, "o": True},
    ],
    ids=repr,
)
def test_another_call_is_another_call(ringotel: RingotelServer, row: dict[str, Any]) -> None:
    known()
    ringotel.calls = [past(**row)]

    assert pull() == ({"added": 1}, "")
    assert Activity.objects.count() == 2


def test_an_end_that_was_lost_is_found(ringotel: RingotelServer) -> None:
    known(talk=None)
    ringotel.calls = [past(0.4)]

    assert pull() == ({"completed": 1}, "")
    call = Activity.objects.get()
    assert (call.status, call.duration, call.start, call.caller_number) == (
        "answered",
        27,
        WHEN,
        BARE,
    )
    assert call.legs.get().status == CallLeg.Status.ANSWERED
    assert pull() == ({"known": 1}, "")


def test_an_end_of_a_call_without_phones_is_found(ringotel: RingotelServer) -> None:
    backend = get_backend(Actor(user=None))
    start_call(
        backend, CallStart(call_id="c1", direction="inbound", caller_number=BARE, start=WHEN)
    )
    ringotel.calls = [past(b="35312345678", d=0)]

    assert pull() == ({"completed": 1}, "")
    assert Activity.objects.get().status == "missed"
    stop_call(backend, CallRef(call_id="c1"), CallEnd(duration=5, cause="0"))
    assert Activity.objects.get().status == "answered"


def test_who_redials_has_made_two_calls(ringotel: RingotelServer) -> None:
    known("first", talk=0)
    ringotel.calls = [past(40), past(0, 0)]

    assert pull() == ({"known": 1, "added": 1}, "")
    assert sorted(Activity.objects.values_list("status", flat=True)) == ["answered", "missed"]


def test_what_fits_several_calls_is_reported_and_left_alone(ringotel: RingotelServer) -> None:
    known("first", -20)
    known("second", 20)
    ringotel.calls = [past()]

    counts, errors = pull()
    assert counts == {"ambiguous": 1}
    assert "Fits several calls" in errors
    assert BARE not in errors
    assert Activity.objects.count() == 2
    assert pull() == ({"ambiguous": 1}, "")  # once is enough for cron
    assert "Fits several calls" in pull("--since", "4h")[1]


def test_a_ring_group_that_nobody_told_of_is_one_call(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(0, 0, b="501"), past(0, 27, b="500")]

    assert pull() == ({"added": 1, "completed": 1}, "")
    call = Activity.objects.get()
    assert (call.status, call.agent_name, call.legs.count()) == ("answered", "una", 2)
    assert pull() == ({"known": 2}, "")


def test_the_phones_of_a_group_need_not_ring_in_the_same_moment(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(0.01 * i, 27 if i == 2 else 0, b=f"50{i}") for i in range(4)]

    assert pull() == ({"added": 1, "completed": 3}, "")
    assert pull() == ({"known": 4}, "")
    call = Activity.objects.get()
    assert (call.status, call.extension, call.legs.count()) == ("answered", "502", 4)


def test_a_known_call_whose_phones_rang_one_after_the_other(ringotel: RingotelServer) -> None:
    for i in range(5):
        begin = WHEN + dt.timedelta(seconds=20 * i)
        start = CallStart(
            call_id="c1", caller_number=BARE, start=begin, extension=f"50{i}", direction="inbound"
        )
        log_leg(
            get_backend(Actor(user=None)),
            start,
            CallEnd(end=begin, duration=30 * (i == 4), cause="16"),
        )
    ringotel.calls = [past(20 * i, 30 * (i == 4), b=f"50{i}") for i in range(5)]

    assert pull() == ({"known": 5}, "")
    assert Activity.objects.count() == 1


def test_both_ends_of_a_call_between_two_of_ours(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(a="500", b="501", o=True), past(a="500", b="501")]

    assert pull() == ({"added": 1, "completed": 1}, "")
    call = Activity.objects.get()
    assert (call.direction, call.caller_number, call.called_number, call.legs.count()) == (
        "internal",
        "500",
        "501",
        2,
    )


def test_a_call_that_is_told_of_after_it_was_found_is_not_there_twice(
    ringotel: RingotelServer,
) -> None:
    ringotel.calls = [past()]
    pull()
    known("late", 0.2)

    assert pull() == ({"known": 1}, "")
    assert Activity.objects.get().call_id == "late"


def test_what_people_wrote_is_not_thrown_away(ringotel: RingotelServer) -> None:
    ringotel.calls = [past()]
    pull()
    Activity.objects.update(comment="Calls back.")
    known("late")

    assert pull()[0] == {"ambiguous": 1}
    counts, errors = pull("--since", "4h")
    assert counts == {"ambiguous": 1}
    assert "Fits several calls" in errors
    assert Activity.objects.count() == 2


def test_it_goes_on_where_it_ended(ringotel: RingotelServer) -> None:
    ringotel.faults.extend([None, Fault.RESET, Fault.RESET, Fault.RESET])
    with pytest.raises(CommandError, match="no answer to getCalls"):
        pull("--since", "3d")
    assert not Checkpoint.objects.filter(
        name="history"
    ).exists()  # a look back is not the beginning of the next

    pull()
    pull()
    *_others, last, now = [params for _method, params in ringotel.requests]
    assert now["end"] >= last["end"]
    assert (
        now["begin"] == last["end"] - 240 * 60_000
    )  # a call is found when it is over, under the time it began


@pytest.mark.parametrize("since", ["90m", "12h", "7d", "2026-03-02", "2026-03-02T12:00:00Z"])
def test_since(ringotel: RingotelServer, since: str) -> None:
    pull("--since", since)
    begins = [params["begin"] for _method, params in ringotel.requests]

    assert begins == sorted(set(begins))
    assert all(
        later["begin"] == earlier["end"]
        for (_, earlier), (_, later) in zip(ringotel.requests, ringotel.requests[1:], strict=False)
    )


@pytest.mark.parametrize("since", ["yesterday", "", "5w", "-1d", "999999d"])
def test_since_what(ringotel: RingotelServer, since: str) -> None:
    with pytest.raises((CommandError, SystemExit)):
        pull(f"--since={since}")
    assert ringotel.requests == []


def test_ringotel_is_not_set_up() -> None:
    with pytest.raises(CommandError, match="RINGOTEL_API_KEY"):
        pull()
