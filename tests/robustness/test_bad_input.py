"""Invalid values for every field of every API: a 4xx names the field and nothing is written."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote, urlencode, urljoin

import pytest
from django.apps import apps
from django.db import models
from django.test import Client
from rest_framework import serializers

from ringotel_crm.auth.service_users import service_user
from ringotel_crm.hooks.paging import CursorField
from ringotel_crm.hooks.serializers import DirectionField, DurationField, TimestampField
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, ApiKey, WebhookEvent, WebhookToken
from tests.api import Api, error
from tests.factories import make_contact, number
from tests.robustness.endpoints import Entry, entries

pytestmark = pytest.mark.slow

MEGABYTES_10 = "x" * 10_000_000

# Valid JSON that no field accepts.
WRONG: dict[str, Any] = {
    "NUL": "a\0b",
    "only NUL": "\0",
    "lone surrogate": "a\ud800b",
    "surrogates in the wrong order": "\udc00\ud800",
    "list": ["a"],
    "list with NUL": ["\0"],
    "object": {"a": "b"},
    "empty object": {},  # found by schemathesis: it was treated as absent
    "object with nothing in it": {"a": None},
    "object with NUL as a key": {"\0": "b"},
    "true": True,
    "false": False,
    "40 deep": json.loads("[" * 40 + '"a"' + "]" * 40),
}
# Values that make the whole body invalid.
UNREADABLE: dict[str, bytes] = {
    "NaN": b"NaN",
    "Infinity": b"-Infinity",
    "1e400": b"1e400",
    "-1e400": b"-1e400",
    "5,000 digits": b"9" * 5_000,
    "lists 100,000 deep": b"[" * 100_000 + b"]" * 100_000,
    "objects 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    "60 deep": b"[" * 60 + b"]" * 60,
    "a key twice inside": b'{"a": 1, "a": 2}',
    "invalid UTF-8": b'"\xff"',
    "half a character": b'"\xc3"',
    "a surrogate in UTF-8": b'"\xed\xa0\x80"',
    "UTF-16": '"a"'.encode("utf-16"),
    "a raw NUL": b'"\0"',
    "a raw line end": b'"\n"',
    "nothing": b"",
    "half a word": b"tru",
    "half a text": b'"a',
    "half an escape": b'"\\u12"',
    "a key twice": b'1, "%(name)s": 2',
}
# Invalid values by class of field.
KINDS: dict[type, list[Any]] = {
    serializers.EmailField: [
        "ada", "ada@", "@example.com", "a b@example.com", "ada@exam ple.com", 2**63,
        "ada@example.com\nBcc: eve@example.com",
    ],
    TimestampField: [
        "soon", "-1", -1, -(2**63), 2**63, 10**19, 10**400, 1.5e300, "2026-13-01T00:00:00Z",
        "2026-02-30T00:00:00Z", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z",
        "2026-11-22T17:30:00+99:99", "١٧٢٩٦٩٠٦١١٥٨٧", "1e9", "0x10",
        "17:30", "1729690611587; DROP TABLE ringotel_crm_activity", "x" * 1_000_000,
    ],
    DurationField: [
        "long", -1, "-1", -0.5, 2**31, 2**63, 10**400, 1e300, 31 * 24 * 3600 + 1, "٢٧", "1e3",
        "00:27", "PT27S", "x" * 1_000_000,
    ],
    serializers.IntegerField: ["abc", "-1", "0", "1.5", 10**19, "1" * 1_001, "1e3", "0x10"],
    CursorField: ["abc", "!!!", "MQ==", base64.b64encode(b"after \xff").decode(), "x" * 10_000],
}  # fmt: skip
# Unusual but valid texts: stored unchanged, or not found.
HARMLESS = [
    "علي \u202eexe.gpj", "👩‍👩‍👧‍👦 Ada", "'; DROP TABLE ringotel_crm_activity; --", '" OR 1=1 --',
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "{{ 7*7 }}{% debug %}",
    "%s%n%(name)s{0}", "=cmd|' /C calc'!A0", "../../etc/passwd", "a\u2028b\u200b",
    "\ufeffx", "a\\", "Z̷͑a̸l̶g̸o̶", "ﷺ" * 10, "\x7f\x1b[31mred",
]  # fmt: skip
KEPT = {"first_name", "last_name", "organization.name", "job_title", "subject", "comment"}

# The valid part of a request, without the field under test.
BASES: dict[str, dict[str, Any]] = {
    "Contacts": {},
    "Organizations": {},
    "FindContact": {},
    "CreateContact": {"phone": number(2)},
    "UpdateContact": {"id": "the contact"},
    "CreateActivity": {"call_id": "c1"},
    "AssignActivity": {"call_id": "c1"},
    "UpdateActivity": {"call_id": "c1", "subject": "written"},
    "StopCallActivity": {"call_id": "c1"},
    "UpdateCallRecording": {"call_id": "c1"},
}

ALL = list(entries())
IN_BODY = [entry for entry in ALL if entry.method != "GET"]
BODY_OF = {"GET": b"", "POST": b"no sound"}
IN_QUERY = [entry for entry in ALL if entry.method == "GET" or entry.hook == "UpdateCallRecording"]


def all_rows() -> dict[str, Any]:
    """Return all rows of the app, by the name of the model."""
    ours = [model for model in apps.get_models() if model._meta.app_label.startswith("ringotel")]
    return {model.__name__: _rows(model) for model in ours}


def rows_besides_events() -> dict[str, Any]:
    events = {"WebhookEvent", "WebhookEventKey"}
    return {name: rows for name, rows in all_rows().items() if name not in events}


def _rows(model: type[models.Model]) -> list[Any]:
    return list(model._default_manager.order_by("pk").values())


@pytest.fixture
def bases(api: Api) -> Iterator[dict[str, dict[str, Any]]]:
    """Yield valid requests, then check that nothing was written."""
    contact = make_contact("Ada Example", number(1))
    api.ok("CreateActivity", {"call_id": "c0", "caller_number": number(1)})
    before = all_rows()
    yield {**BASES, "UpdateContact": {"id": str(contact.pk)}}
    assert all_rows() == before


def bad_values(entry: Entry) -> dict[str, Any]:
    cases = dict(WRONG)
    for kind in entry.kinds:
        cases |= {repr(value)[:40]: value for value in KINDS.get(kind, ())}
    if DirectionField not in entry.kinds and (length := getattr(entry.field, "max_length", None)):
        cases["too long"] = "x" * (length + 1)
        cases["too long, in emoji"] = "😀" * (length + 1)
    return cases


def test_every_hook_is_covered() -> None:
    assert {entry.hook for entry in ALL} == set(BASES)
    assert len(ALL) >= 45


@pytest.mark.parametrize("entry", IN_BODY, ids=str)
def test_invalid_value_in_the_body_is_rejected(
    api: Api, bases: dict[str, Any], entry: Entry
) -> None:
    for case, value in bad_values(entry).items():
        response = api.send(entry.hook, json.dumps(entry.body(bases[entry.hook], value)).encode())
        assert response.status_code == 400, case
        blamed = error(response)["fields"].keys()
        assert {name.partition(".")[0] for name in blamed} == {entry.name.partition(".")[0]}, case


@pytest.mark.parametrize("entry", IN_BODY, ids=str)
def test_invalid_body_is_rejected(api: Api, bases: dict[str, Any], entry: Entry) -> None:
    marked = json.dumps(entry.body(bases[entry.hook], "here"))
    for case, value in UNREADABLE.items():
        value = value.replace(b"%(name)s", entry.name.rpartition(".")[2].encode())
        response = api.send(entry.hook, marked.encode().replace(b'"here"', value))
        assert error(response, 413 if response.status_code == 413 else 400), case


@pytest.mark.parametrize("entry", IN_BODY, ids=str)
def test_field_of_ten_megabytes_is_rejected(api: Api, bases: dict[str, Any], entry: Entry) -> None:
    body = json.dumps(entry.body(bases[entry.hook], MEGABYTES_10)).encode()
    response = api.send(entry.hook, body)
    # Ten million x are valid base64, but no audio.
    assert response.status_code == (415 if entry.name == "recording" else 413)


@pytest.mark.parametrize("entry", IN_QUERY, ids=str)
def test_invalid_value_in_the_query_is_rejected(
    api: Api, bases: dict[str, Any], entry: Entry
) -> None:
    for case, value in bad_values(entry).items():
        if not isinstance(value, str) or "surrogate" in case or entry.name == "recording":
            continue
        query = urlencode(entry.body(bases[entry.hook], value))
        response = api.send(entry.hook, BODY_OF[entry.method], "audio/wav", query=query)
        assert error(response, 400)["fields"].keys() == {entry.name}, case


@pytest.mark.parametrize(
    "raw", ["%00", "%ED%A0%80", "%FF%FE", "%", "%zz", "+", "a&a=b", "[]=1", "\x7f", "%F0%9F%98%80"]
)
@pytest.mark.parametrize("entry", IN_QUERY, ids=str)
def test_malformed_query_is_handled(
    api: Api, bases: dict[str, Any], entry: Entry, raw: str
) -> None:
    response = api.send(entry.hook, BODY_OF[entry.method], "audio/wav", query=f"{entry.name}={raw}")
    assert response.status_code in (200, 400, 404, 415)


@pytest.mark.parametrize(
    "entry", [entry for entry in IN_BODY if serializers.CharField in entry.kinds], ids=str
)
def test_unusual_text_is_stored_unchanged_or_rejected(api: Api, entry: Entry) -> None:
    contact = make_contact("Ada Example", number(1))
    bases = {**BASES, "UpdateContact": {"id": str(contact.pk)}}
    before = (Contact.objects.count(), Activity.objects.count())
    for n, text in enumerate(HARMLESS):
        base = {**bases[entry.hook], "call_id": f"c{n}", "phone": number(10 + n)}
        response = api.send(entry.hook, json.dumps(entry.body(base, text)).encode())
        assert response.status_code in ((200,) if entry.name in KEPT else (200, 400, 404)), text
        if entry.name in KEPT:
            kept = {
                value
                for rows in all_rows().values()
                for row in rows
                for value in row.values()
                if value.__hash__
            }
            assert text.strip() in kept
    after = (Contact.objects.count(), Activity.objects.count())
    assert all(many <= few + len(HARMLESS) for many, few in zip(after, before, strict=True))


@pytest.mark.parametrize(
    "name", ["\0", "a\0", "\ud800", "__class__", "", "$call_id$", "ﬁ", "x" * 100_000]
)
@pytest.mark.parametrize("hook", sorted({entry.hook for entry in IN_BODY}))
def test_unknown_field_alone_is_rejected(
    api: Api, bases: dict[str, Any], hook: str, name: str
) -> None:
    """Unknown fields are ignored, so that this request is empty."""
    response = api.send(hook, json.dumps({name: "x"}).encode())
    assert response.status_code in (400, 413)


@pytest.mark.parametrize(
    "extra",
    [
        "pk",
        "tenant",
        "contact_confirmed",
        "status",
        "agent_id",
        "contact_name",
        "legal_hold",
        "user",
        "is_staff",
    ],
)
def test_hooks_do_not_write_other_columns(api: Api, extra: str) -> None:
    contact = make_contact("Ada Example", number(1))
    bases = {**BASES, "UpdateContact": {"id": str(contact.pk)}}
    for hook, base in bases.items():
        if hook not in (
            "Contacts",
            "Organizations",
            "FindContact",
            "UpdateCallRecording",
            "AssignActivity",
        ):
            assert api.call(hook, {**base, extra: "9999999"}).status_code == 200
    call = Activity.objects.get(call_id="c1")
    assert (call.tenant, call.agent_id, call.contact_name, call.legal_hold) == ("", "", "", False)
    assert "9999999" not in repr(all_rows())


# --- webhooks: events with a valid token are stored, answered with 200, and fail in processing ---

EVENTS: dict[str, dict[str, list[Any]]] = {
    "StartCallActivity": {
        "call_id": [], "activity_type": [], "caller_number": [], "called_number": [],
        "extension": [], "user_id": [], "call_start": KINDS[TimestampField],
    },
    "StopCallActivity": {
        "call_id": [], "extension": [], "call_cause": [], "call_end": KINDS[TimestampField],
        "call_duration": KINDS[DurationField],
    },
    "message": {"messageid": [], "from": [], "to": [], "userid": [], "content": []},
    "delivered": {"messageid": []},
    "read": {"messageid": []},
    "updated": {"messageid": [], "content": []},
    "deleted": {"messageid": []},
}  # fmt: skip
GOOD = {
    "call_id": "c1",
    "caller_number": "442079460002",
    "messageid": "m1",
    "from": "442079460002",
    "to": "500",
    "content": "Hi",
}


@pytest.fixture
def send(db: None) -> Any:
    _row, token = WebhookToken.objects.issue(name="main", user=service_user("main"))

    def call(body: bytes, token: str = token) -> Any:
        body = body.replace(b"TOKEN", token.encode())
        return Client().generic("POST", "/ringotel/webhook/main/", body, "application/json")

    return call


@pytest.mark.parametrize(
    ("method", "field"), [(method, field) for method, fields in EVENTS.items() for field in fields]
)
def test_event_with_an_invalid_value_fails_without_writing(
    send: Any, method: str, field: str
) -> None:
    texts = (
        {"too long": "x" * 100_001}
        if field not in ("call_start", "call_end", "call_duration")
        else {}
    )
    cases = {**WRONG, **texts, **{repr(value)[:40]: value for value in EVENTS[method][field]}}
    send(json.dumps({"method": "typing", "api_token": "TOKEN"}).encode())  # marks the token as used
    before = rows_besides_events()
    for case, value in cases.items():
        body = {"method": method, "api_token": "TOKEN", "params": {**GOOD, field: value}}
        assert send(json.dumps(body).encode()).status_code == 200, case
        event = WebhookEvent.objects.latest("pk")
        assert event.status == WebhookEvent.Status.FAILED, case
        assert "Invalid" in event.error
    assert rows_besides_events() == before


@pytest.mark.parametrize("case", UNREADABLE)
@pytest.mark.parametrize("place", ["method", "api_token", "params", "call_id"])
def test_invalid_event_body_is_rejected(send: Any, case: str, place: str) -> None:
    body = {"method": "StartCallActivity", "api_token": "TOKEN", "params": {"call_id": "c1"}}
    (body if place in body else body["params"])[place] = "here"  # type: ignore[index]
    value = UNREADABLE[case].replace(b"%(name)s", place.encode())
    assert send(json.dumps(body).encode().replace(b'"here"', value)).status_code == 400
    assert not WebhookEvent.objects.exists()


@pytest.mark.parametrize("case", WRONG)
@pytest.mark.parametrize("place", ["method", "api_token", "params"])
def test_event_with_an_invalid_envelope_writes_no_call(send: Any, case: str, place: str) -> None:
    body = {
        "method": "StartCallActivity",
        "api_token": "TOKEN",
        "params": {"call_id": "c1"},
        place: WRONG[case],
    }
    assert send(json.dumps(body).encode()).status_code == (403 if place == "api_token" else 200)
    assert not Activity.objects.exists()


@pytest.mark.parametrize("name", ["a\0b", "../admin", "x" * 300, "ä", "other"])
def test_unknown_webhook_name_is_rejected(send: Any, name: str) -> None:
    body = json.dumps({"method": "typing", "api_token": "x"})
    response = Client().generic(
        "POST", f"/ringotel/webhook/{quote(name)}/", body, "application/json"
    )
    assert response.status_code in (403, 404)
    assert not WebhookEvent.objects.exists()


# --- pages: impossible ids, and queries that no form sends ---


@pytest.mark.parametrize("id", ["0", str(2**63), "9" * 400, "-1", "a", "%00", "1%00"])
@pytest.mark.parametrize(
    "path", ["recordings/{}/", "recordings/{}/waveform.svg", "messages/{}/file/"]
)
def test_impossible_id_in_a_path_is_not_found(admin_client: Client, path: str, id: str) -> None:
    assert admin_client.get(f"/ringotel/{path.format(id)}").status_code == 404


@pytest.mark.parametrize(
    "query",
    [
        *(
            "activity/?agent=%00",
            "activity/?status__exact=a%00",
            "activity/?contact_id=%00",
            "activity/?q=%00",
        ),
        *(
            "activity/?start__gte=%00",
            "activity/?p=%00",
            "activity/?start__year=-1",
            f"activity/?start__year={2**63}",
            "activity/?p=99999999999999999999",
            "activity/?o=-99.x",
        ),
        *(
            "activity/assign/?q=%00",
            f"activity/assign/?id={2**63}",
            "activity/assign/?id=%D9%A1&q=ada%00",
        ),
        "activity/overview/?since=9999-12-31&until=9999-12-31",
        "activity/overview/?since=0001-01-01&until=0001-01-02",
        *(
            "activity/overview/?since=%00&until=a",
            "activity/overview/?days=%00",
            "auditentry/?kind__exact=%00",
        ),
        *(
            "apikey/connect/document/?auth=bearer&base_url=http://[",
            "activity/caller-lookup/?number=%00&number=a",
        ),
        *(
            "../ringotel_minicrm/contact/duplicates/similar/?email=%00",
            "../ringotel_minicrm/contact/?email=%00",
        ),
        *(
            "../ringotel_minicrm/contact/merge/?target=%00&source=1",
            "/ringotel/pop/?caller=%00&name=%00",
        ),
    ],
)
def test_malformed_query_of_a_page_is_handled(admin_client: Client, query: str) -> None:
    make_contact("Ada Example", number(1))
    response = admin_client.get(urljoin("/admin/ringotel_crm/", query), follow=True)
    assert response.status_code in (200, 400)
    assert response.status_code == 200 or "connect" in query


@pytest.mark.parametrize(
    "form",
    [
        *(
            {"auth": "bearer", "name": "a", "base_url": url}
            for url in ("http://[", "https://a:99999", "https://℀.test")
        ),
        *(
            {"try": "1", "auth": "bearer", "base_url": "http://localhost:9", "API key": key}
            for key in ("👩", "a\r\nb")
        ),
    ],
)
def test_invalid_form_of_the_connect_page_is_redisplayed(
    admin_client: Client, form: dict[str, str]
) -> None:
    assert admin_client.post("/admin/ringotel_crm/apikey/connect/", form).status_code == 200
    assert not ApiKey.objects.exists()
