"""CreateActivity, AssignActivity, UpdateActivity and StopCallActivity."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings

from ringotel_crm import signals
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity
from tests.api import Api
from tests.factories import at, columns, make_contact, make_user, number, the_call

START = {
    "call_id": "1729693708182-2d1c3de3d3772cdc1f",
    "activity_type": "inbound",
    "caller_number": number(1)[1:],
    "called_number": "2001",
    "call_start": 1772452800000,
    "extension": "2001",
    "user_id": "17295348437628309790",
}
STOP = {
    "call_id": START["call_id"],
    "call_end": 1772452830000,
    "call_duration": 27,
    "call_cause": "0",
}
REF = {"call_id": "1729693708182-2d1c3de3d3772cdc1f"}


def assignment(call: Activity) -> tuple[Any, str]:
    return call.contact, call.contact_name


# --- CreateActivity ---


def test_call_is_logged_with_agent_and_contact(api: Api) -> None:
    ada = make_contact("Ada Example", number(1))
    una = make_user("una", "2001", first_name="Una", last_name="Sample")
    id = api.id("CreateActivity", {**START, "subject": "Leak", "comment": "Calls back."})
    call = the_call()
    assert id == str(call.pk)
    expected = {
        "call_id": "1729693708182-2d1c3de3d3772cdc1f",
        "direction": "inbound",
        "status": "ringing",
        "caller_number": "442079460001",
        "caller_e164": "+442079460001",
        "called_number": "2001",
        "called_e164": "",
        "extension": "2001",
        "agent_id": str(una.pk),
        "agent_name": "Una Sample",
        "contact_id": str(ada.pk),
        "contact_name": "Ada Example",
        "contact_confirmed": False,
        "start": at(12),
        "end": None,
        "duration": None,
        "cause": "",
        "subject": "Leak",
        "comment": "Calls back.",
        "last_received_subject": "Leak",
        "last_received_comment": "Calls back.",
    }
    assert {name: getattr(call, name) for name in expected} == expected
    assert call.contact == ada


def test_repeated_create_returns_the_same_id_and_changes_nothing(api: Api) -> None:
    make_contact("Ada Example", number(1))
    id = api.id("CreateActivity", START)
    before = columns(the_call())
    assert api.id("CreateActivity", START) == id
    assert columns(the_call()) == before


def test_repeated_create_fills_in_empty_fields_only(api: Api) -> None:
    api.ok(
        "CreateActivity",
        {"call_id": "c1", "caller_number": number(1), "call_start": "2026-03-02T12:00:05Z"},
    )
    api.ok(
        "CreateActivity",
        {
            "call_id": "c1",
            "activity_type": "outbound",
            "caller_number": number(2),
            "called_number": number(3),
            "extension": "2001",
            "subject": "Leak",
            "call_start": "2026-03-02T12:00:00Z",
        },
    )
    call = the_call()
    assert (call.caller_e164, call.called_e164, call.extension) == (number(1), number(3), "2001")
    assert (call.direction, call.subject, call.start) == ("inbound", "Leak", at(12))


@pytest.mark.parametrize("count", [1, 20])
def test_each_call_id_is_one_row(api: Api, count: int) -> None:
    ids = {api.id("CreateActivity", {**START, "call_id": f"c{n}"}) for n in range(count)}
    assert len(ids) == Activity.objects.count() == count


def test_call_without_start_starts_now(api: Api) -> None:
    before = dt.datetime.now(dt.UTC)
    api.ok("CreateActivity", {"call_id": "c1"})
    start = the_call().start
    assert start is not None
    assert before <= start <= dt.datetime.now(dt.UTC)


def test_call_without_start_does_not_start_after_its_end(api: Api) -> None:
    api.ok("StopCallActivity", STOP)
    api.ok("CreateActivity", REF)
    assert the_call().start == the_call().end == at(12, 0, 30)


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("inbound", "inbound"),
        ("INBOUND", "inbound"),
        ("incoming", "inbound"),
        (" in ", "inbound"),
        ("outbound", "outbound"),
        ("Outgoing", "outbound"),
        ("out", "outbound"),
        ("internal", "internal"),
    ],
)
def test_activity_type_is_read_in_several_spellings(api: Api, word: str, direction: str) -> None:
    api.ok("CreateActivity", {"call_id": "c1", "activity_type": word})
    assert the_call().direction == direction


@pytest.mark.parametrize("data", [{}, {"activity_type": "sideways"}])
@pytest.mark.parametrize(
    ("caller", "called", "direction"),
    [
        (number(1), "2001", "inbound"),
        ("2001", number(1), "outbound"),
        (number(1), "+353209100000", "inbound"),  # to the company's own number
        ("+353209100000", number(1), "outbound"),
        ("2001", "2002", ""),
        ("anonymous", "2001", ""),
        (number(1), number(2), ""),
    ],
)
def test_missing_direction_is_derived_from_the_numbers(
    api: Api, settings: Settings, data: dict[str, str], caller: str, called: str, direction: str
) -> None:
    settings.RINGOTEL_CRM = {"DEFAULT_REGION": "IE", "COMPANY_NUMBERS": ["020 910 0000"]}
    api.ok(
        "CreateActivity",
        {"call_id": "c1", "caller_number": caller, "called_number": called, **data},
    )
    assert the_call().direction == direction


@pytest.mark.parametrize(
    ("direction", "caller", "called", "expected"),
    [
        ("inbound", number(1), number(2), "Ada Example"),
        ("outbound", number(1), number(2), "Bea Example"),
        ("internal", number(1), number(2), ""),
        ("inbound", "anonymous", number(2), ""),
        ("inbound", number(3), "2001", ""),
        ("outbound", "2001", "00 44 20 7946 0002", "Bea Example"),
    ],
)
def test_contact_is_found_by_the_external_number(
    api: Api, direction: str, caller: str, called: str, expected: str
) -> None:
    make_contact("Ada Example", number(1))
    make_contact("Bea Example", number(2))
    data = {"activity_type": direction, "caller_number": caller, "called_number": called}
    api.ok("CreateActivity", {"call_id": "c1", **data})
    assert the_call().contact_name == expected


def test_contact_id_overrides_the_number(api: Api) -> None:
    make_contact("Ada Example", number(1))
    bea = make_contact("Bea Example")
    api.ok("CreateActivity", {**START, "contact_id": str(bea.pk)})
    assert assignment(the_call()) == (bea, "Bea Example")


@pytest.mark.parametrize("id", ["0", "999999", "9" * 30, "no id", "$contact_id$", ""])
def test_unknown_contact_id_falls_back_to_the_number(api: Api, id: str) -> None:
    ada = make_contact("Ada Example", number(1))
    api.ok("CreateActivity", {**START, "contact_id": id})
    assert assignment(the_call()) == (ada, "Ada Example")


def test_call_forgets_the_name_of_a_deleted_contact(api: Api) -> None:
    ada = make_contact("Ada Example", number(1))
    api.ok("CreateActivity", START)
    ada.delete()
    assert assignment(the_call()) == (None, "")


def test_unknown_number_creates_no_contact(api: Api) -> None:
    api.ok("CreateActivity", START)
    assert Contact.objects.count() == 0
    assert assignment(the_call()) == (None, "")


def test_call_without_call_id_is_identified_by_start_and_numbers(api: Api) -> None:
    data = {key: value for key, value in START.items() if key != "call_id"}
    id = api.id("CreateActivity", data)
    assert api.id("CreateActivity", data) == id
    assert api.id("CreateActivity", {**data, "extension": "2002"}) != id
    assert api.id("CreateActivity", {**data, "call_start": 1772452801000}) != id
    assert Activity.objects.count() == 3


@pytest.mark.parametrize("missing", ["call_start", "caller_number"])
def test_call_without_call_id_requires_start_and_number(api: Api, missing: str) -> None:
    data = {"caller_number": number(1), "call_start": START["call_start"]}
    del data[missing]
    assert api.refused("CreateActivity", data).keys() == {"call_id"}
    assert Activity.objects.count() == 0


# --- reference to a call ---

FOLLOWERS = ["AssignActivity", "UpdateActivity", "StopCallActivity"]


@pytest.mark.parametrize("hook", FOLLOWERS)
class TestReference:
    def test_activity_id_identifies_the_call(self, api: Api, hook: str) -> None:
        id = api.id("CreateActivity", START)
        assert api.id(hook, {"id": id}) == id
        assert Activity.objects.count() == 1

    def test_call_id_identifies_the_call(self, api: Api, hook: str) -> None:
        id = api.id("CreateActivity", START)
        assert api.id(hook, REF) == id
        assert Activity.objects.count() == 1

    def test_unknown_call_id_creates_the_call(self, api: Api, hook: str) -> None:
        id = api.id(hook, REF)
        assert api.id("CreateActivity", START) == id
        assert Activity.objects.count() == 1

    def test_activity_id_overrides_the_call_id(self, api: Api, hook: str) -> None:
        id = api.id("CreateActivity", START)
        assert api.id(hook, {"id": id, "call_id": "another"}) == id
        assert Activity.objects.count() == 1

    def test_foreign_activity_id_falls_back_to_the_call_id(self, api: Api, hook: str) -> None:
        id = api.id("CreateActivity", START)
        assert api.id(hook, {"id": "1729693708182-2d1c", **REF}) == id

    @pytest.mark.parametrize("id", ["0", "-1", "999999", "9" * 25, "1.0", "abc", "١"])
    def test_unknown_activity_id_returns_404(self, api: Api, hook: str, id: str) -> None:
        api.ok("CreateActivity", START)
        assert api.refused(hook, {"id": id}, 404).keys() == {"id"}
        assert Activity.objects.count() == 1

    @pytest.mark.parametrize(
        "absent", [{}, {"id": ""}, {"id": None}, {"id": "$activity_id$", "call_id": "$call_id$"}]
    )
    def test_missing_reference_is_rejected(
        self, api: Api, hook: str, absent: dict[str, Any]
    ) -> None:
        assert api.refused(hook, absent).keys() == {"id"}
        assert Activity.objects.count() == 0

    def test_call_of_another_tenant_is_not_found(self, api: Api, hook: str) -> None:
        other = Activity.objects.create(tenant="other", call_id=REF["call_id"])
        assert api.refused(hook, {"id": str(other.pk)}, 404).keys() == {"id"}
        assert api.id(hook, REF) != str(other.pk)


# --- AssignActivity ---


def test_call_can_be_assigned_reassigned_and_unassigned(api: Api) -> None:
    ada, bea = make_contact("Ada Example", number(1)), make_contact("Bea Example")
    id = api.id("CreateActivity", START)
    assert assignment(the_call()) == (ada, "Ada Example")
    for _ in range(2):
        assert api.id("AssignActivity", {"id": id, "contact_id": str(bea.pk)}) == id
        assert assignment(the_call()) == (bea, "Bea Example")
    api.ok("AssignActivity", {"id": id})
    assert assignment(the_call()) == (None, "")


@pytest.mark.parametrize("assigned", [True, False])
def test_assignment_is_not_overwritten_by_create(api: Api, assigned: bool) -> None:
    make_contact("Ada Example", number(1))
    bea = make_contact("Bea Example")
    api.ok("AssignActivity", {**REF, "contact_id": str(bea.pk) if assigned else ""})
    api.ok("CreateActivity", START)
    assert assignment(the_call()) == ((bea, "Bea Example") if assigned else (None, ""))


@pytest.mark.parametrize("contact_id", ["0", "999999", "9" * 25, "abc"])
def test_unknown_contact_leaves_the_assignment_unchanged(api: Api, contact_id: str) -> None:
    ada = make_contact("Ada Example", number(1))
    api.ok("CreateActivity", START)
    assert api.refused("AssignActivity", {**REF, "contact_id": contact_id}, 404).keys() == {
        "contact_id"
    }
    assert assignment(the_call()) == (ada, "Ada Example")


def test_unknown_contact_creates_no_call(api: Api) -> None:
    api.refused("AssignActivity", {"call_id": "c1", "contact_id": "999999"}, 404)
    assert Activity.objects.count() == 0


# --- UpdateActivity ---


def test_update_changes_present_fields_only(api: Api) -> None:
    id = api.id("CreateActivity", {**START, "subject": "Leak", "comment": "First"})
    assert api.id("UpdateActivity", {"id": id, "comment": "Second"}) == id
    assert (the_call().subject, the_call().comment) == ("Leak", "Second")
    api.ok("UpdateActivity", {"id": id, "subject": "Invoice", "comment": "$comment$"})
    assert (the_call().subject, the_call().comment) == ("Invoice", "Second")


def test_comment_keeps_line_breaks_and_every_script(api: Api) -> None:
    text = "Zeile eins\nсклад 📞\r\n<b>&amp;</b>"
    api.ok("UpdateActivity", {**REF, "comment": text})
    assert the_call().comment == text


def test_note_received_before_the_start_is_not_overwritten(api: Api) -> None:
    api.ok("UpdateActivity", {**REF, "subject": "Invoice"})
    api.ok("CreateActivity", {**START, "subject": "Leak", "comment": "First"})
    assert (the_call().subject, the_call().comment) == ("Invoice", "First")


# --- StopCallActivity ---


def test_stop_records_end_duration_and_cause(api: Api) -> None:
    id = api.id("CreateActivity", START)
    assert api.id("StopCallActivity", {**STOP, "id": id}) == id
    call = the_call()
    assert (call.status, call.end, call.duration, call.cause) == (
        "answered",
        at(12, 0, 30),
        27,
        "0",
    )


def test_repeated_stop_changes_nothing(api: Api) -> None:
    id = api.id("CreateActivity", START)
    api.ok("StopCallActivity", STOP)
    before = columns(the_call())
    assert api.id("StopCallActivity", STOP) == id
    assert columns(the_call()) == before


def test_stop_before_start_results_in_one_call(api: Api) -> None:
    ada = make_contact("Ada Example", number(1))
    id = api.id("StopCallActivity", STOP)
    assert the_call().status == "answered"
    assert api.id("CreateActivity", START) == id
    call = the_call()
    assert (call.status, call.start, call.end, call.duration) == (
        "answered",
        at(12),
        at(12, 0, 30),
        27,
    )
    assert (call.direction, call.caller_e164, call.contact) == ("inbound", number(1), ada)


@pytest.mark.parametrize(
    ("duration", "cause", "status"),
    [
        (27, "0", "answered"),
        (27, "", "answered"),
        (27, "17", "answered"),  # talk time counts more than the cause
        (1, "16", "answered"),
        (None, "0", "answered"),
        (None, "16", "answered"),
        (None, "200", "answered"),
        (0, "0", "missed"),
        (0, "16", "missed"),
        (0, "", "missed"),
        (None, "", "missed"),
        (0, "19", "missed"),
        (0, "487", "missed"),
        (0, "some day", "missed"),
        (0, "17", "busy"),
        (0, 17, "busy"),
        (None, "486", "busy"),
        (0, "Busy", "busy"),
        (0, "38", "failed"),
        (0, "503", "failed"),
        (None, "FAILED", "failed"),
        (0, "voicemail", "voicemail"),
        (12, "voicemail", "voicemail"),
    ],
)
def test_status_is_derived_from_duration_and_cause(
    api: Api, duration: int | None, cause: Any, status: str
) -> None:
    api.ok("StopCallActivity", {**REF, "call_duration": duration, "call_cause": cause})
    assert (the_call().status, the_call().duration, the_call().cause) == (
        status,
        duration,
        str(cause),
    )


@pytest.mark.parametrize(
    "later",
    [
        {"call_duration": 0, "call_cause": "17"},
        {"call_duration": 3, "call_cause": "0"},
        {"call_end": 1772452810000, "call_duration": 10},
        {"call_end": "2026-03-02T12:00:00Z"},
        {},
    ],
)
def test_later_stop_does_not_reopen_or_shorten_a_call(api: Api, later: dict[str, Any]) -> None:
    api.ok("CreateActivity", START)
    api.ok("StopCallActivity", STOP)
    before = columns(the_call())
    api.ok("StopCallActivity", {**REF, **later})
    assert columns(the_call()) == before


def test_later_start_does_not_reopen_a_call(api: Api) -> None:
    api.ok("CreateActivity", START)
    api.ok("StopCallActivity", STOP)
    before = columns(the_call())
    api.ok("CreateActivity", START)
    assert columns(the_call()) == before


def test_later_stop_extends_end_and_duration(api: Api) -> None:
    api.ok(
        "StopCallActivity",
        {**REF, "call_end": 1772452800000, "call_duration": 0, "call_cause": "19"},
    )
    assert the_call().status == "missed"
    api.ok("StopCallActivity", STOP)
    call = the_call()
    assert (call.status, call.cause, call.duration, call.end) == (
        "answered",
        "0",
        27,
        at(12, 0, 30),
    )


def test_stop_without_end_leaves_end_empty(api: Api) -> None:
    api.ok("StopCallActivity", REF)
    assert the_call().end is None
    assert the_call().status == "missed"


@pytest.mark.parametrize(
    ("data", "extension"),
    [
        ({"activity_type": "inbound", "called_number": "502"}, "502"),
        ({"activity_type": "outbound", "caller_number": "502"}, "502"),
        ({"activity_type": "inbound", "called_number": "353209150000"}, ""),
        ({"activity_type": "inbound", "called_number": "502", "extension": "500"}, "500"),
    ],
)
def test_extension_is_derived_from_an_internal_number(
    api: Api, data: dict[str, str], extension: str
) -> None:
    api.ok("CreateActivity", {"call_id": "c-1", "caller_number": "353209150101", **data})
    assert the_call().extension == extension


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        (0, 0),
        (27, 27),
        ("27", 27),
        (" 27 ", 27),
        (27.4, 27),
        ("27.6", 28),
        ("027", 27),
        (31 * 24 * 3600, 31 * 24 * 3600),
    ],
)
def test_duration_is_read_as_whole_seconds(api: Api, value: Any, seconds: int) -> None:
    api.ok("StopCallActivity", {**REF, "call_duration": value})
    assert the_call().duration == seconds


@pytest.mark.parametrize(
    "value",
    [
        *(
            -1,
            -0.5,
            "-1",
            "-inf",
            "inf",
            "nan",
            "Infinity",
            "1e400",
            10**400,
            31 * 24 * 3600 + 1,
            2**31,
            2**63,
        ),
        *(
            "a while",
            "27 s",
            "0:27",
            "1_000",
            "٢٧",
            "0x1b",
            True,
            False,
            [27],
            {"seconds": 27},
            "9" * 5000,
        ),
    ],
    ids=lambda value: repr(value)[:20],
)
def test_invalid_duration_is_rejected(api: Api, value: Any) -> None:
    assert api.refused("StopCallActivity", {**REF, "call_duration": value}).keys() == {
        "call_duration"
    }
    assert Activity.objects.count() == 0


# --- signals ---


def test_each_change_sends_one_signal(
    api: Api,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> None:
    received: list[str] = []
    receivers = {}
    for name in ("call_started", "call_assigned", "call_updated", "call_stopped"):
        signal = getattr(signals, name)
        receivers[name] = lambda name=name, **kwargs: received.append(name)
        signal.connect(receivers[name])
    ada = make_contact("Ada Example")

    def signals_after(hook: str, data: dict[str, Any]) -> list[str]:
        received.clear()
        with django_capture_on_commit_callbacks(execute=True):
            api.ok(hook, data)
        return list(received)

    note = {**REF, "subject": "Leak"}
    assign = {**REF, "contact_id": str(ada.pk)}
    assert signals_after("StopCallActivity", STOP) == ["call_stopped"]
    assert signals_after("StopCallActivity", STOP) == []
    assert signals_after("CreateActivity", START) == ["call_started"]
    assert signals_after("CreateActivity", START) == []
    assert signals_after("UpdateActivity", note) == ["call_updated"]
    assert signals_after("UpdateActivity", note) == []
    assert signals_after("AssignActivity", assign) == ["call_assigned"]
    assert signals_after("AssignActivity", assign) == []
