"""``manage.py ringotel_simulate`` with correct and faulty CRMs, over HTTP."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError

from ringotel_crm.simulator.scenarios import SCENARIOS
from tests.simulator.crm import (
    CRM,
    DOCUMENT,
    KEY,
    OAUTH2_DOCUMENT,
    OAUTH2_PROPERTIES,
    PROPERTIES,
    Request,
    Response,
    serving,
)

pytestmark = pytest.mark.slow

ALL = str(len(SCENARIOS))


def connected(document: Mapping[str, Any], properties: Mapping[str, str]) -> str:
    return json.dumps({"document": document, "properties": properties})


@pytest.fixture
def document(tmp_path: Path) -> Path:
    path = tmp_path / "connect.json"
    path.write_text(connected(DOCUMENT, PROPERTIES))
    return path


def simulate(crm: CRM, document: Path, *options: str) -> str:
    """Return the output. Raises ``CommandError`` if a response does not match the document."""
    output = io.StringIO()
    with serving(crm) as url:
        call_command(
            "ringotel_simulate", document, "--base-url", url, "--seed", "1", *options, stdout=output
        )
    return output.getvalue()


def reported_problems(crm: CRM, document: Path, *options: str) -> list[str]:
    """Return the problems that the command reports."""
    output = io.StringIO()
    with serving(crm) as url, pytest.raises(CommandError) as raised:
        call_command(
            "ringotel_simulate",
            document,
            "--base-url",
            url,
            "--seed",
            "1",
            "--json",
            *options,
            stdout=output,
        )
    assert raised.value.returncode == 1
    report = json.loads(output.getvalue())
    assert report["ok"] is False
    problems: list[str] = report["problems"]
    return problems


@pytest.mark.parametrize("absent", ["omit", "empty", "null", "placeholder", "mixed"])
@pytest.mark.parametrize("recording", ["document", "multipart", "raw", "base64"])
def test_correct_crm_passes(document: Path, absent: str, recording: str) -> None:
    crm = CRM()
    output = simulate(crm, document, "--calls", ALL, "--absent", absent, "--recording", recording)
    assert "All responses match the document of Other CRM" in output
    assert len(crm.calls) == len(SCENARIOS)
    recordings = [call["audio"] for call in crm.calls.values() if "audio" in call]
    assert len(recordings) == len(SCENARIOS) - 4  # unanswered calls have none
    assert all(audio.startswith(b"RIFF") for audio in recordings)


def test_every_hook_is_called(document: Path) -> None:
    report = json.loads(simulate(CRM(), document, "--calls", ALL, "--json"))
    assert report["ok"] is True
    lines = {line["hook"]: line for line in report["lines"]}
    assert lines.keys() == {"authentication", *DOCUMENT["API"]}
    assert lines["authentication"]["statuses"] == {"403": 2}
    assert lines["CreateContact"]["statuses"] == {"201": 3}
    assert all(0 < line["p50"] <= line["p99"] for line in lines.values())


def test_output_is_a_table(document: Path) -> None:
    lines = simulate(CRM(), document, "--calls", "3").splitlines()
    assert lines[0].split() == ["hook", "count", "status", "p50", "ms", "p99", "ms", "problems"]
    assert lines[1].startswith("authentication            2  2 x 403 ")
    assert any(line.startswith("FindContact               3  3 x 200 ") for line in lines)


@pytest.mark.parametrize(
    ("plus", "start"),
    [("omit", "tel=353209"), ("encoded", "tel=%2B353209"), ("raw", "tel=+353209")],
)
def test_plus_in_a_url_is_formatted_as_requested(document: Path, plus: str, start: str) -> None:
    crm = CRM()
    crm.people = {"p1": crm.people["p1"]}
    simulate(crm, document, "--calls", "1", "--scenario", "known", "--plus", plus)
    (query,) = (request.query for request in crm.requests if request.path == "/find")
    assert query.startswith(start)


def test_body_contains_numbers_without_plus_and_numeric_times(document: Path) -> None:
    crm = CRM()
    crm.people = {"p1": crm.people["p1"]}
    simulate(crm, document, "--calls", "1", "--scenario", "known", "--plus", "raw")
    (call,) = crm.calls.values()
    assert call["from"] == "353209100001"
    assert call["party"]["person"] == "p1"
    assert isinstance(call["at"], int)
    assert call["at"] < call["until"] - call["seconds"] * 1000 < call["at"] + 60_000


def test_ring_group_is_one_call_for_several_users(document: Path) -> None:
    crm = CRM()
    simulate(crm, document, "--calls", "1", "--scenario", "ring-group")
    bodies = [
        request.fields
        for request in crm.requests
        if request.path == "/calls" and request.method == "POST"
    ]
    assert len({body["uuid"] for body in bodies}) == 1
    assert len({body["party"]["ext"] for body in bodies}) == 3
    assert sorted(body["party"].get("agent", "") for body in bodies) == ["", "a1", "a2"]


def test_reordered_call_is_identified_by_call_id(document: Path) -> None:
    crm = CRM()
    simulate(crm, document, "--calls", "1", "--scenario", "reordered", "--absent", "omit")
    hooks = [(r.method, r.path) for r in crm.requests if r.path.startswith("/calls")]
    assert hooks == [
        ("POST", "/calls/stop"),
        ("PATCH", "/calls"),
        ("POST", "/calls"),
        ("POST", "/calls/audio"),
    ]
    assert "ref" not in crm.requests[-4].fields


def test_late_recording_is_sent_after_the_other_calls(document: Path) -> None:
    crm = CRM()
    simulate(crm, document, "--calls", "2", "--scenario", "late-recording", "missed")
    assert [r.path for r in crm.requests[-2:]] == ["/calls/stop", "/calls/audio"]
    assert crm.requests[-1].parameters["uuid"] != crm.requests[-2].fields["uuid"]


def test_late_recording_is_sent_before_the_end_of_the_run(document: Path) -> None:
    crm = CRM()
    simulate(crm, document, "--calls", "8", "--scenario", "late-recording", *["missed"] * 7)
    paths = [r.path for r in crm.requests]
    assert paths.count("/calls/audio") == 1
    assert "/calls/stop" in paths[: paths.index("/calls/audio")]
    assert "/find" in paths[paths.index("/calls/audio") :]


def test_same_seed_creates_the_same_contacts(document: Path) -> None:
    def people() -> list[dict[str, Any]]:
        crm = CRM()
        simulate(crm, document, "--calls", "4", "--scenario", "new-contact")
        return list(crm.people.values())

    assert people() == people()
    assert len(people()) == 8


def test_second_run_uses_other_unknown_numbers(document: Path) -> None:
    crm = CRM()
    simulate(crm, document, "--calls", ALL)
    simulate(crm, document, "--calls", ALL)
    assert len(crm.calls) == 2 * len(SCENARIOS)


def test_only_users_is_required(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    path.write_text(connected(DOCUMENT | {"API": {"Users": DOCUMENT["API"]["Users"]}}, PROPERTIES))
    crm = CRM()
    simulate(crm, path, "--calls", ALL)
    assert {request.path for request in crm.requests} == {"/agents"}


def test_renamed_variables_are_supported(tmp_path: Path) -> None:
    text = (
        connected(DOCUMENT, PROPERTIES)
        .replace("$activity_id$", "$log$")
        .replace("tel=$phone$", "tel=$number$")
    )
    path = tmp_path / "document.json"
    path.write_text(text)
    simulate(
        CRM(),
        path,
        "--calls",
        ALL,
        "--variable",
        "activity_id=log",
        "--variable",
        "FindContact.phone=number",
    )


def test_call_without_call_id_is_not_reordered(tmp_path: Path) -> None:
    text = connected(DOCUMENT, PROPERTIES).replace("$call_id$", "$unknown$")
    path = tmp_path / "document.json"
    path.write_text(text)
    crm = CRM()
    calls = crm.calls
    crm.call = lambda fields: calls.setdefault(fields.get("ref", "c1"), {"ref": "c1"})  # type: ignore[method-assign]
    simulate(crm, path, "--calls", "1", "--scenario", "reordered", "--absent", "omit")
    assert [r.path for r in crm.requests if r.path.startswith("/calls")] == [
        "/calls",
        "/calls/audio",
    ]


# Faulty CRMs


class Fails(CRM):
    def create_call(self, fields: Mapping[str, Any]) -> Response:
        return 500, {"error": "oops"}


class RejectsNumbers(CRM):
    def create_call(self, fields: Mapping[str, Any]) -> Response:
        return 400, {"error": f"{fields['from']} is not a number"}


class OmitsContactId(CRM):
    def create_person(self, fields: Mapping[str, Any]) -> Response:
        return 201, {"person": {}}


class FindsContactForAnyNumber(CRM):
    def find(self, number: str) -> dict[str, Any] | None:
        return super().find(number) or self.people["p1"]


class FindsNoContact(CRM):
    def find(self, number: str) -> dict[str, Any] | None:
        return None


class FindsWrongContact(CRM):
    def find(self, number: str) -> dict[str, Any] | None:
        return super().find(number) and self.people["p3"]


class FindsContactWithoutId(CRM):
    def find(self, number: str) -> dict[str, Any] | None:
        found = super().find(number)
        return found and {**found, "key": ""}


class CreatesDuplicates(CRM):
    def create_call(self, fields: Mapping[str, Any]) -> Response:
        return 201, {"call": {"ref": f"c{len(self.requests)}"}}


class SplitsReorderedCalls(CRM):
    """Creates another call for events that arrive before the start."""

    def call(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        return super().call(
            {**fields, "uuid": fields["uuid"] + ("" if "way" in fields else "early")}
        )


class ReturnsNumericIds(CRM):
    def create_call(self, fields: Mapping[str, Any]) -> Response:
        return 201, {"call": {"ref": 5}}


class ReturnsHTML(CRM):
    def create_call(self, fields: Mapping[str, Any]) -> Response:
        return 200, "<html><body>Welcome</body></html>"


class Redirects(CRM):
    def create_call(self, fields: Mapping[str, Any]) -> Response:
        return 301, {}


class Unauthorized(CRM):
    def answer(self, request: Request) -> Response:
        status, answer = super().answer(request)
        return (401 if status == 403 else status), answer


class AcceptsAnyCredential(CRM):
    def is_authorized(self, authorization: str) -> bool:
        return True


class Altered(CRM):
    """Return another response for one path."""

    def __init__(self, path: str, answer: object) -> None:
        super().__init__()
        self.altered = {path: answer}

    def answer(self, request: Request) -> Response:
        status, answer = super().answer(request)
        return status, self.altered.get(request.path, answer) if status == 200 else answer


@pytest.mark.parametrize(
    ("crm", "scenario", "problem"),
    [
        (Fails, "known", "CreateActivity (known): returned 500 Internal Server Error"),
        (OmitsContactId, "new-contact", "CreateContact (new-contact): returned no $contact_id$"),
        (
            FindsContactForAnyNumber,
            "anonymous",
            "FindContact (anonymous): returned contact p1 for the number of no contact",
        ),
        (
            FindsContactForAnyNumber,
            "extension",
            "FindContact (extension): returned contact p1 for the number of no contact",
        ),
        (
            FindsContactForAnyNumber,
            "unknown",
            "FindContact (unknown): returned contact p1 for the number of no contact",
        ),
        (FindsNoContact, "known", "FindContact (known): did not find the contact with this number"),
        (
            FindsNoContact,
            "new-contact",
            "FindContact (new-contact): did not find the contact with this number",
        ),
        (
            FindsWrongContact,
            "known",
            "FindContact (known): returned contact p3 for the number of another contact",
        ),
        (
            FindsContactWithoutId,
            "known",
            "FindContact (known): returned a contact without $contact_id$",
        ),
        (
            CreatesDuplicates,
            "duplicates",
            "CreateActivity (duplicates): returned another $activity_id$ for the same call",
        ),
        (
            CreatesDuplicates,
            "ring-group",
            "CreateActivity (ring-group): returned another $activity_id$ for the same call",
        ),
        (
            SplitsReorderedCalls,
            "reordered",
            "CreateActivity (reordered): returned another $activity_id$ for the same call",
        ),
        (
            ReturnsNumericIds,
            "known",
            "CreateActivity (known): the response.call.ref is not a string",
        ),
        (ReturnsHTML, "known", "CreateActivity (known): returned text/html that is not JSON"),
        (Redirects, "known", "CreateActivity (known): returned 301 Moved Permanently"),
        (
            Unauthorized,
            "known",
            "authentication (credential: wrong): returned 401 Unauthorized; must be 403",
        ),
        (
            AcceptsAnyCredential,
            "known",
            "authentication (credential: none): returned 200; must be 403",
        ),
        (lambda: Altered("/agents", {"agents": []}), "known", "Users (setup): returned no users"),
        (
            lambda: Altered("/agents", {"agents": [{"ref": ""}]}),
            "known",
            "Users (setup): 1 of 1 lack $user_id",
        ),
        (
            lambda: Altered("/agents", {"staff": []}),
            "known",
            "Users (setup): the response.agents is not an array",
        ),
        (
            lambda: Altered("/people", {"people": [{"key": "p1"}, {"key": "p1"}]}),
            "unknown",
            "Contacts (setup): 1 of 2 repeat the $contact_id$ of another",
        ),
    ],
)
def test_problem_is_reported(
    document: Path, crm: Callable[[], CRM], scenario: str, problem: str
) -> None:
    problems = reported_problems(crm(), document, "--calls", "1", "--scenario", scenario)
    assert any(found.startswith(problem) for found in problems), problems


def test_more_than_one_contact_is_reported(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    people = DOCUMENT["API"]["Contacts"]["response_map"]
    api = DOCUMENT["API"] | {
        "FindContact": DOCUMENT["API"]["FindContact"] | {"response_map": people}
    }
    path.write_text(connected(DOCUMENT | {"API": api}, PROPERTIES))
    crm = CRM()
    both = {"people": [crm.people["p1"], crm.people["p2"]]}
    altered = Altered("/find", both)
    assert "FindContact (known): returned 2 contacts instead of one" in reported_problems(
        altered, path, "--calls", "1", "--scenario", "known"
    )


@pytest.mark.parametrize("path", ["/agents", "/calls"])
def test_simulation_stops_if_the_crm_does_not_respond(document: Path, path: str) -> None:
    class Hangs(CRM):
        def answer(self, request: Request) -> Response:
            if request.path.startswith(path):
                self.closing.wait(30)
            return super().answer(request)

    problems = reported_problems(Hangs(), document, "--calls", "1000", "--timeout", "0.2")
    assert len(problems) == 3
    assert all("no response within 0.2 s" in problem for problem in problems)


def test_simulation_stops_if_the_connection_is_refused(document: Path) -> None:
    with serving(CRM()) as url:
        pass
    output = io.StringIO()
    with pytest.raises(CommandError, match="3 consecutive requests without a response"):
        call_command("ringotel_simulate", document, "--base-url", url, stdout=output)
    assert "Users (setup): no response (ConnectionError)" in output.getvalue()


def test_output_contains_no_numbers_and_no_secrets(document: Path) -> None:
    crm = RejectsNumbers()
    output = io.StringIO()
    with serving(crm) as url, pytest.raises(CommandError):
        call_command(
            "ringotel_simulate", document, "--base-url", url, "--scenario", "known", stdout=output
        )
    text = output.getvalue()
    assert "… is not a number" in text
    assert KEY not in text
    assert "353209100001" not in text
    assert "and 20 more." not in text


def test_long_list_of_problems_is_truncated(document: Path) -> None:
    output = io.StringIO()
    with (
        serving(Fails()) as url,
        pytest.raises(CommandError, match="23 responses did not match the document"),
    ):
        call_command(
            "ringotel_simulate",
            document,
            "--base-url",
            url,
            "--calls",
            "23",
            "--scenario",
            "known",
            stdout=output,
        )
    assert output.getvalue().endswith("... and 3 more.\n")


# Credentials


def test_properties_are_read_from_file_and_option(tmp_path: Path) -> None:
    document = tmp_path / "document.json"
    document.write_text(
        json.dumps(
            DOCUMENT
            | {
                "properties": ["User", "Password"],
                "auth": {"type": "Basic", "username": "$User$", "password": "$Password$"},
            }
        )
    )
    properties = tmp_path / "properties.json"
    properties.write_text(json.dumps({"User": "zoë", "Password": "to be replaced"}))
    simulate(
        CRM(), document, "--properties", str(properties), "-p", "Password=pässwörd", "--calls", "1"
    )


@pytest.mark.parametrize(
    ("options", "tokens"),
    [
        (["--access-token", KEY], []),
        (["--refresh-token", "refresh-1"], ["refresh_token"]),
        (["--access-token", "expired", "--refresh-token", "refresh-1"], ["refresh_token"]),
        (["--code", "code-1", "--redirect-uri", "https://r.example/"], ["authorization_code"]),
    ],
)
@pytest.mark.parametrize(
    "content_type", ["application/x-www-form-urlencoded;charset=utf-8", "application/json"]
)
def test_oauth2_token_is_obtained(
    tmp_path: Path, options: list[str], tokens: list[str], content_type: str
) -> None:
    document = tmp_path / "document.json"
    oauth2 = OAUTH2_DOCUMENT["OAuth2"] | {"token_parameters": {"content_type": content_type}}
    document.write_text(connected(OAUTH2_DOCUMENT | {"OAuth2": oauth2}, OAUTH2_PROPERTIES))
    crm = CRM()
    simulate(crm, document, "--calls", "2", *options)
    asked = [request for request in crm.requests if request.path == "/token"]
    assert [request.fields["grant_type"] for request in asked] == tokens
    assert all(request.content_type == content_type for request in asked)


@pytest.mark.parametrize("options", [[], ["--refresh-token", "stolen"]])
def test_expired_oauth2_token_is_reported(tmp_path: Path, options: list[str]) -> None:
    document = tmp_path / "document.json"
    document.write_text(connected(OAUTH2_DOCUMENT, OAUTH2_PROPERTIES))
    problems = reported_problems(CRM(), document, "--access-token", "expired", *options)
    assert problems == ["Users (setup): returned 403 Forbidden"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--refresh-token", "stolen"], r"issued no access token \(status 400\)"),
        (
            ["--refresh-token", "refresh-1", "--base-url", "http://127.0.0.1:1"],
            "The token endpoint does not respond",
        ),
        (
            ["--redirect-uri", "https://r.example/"],
            r"\?response_type=code&client_id=client&redirect_uri=https%3A%2F%2Fr.example%2F&tenant=calls$",
        ),
        ([], r"/authorize\?response_type=code&client_id=client&tenant=calls$"),
    ],
)
def test_missing_oauth2_token_is_reported_with_instructions(
    tmp_path: Path, options: list[str], words: str
) -> None:
    document = tmp_path / "document.json"
    document.write_text(connected(OAUTH2_DOCUMENT, OAUTH2_PROPERTIES))
    with pytest.raises(CommandError, match=words):
        simulate(CRM(), document, *options)


# Arguments


def test_document_is_read_from_standard_input(
    document: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(document.read_text()))
    crm = CRM()
    with serving(crm) as url:
        call_command(
            "ringotel_simulate", "-", "--base-url", url, "--calls", "1", stdout=io.StringIO()
        )
    assert len(crm.calls) == 1


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        (None, [], "No such file"),
        ("<html>", [], "is not JSON"),
        ("[]", [], "not a JSON object"),
        (connected(DOCUMENT, {}), [], "No value for the property 'Secret'"),
        (
            json.dumps({"document": DOCUMENT, "properties": {"Secret": 5}}),
            [],
            "must be an object of strings",
        ),
        (json.dumps(DOCUMENT), ["-p", "Secret"], "as NAME=VALUE"),
        (connected(DOCUMENT, PROPERTIES), ["--calls", "0"], "argument --calls: invalid"),
        (connected(DOCUMENT, PROPERTIES), ["--rate", "-1"], "argument --rate: invalid"),
        (connected(DOCUMENT, PROPERTIES), ["--timeout", "nan"], "argument --timeout: invalid"),
        (
            connected(DOCUMENT, PROPERTIES),
            ["--scenario", "war"],
            "argument --scenario: invalid choice: 'war'",
        ),
    ],
)
def test_invalid_argument_is_rejected(
    tmp_path: Path, text: str | None, options: list[str], words: str
) -> None:
    path = tmp_path / "document.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(CommandError) as raised:
        call_command("ringotel_simulate", path, "--base-url", "http://127.0.0.1:1", *options)
    assert words in str(raised.value)
