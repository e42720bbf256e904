"""``ringotel_pull_calls``: missing calls are logged, none twice, and ambiguous ones reported."""

from __future__ import annotations

import datetime as dt
import io
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from ringotel_crm.backends import get_backend
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, CallLeg, Checkpoint, RingotelUser
from ringotel_crm.records import Actor, CallEnd, CallRef, CallStart
from ringotel_crm.services.calls.legs import log_leg
from ringotel_crm.services.calls.lifecycle import start_call, stop_call
from ringotel_crm.testing import Fault, RefusalShape, RingotelServer
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
    """Return a row of the history that began ``after`` :data:`WHEN`."""
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
    """A call that a webhook reported; with ``talk`` also its end."""
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
    """Return the counts that are not zero, and the error output."""
    output, errors = io.StringIO(), io.StringIO()
    call_command("ringotel_pull_calls", *args, stdout=output, stderr=errors)
    counts = dict(pair.split(": ") for pair in output.getvalue().strip().split(", "))
    return {name: int(count) for name, count in counts.items() if count != "0"}, errors.getvalue()


def test_unlogged_call_is_logged_once(ringotel: RingotelServer) -> None:
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


def test_erased_call_does_not_come_back(ringotel: RingotelServer) -> None:
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
def test_logged_call_is_not_changed(
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
def test_entry_that_differs_is_another_call(ringotel: RingotelServer, row: dict[str, Any]) -> None:
    known()
    ringotel.calls = [past(**row)]

    assert pull() == ({"added": 1}, "")
    assert Activity.objects.count() == 2


def test_missing_end_is_filled_in(ringotel: RingotelServer) -> None:
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


def test_missing_end_of_a_call_without_legs_is_filled_in(ringotel: RingotelServer) -> None:
    backend = get_backend(Actor(user=None))
    start_call(
        backend, CallStart(call_id="c1", direction="inbound", caller_number=BARE, start=WHEN)
    )
    ringotel.calls = [past(b="35312345678", d=0)]

    assert pull() == ({"completed": 1}, "")
    assert Activity.objects.get().status == "missed"
    stop_call(backend, CallRef(call_id="c1"), CallEnd(duration=5, cause="0"))
    assert Activity.objects.get().status == "answered"


def test_redial_within_a_minute_is_another_call(ringotel: RingotelServer) -> None:
    known("first", talk=0)
    ringotel.calls = [past(40), past(0, 0)]

    assert pull() == ({"known": 1, "added": 1}, "")
    assert sorted(Activity.objects.values_list("status", flat=True)) == ["answered", "missed"]


def test_entry_that_fits_several_calls_is_reported_and_skipped(ringotel: RingotelServer) -> None:
    known("first", -20)
    known("second", 20)
    ringotel.calls = [past()]

    counts, errors = pull()
    assert counts == {"ambiguous": 1}
    assert "Ambiguous, skipped" in errors
    assert BARE not in errors
    assert Activity.objects.count() == 2
    assert pull() == ({"ambiguous": 1}, "")  # once is enough for cron
    assert "Ambiguous, skipped" in pull("--since", "4h")[1]


def test_unlogged_ring_group_is_one_call(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(0, 0, b="501"), past(0, 27, b="500")]

    assert pull() == ({"added": 1, "completed": 1}, "")
    call = Activity.objects.get()
    assert (call.status, call.agent_name, call.legs.count()) == ("answered", "una", 2)
    assert pull() == ({"known": 2}, "")


def test_phones_of_a_group_may_ring_at_different_times(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(0.01 * i, 27 if i == 2 else 0, b=f"50{i}") for i in range(4)]

    assert pull() == ({"added": 1, "completed": 3}, "")
    assert pull() == ({"known": 4}, "")
    call = Activity.objects.get()
    assert (call.status, call.extension, call.legs.count()) == ("answered", "502", 4)


def test_logged_call_may_have_rung_on_one_phone_after_the_other(ringotel: RingotelServer) -> None:
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


def test_internal_call_has_both_ends_in_the_history(ringotel: RingotelServer) -> None:
    ringotel.calls = [past(a="500", b="501", o=True), past(a="500", b="501")]

    assert pull() == ({"added": 1, "completed": 1}, "")
    call = Activity.objects.get()
    assert (call.direction, call.caller_number, call.called_number, call.legs.count()) == (
        "internal",
        "500",
        "501",
        2,
    )


def test_call_that_is_reported_after_it_was_pulled_is_one_call(
    ringotel: RingotelServer,
) -> None:
    ringotel.calls = [past()]
    pull()
    known("late", 0.2)

    assert pull() == ({"known": 1}, "")
    assert Activity.objects.get().call_id == "late"


def test_call_with_notes_of_staff_is_not_deleted(ringotel: RingotelServer) -> None:
    ringotel.calls = [past()]
    pull()
    Activity.objects.update(comment="Calls back.")
    known("late")

    assert pull()[0] == {"ambiguous": 1}
    counts, errors = pull("--since", "4h")
    assert counts == {"ambiguous": 1}
    assert "Ambiguous, skipped" in errors
    assert Activity.objects.count() == 2


def test_run_continues_where_the_last_one_ended(ringotel: RingotelServer) -> None:
    ringotel.faults.extend([None, Fault.RESET, Fault.RESET, Fault.RESET])
    with pytest.raises(CommandError, match="did not answer getCalls"):
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
def test_since_is_a_time_or_an_age(ringotel: RingotelServer, since: str) -> None:
    pull("--since", since)
    begins = [params["begin"] for _method, params in ringotel.requests]

    assert begins == sorted(set(begins))
    assert all(
        later["begin"] == earlier["end"]
        for (_, earlier), (_, later) in zip(ringotel.requests, ringotel.requests[1:], strict=False)
    )


@pytest.mark.parametrize("since", ["yesterday", "", "5w", "-1d", "999999d", "0"])
def test_invalid_since_is_refused(ringotel: RingotelServer, since: str) -> None:
    with pytest.raises((CommandError, SystemExit)):
        pull(f"--since={since}")
    assert ringotel.requests == []


def test_missing_key_is_reported() -> None:
    with pytest.raises(CommandError, match="RINGOTEL_API_KEY"):
        pull()


class TestMachines:
    def test_parking_slots_take_no_calls(self, ringotel: RingotelServer) -> None:
        make_user("slot", "5901")
        ringotel.add_user("Park 1", "5901", status=-2, state=-1)
        ringotel.calls = [
            past(a="500", b="5901", o=True),
            past(60, b="5901"),
            past(120, a="5901", b="500"),
        ]

        assert pull() == ({"ignored": 3}, "")
        assert not Activity.objects.exists()

    def test_calls_of_an_ai_agent_belong_to_no_user(self, ringotel: RingotelServer) -> None:
        make_user("robot", "9010")
        ringotel.add_user("AI agent", "9010", id="9")
        ringotel.agents = [{"id": "8", "userid": "9", "extension": "9010"}]
        ringotel.calls = [past(b="9010"), past(600, a="500", b="9010", o=True)]

        assert pull() == ({"added": 2}, "")
        first, second = Activity.objects.order_by("start")
        assert (first.direction, first.status, first.agent_id) == ("inbound", "answered", "")
        assert (second.direction, second.agent_name) == ("internal", "una")

    def test_call_on_an_attached_extension_belongs_to_its_owner(
        self, ringotel: RingotelServer
    ) -> None:
        owner = RingotelUser.objects.create(ringotel_id="1", extension="500")
        RingotelUser.objects.create(ringotel_id="2", extension="511", owner=owner)
        ringotel.calls = [past(b="511"), past(600, a="501", b="511", o=True)]
        pull()

        first, second = Activity.objects.order_by("start")
        assert (first.extension, first.agent_name) == ("511", "una")
        assert second.direction == "internal"

    @pytest.mark.parametrize("shape", RefusalShape)
    def test_key_without_permission_for_users_pulls_calls_nevertheless(
        self, ringotel: RingotelServer, shape: RefusalShape
    ) -> None:
        ringotel.refusal, ringotel.refusals["getUsers"] = shape, "No permission"
        ringotel.calls = [past()]

        assert pull() == ({"added": 1}, "")


class TestGaps:
    def report(self, ringotel: RingotelServer, **provision: Any) -> tuple[str, str]:
        ringotel.branches[0]["provision"] = provision
        output, errors = io.StringIO(), io.StringIO()
        options = ["--since", "1d", "--report-missing"]
        call_command("ringotel_pull_calls", *options, stdout=output, stderr=errors)
        return output.getvalue().splitlines()[-1], errors.getvalue()

    def test_call_that_the_history_lacks_is_reported(self, ringotel: RingotelServer) -> None:
        known("c1")
        known("c2", 600)
        ringotel.calls = [past()]

        line, errors = self.report(ringotel)
        assert line == "not in the history: 1, explained by the connection: 0"
        assert errors.startswith("Not in the history: ")
        assert BARE not in errors

    @pytest.mark.parametrize(
        ("talk", "option", "explained"),
        [
            (0, {"nologmc": True}, 1),
            (0, {"nologae": True}, 0),
            (27, {"nologmc": True}, 0),
            (27, {"nologae": True}, 0),
        ],
    )
    def test_missed_call_is_explained_by_the_option_not_to_log_it(
        self, ringotel: RingotelServer, talk: int, option: dict[str, bool], explained: int
    ) -> None:
        known("c1", talk=talk)

        line, errors = self.report(ringotel, **option)
        expected = f"not in the history: {1 - explained}, explained by the connection: {explained}"
        assert line == expected
        assert bool(errors) is not bool(explained)

    def test_call_answered_elsewhere_is_explained_by_the_option_not_to_log_it(
        self, ringotel: RingotelServer
    ) -> None:
        known("c1", talk=0)
        Activity.objects.update(status="answered", duration=27)  # as the PBX reports it

        assert self.report(ringotel)[0].startswith("not in the history: 1,")
        assert self.report(ringotel, nologae=True)[0].startswith("not in the history: 0,")

    def test_outbound_calls_are_always_logged(self, ringotel: RingotelServer) -> None:
        known("c1", talk=0)
        Activity.objects.update(direction="outbound")

        options = {"nologmc": True, "nologae": True}
        assert self.report(ringotel, **options)[0].startswith("not in the history: 1,")
