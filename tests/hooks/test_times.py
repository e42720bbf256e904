"""Formats of times, in each field and parameter that is a time."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from tests.api import Api, error
from tests.factories import at, the_call

NOON = 1772452800  # at(12)

TIMES = [
    (NOON, at(12)),
    (NOON * 1000, at(12)),
    (str(NOON), at(12)),
    (str(NOON * 1000), at(12)),
    (f" {NOON}\t", at(12)),
    (NOON + 0.25, at(12).replace(microsecond=250_000)),
    (f"{NOON}.25", at(12).replace(microsecond=250_000)),
    (NOON * 1000 + 250, at(12).replace(microsecond=250_000)),
    (float(NOON * 1000), at(12)),
    (1729690611587, dt.datetime(2024, 10, 23, 13, 36, 51, 587_000, dt.UTC)),
    ("2026-03-02T12:00:00Z", at(12)),
    ("2026-03-02T12:00:00", at(12)),
    ("2026-03-02 12:00:00", at(12)),
    ("2026-03-02T12:00", at(12)),
    ("2026-03-02T12:00:00+00:00", at(12)),
    ("2026-03-02T13:00:00+01:00", at(12)),
    ("2026-03-02T07:00:00-0500", at(12)),
    ("2026-03-03T02:00:00+14:00", at(12)),
    ("2026-03-02T12:00:00.250Z", at(12).replace(microsecond=250_000)),
    ("2026-03-02", at(0)),
    ("2099-12-31T23:59:59Z", dt.datetime(2099, 12, 31, 23, 59, 59, tzinfo=dt.UTC)),
    ("2026-03-02t12:00:00z", at(12)),
    ("2026-03-02t13:00:00.25+01:00", at(12).replace(microsecond=250_000)),
    ("2026-03-02 12:00:00Z", at(12)),
    ("2026-03-02T12:00:00-00:00", at(12)),
    ("2026-03-02T12:00:00.123456789Z", at(12).replace(microsecond=123_456)),
    ("2026-03-02T11:59:60Z", at(12)),
    ("2016-12-31T15:59:60.5-08:00", dt.datetime(2017, 1, 1, 0, 0, 0, 500_000, dt.UTC)),
    (10**11 - 1, None),  # still seconds, and so the year 5138
    (10**11, dt.datetime(1973, 3, 3, 9, 46, 40, tzinfo=dt.UTC)),  # already milliseconds
]

INVALID_TIMES: list[Any] = [
    *(
        "soon",
        "12:00",
        "2026-13-01T00:00:00Z",
        "2026-02-30",
        "2026-03-02T25:00:00Z",
        "2026-03-02T12:00:61Z",
    ),
    *(
        "2026-03-02T12:00:00+99:99",
        "2026-03-02T12:00:00 Europe/Dublin",
        "02/03/2026",
        "Mon, 02 Mar 2026 12:00:00 GMT",
    ),
    *(
        -1,
        "-1",
        -NOON,
        "NaN",
        "inf",
        "-inf",
        "1e9",
        "1e400",
        10**20,
        10**400,
        2**63,
        "9" * 5000,
        f"{NOON}s",
    ),
    *(
        "0001-01-01T00:00:00Z",
        "0001-01-01T00:00:00+05:00",
        "1969-12-31T23:59:59Z",
        "1970-01-01T00:00:00+01:00",
    ),
    *(
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "9999-12-31T23:59:59-05:00",
        10**11 - 1,
        10**14,
    ),
    *("١٧٧٢٤٥٢٨٠٠", "２０２６-03-02T12:00:00Z", "٢٠٢٦-٠٣-٠٢T١٢:٠٠:٠٠Z"),
    *(True, False, [NOON], {"time": NOON}, [], {"a": {"b": 1}}),
]

ZEROS: list[Any] = [
    *(0, 0.0, -0.0, "0", " 0 ", "00000", "0.0", "0.", "0.000000000000", "-0", "+0"),
    *(
        "1970-01-01T00:00:00Z",
        "1970-01-01t00:00:00.000z",
        "1970-01-01",
        "1970-01-01T01:00:00+01:00",
    ),
    *("0000-00-00", "0000-00-00 00:00:00", "0000-00-00T00:00:00Z", "0000-00-00t00:00:00.000000z"),
]


def short(value: Any) -> str:
    return repr(value)[:40]


@pytest.mark.parametrize(("value", "expected"), [pair for pair in TIMES if pair[1]], ids=short)
@pytest.mark.parametrize(
    ("hook", "field", "column"),
    [("CreateActivity", "call_start", "start"), ("StopCallActivity", "call_end", "end")],
)
def test_time_is_read_in_any_format(
    api: Api, hook: str, field: str, column: str, value: Any, expected: dt.datetime
) -> None:
    api.ok(hook, {"call_id": "c1", field: value})
    assert getattr(the_call(), column) == expected


@pytest.mark.parametrize("value", INVALID_TIMES, ids=short)
@pytest.mark.parametrize(
    ("hook", "field"), [("CreateActivity", "call_start"), ("StopCallActivity", "call_end")]
)
def test_invalid_time_is_rejected(api: Api, hook: str, field: str, value: Any) -> None:
    assert api.refused(hook, {"call_id": "c1", field: value}).keys() == {field}


@pytest.mark.parametrize("value", ZEROS, ids=short)
def test_zero_is_an_unknown_time(api: Api, value: Any) -> None:
    api.ok("StopCallActivity", {"call_id": "c1", "call_end": value})
    api.ok("CreateActivity", {"call_id": "c1", "call_start": value})
    call = the_call()
    assert call.start is not None
    assert (call.start.year > 1970, call.end) == (True, None)
    assert api.results("Contacts", {"updated_since": str(value)}) == []


@pytest.mark.parametrize(("value", "expected"), [pair for pair in TIMES if pair[1]], ids=short)
def test_time_in_a_query_is_read_in_any_format(api: Api, value: Any, expected: dt.datetime) -> None:
    assert api.results("Contacts", {"updated_since": value}) == []


@pytest.mark.parametrize("hook", ["Contacts", "Organizations"])
@pytest.mark.parametrize(
    "value", [value for value in INVALID_TIMES if isinstance(value, str | float | int)], ids=short
)
def test_invalid_time_in_a_query_is_rejected(api: Api, hook: str, value: Any) -> None:
    assert error(api.call(hook, {"updated_since": value}))["fields"].keys() == {"updated_since"}


def test_unescaped_plus_of_an_offset_is_accepted(api: Api) -> None:
    response = api.client.get("/ringotel/contacts/?updated_since=2026-03-02T13:00:00+01:00")
    assert response.status_code == 200
