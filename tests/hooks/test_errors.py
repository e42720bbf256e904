"""Invalid requests get a 4xx with the error envelope, which names the field, and write nothing."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from django.apps import apps
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import models
from django.http import Http404
from django.test import Client
from django.test.client import FakePayload
from pytest_django import Settings
from rest_framework import exceptions as drf

from ringotel_crm import exceptions as crm
from ringotel_crm.minicrm.models import Contact
from ringotel_crm.models import Activity, ApiKey
from tests.api import HOOKS, WRITES, Api, error
from tests.factories import make_contact, number
from tests.media.audio_samples import sample

# Text fields of each hook with their maximum length. test_times and test_calls have the others.
CONTACT = {
    "first_name": 150,
    "last_name": 150,
    "email": 254,
    "phone": 255,
    "mobile": 255,
    "organization.name": 255,
    "job_title": 150,
}
REF = {"id": 255, "call_id": 255}
TEXTS = {
    "CreateContact": CONTACT,
    "UpdateContact": {"id": 255, **CONTACT},
    "CreateActivity": {
        "call_id": 255,
        "activity_type": 0,  # not limited: unknown values are ignored
        "caller_number": 255,
        "called_number": 255,
        "user_id": 255,
        "user_email": 255,
        "extension": 64,
        "contact_id": 255,
        "subject": 255,
        "comment": 10_000,
    },
    "AssignActivity": {**REF, "contact_id": 255},
    "UpdateActivity": {**REF, "subject": 255, "comment": 10_000},
    "StopCallActivity": {**REF, "call_cause": 64},
}
OTHERS = {"CreateActivity": ["call_start"], "StopCallActivity": ["call_end", "call_duration"]}

WRONG: dict[str, Any] = {
    "list": ["text"],
    "object": {"text": "text"},
    "true": True,
    "false": False,
    "NUL": "a\0b",
    "surrogate": "a\ud800b",
    "deep list": [[[["text"]]]],
}


@pytest.fixture
def rows(api: Api) -> Iterator[dict[str, str]]:
    """A contact and a call that must not change."""
    contact = make_contact("Ada Example", number(1))
    id = api.id("CreateActivity", {"call_id": "c0", "caller_number": number(1)})

    def everything() -> dict[type[models.Model], Any]:
        ours = [
            model for model in apps.get_models() if model._meta.app_label.startswith("ringotel")
        ]
        return {model: list(model._default_manager.order_by("pk").values()) for model in ours}

    before = everything()
    yield {"UpdateContact": str(contact.pk), "activity": id}
    assert everything() == before


def request(hook: str, rows: dict[str, str], field: str, value: Any) -> dict[str, Any]:
    """Return a request that is valid but for this value."""
    name, _, inner = field.partition(".")
    data: dict[str, Any] = {"phone": number(2)} if hook.endswith("Contact") else {"call_id": "c1"}
    if hook == "UpdateContact":
        data["id"] = rows[hook]
    return {**data, name: {inner: value} if inner else value}


def texts() -> list[tuple[str, str, int]]:
    fields = [(hook, *field) for hook in TEXTS for field in TEXTS[hook].items()]
    return [(hook, field, length) for hook, field, length in fields if length]


def all_fields() -> list[tuple[str, str]]:
    return [(hook, field) for hook in WRITES for field in [*TEXTS[hook], *OTHERS.get(hook, ())]]


@pytest.mark.parametrize(("hook", "field"), all_fields())
def test_wrong_type_is_rejected(api: Api, rows: dict[str, str], hook: str, field: str) -> None:
    for value in WRONG.values():
        assert api.refused(hook, request(hook, rows, field, value)).keys() == {field}


@pytest.mark.parametrize(("hook", "field", "length"), texts())
def test_too_long_text_is_rejected(
    api: Api, rows: dict[str, str], hook: str, field: str, length: int
) -> None:
    text = "x" * (length + 1) if field != "email" else f"{'x' * (length - 11)}@example.com"
    assert len(text) == length + 1
    assert api.refused(hook, request(hook, rows, field, text)).keys() == {field}


@pytest.mark.parametrize(("hook", "field", "length"), texts())
def test_longest_text_is_stored(api: Api, hook: str, field: str, length: int) -> None:
    """Characters of four bytes fit on every database."""
    text = (
        "😀" * length
        if field != "email"
        else f"{'x' * 60}@{'.'.join(['x' * 60] * 3)}.{'x' * 6}.com"
    )
    statuses = {"UpdateContact.id": 404, "UpdateContact.phone": 400, "UpdateContact.mobile": 400}
    statuses["AssignActivity.contact_id"] = 404
    status = statuses.get(f"{hook}.{field}", 200)
    rows = {"UpdateContact": str(make_contact().pk)}
    assert api.call(hook, request(hook, rows, field, text)).status_code == status


@pytest.mark.parametrize("hook", ["CreateContact", "UpdateContact"])
@pytest.mark.parametrize(
    "email", ["ada", "ada@", "@example.com", "ada@example", "a b@example.com", "ada@example.com,"]
)
def test_invalid_email_is_rejected(api: Api, rows: dict[str, str], hook: str, email: str) -> None:
    assert api.refused(hook, request(hook, rows, "email", email)).keys() == {"email"}


@pytest.mark.parametrize("hook", ["CreateContact", "UpdateContact"])
@pytest.mark.parametrize("company", ["Sample Ltd", 5, ["Sample Ltd"], True])
def test_organization_must_be_an_object(
    api: Api, rows: dict[str, str], hook: str, company: Any
) -> None:
    assert api.refused(hook, request(hook, rows, "organization", company)).keys() == {
        "organization"
    }


@pytest.mark.parametrize("key", ["a\0b", "a\ud800b"])
@pytest.mark.parametrize("hook", WRITES)
def test_unstorable_key_is_rejected(api: Api, rows: dict[str, str], hook: str, key: str) -> None:
    api.refused(hook, request(hook, rows, key, "x"))


def test_error_names_all_invalid_fields(api: Api, rows: dict[str, str]) -> None:
    wrong = {"call_end": "soon", "call_duration": -1, "call_cause": "x" * 65, "call_id": ["c1"]}
    assert api.refused("StopCallActivity", wrong).keys() == wrong.keys()


@pytest.mark.parametrize(
    ("hook", "field"), [(hook, field) for hook, field in all_fields() if "name" not in field]
)
def test_number_of_any_size_causes_no_server_error(api: Api, hook: str, field: str) -> None:
    """Numbers are read as text: too long, not an e-mail address, or an unknown id."""
    rows = {"UpdateContact": str(make_contact().pk)}
    for value in (2**31, 2**63, -(2**63), 10**400, 1.5, 1e300):
        assert api.call(hook, request(hook, rows, field, value)).status_code in (200, 400, 404)


def test_unknown_field_is_ignored(api: Api) -> None:
    api.ok("CreateActivity", {"call_id": "c1", "domain": "sample", "connection": {"id": ["x"]}})
    assert Activity.objects.count() == 1


# --- bodies ---

NESTED = 5000
BODIES = {
    "nothing but white space": b" \n",
    "a word": b"hello",
    "truncated": b'{"call_id": "c1", "subj',
    "two objects": b'{"call_id": "c1"}{"call_id": "c2"}',
    "a trailing comma": b'{"call_id": "c1",}',
    "single quotes": b"{'call_id': 'c1'}",
    "a list": b'[{"call_id": "c1"}]',
    "a text": b'"c1"',
    "a number": b"1",
    "null": b"null",
    "true": b"true",
    "the same key twice": b'{"call_id": "c1", "call_id": "c2"}',
    "the same key twice inside": b'{"call_id": "c1", "organization": {"name": "a", "name": "b"}}',
    "NaN": b'{"call_id": "c1", "call_duration": NaN}',
    "Infinity": b'{"call_id": "c1", "call_duration": -Infinity}',
    "1e400": b'{"call_id": "c1", "call_duration": 1e400}',
    "a number of 5000 digits": b'{"call_id": "c1", "call_duration": ' + b"9" * 5000 + b"}",
    "UTF-16": '{"call_id": "c1"}'.encode("utf-16"),
    "UTF-16 without a mark": '{"call_id": "c1"}'.encode("utf-16-le"),
    "UTF-32": '{"call_id": "c1"}'.encode("utf-32"),
    "Latin-1": '{"call_id": "c1", "subject": "café"}'.encode("latin-1"),
    "half a character": b'{"call_id": "c1", "subject": "\xc3"}',
    "an encoded surrogate": b'{"call_id": "c1", "subject": "\xed\xa0\x80"}',
    "a bare NUL": b'{"call_id": "c1", "subject": "\0"}',
    "a bare line end": b'{"call_id": "c1", "subject": "\n"}',
    "a form": b"call_id=c1&subject=Leak",
    "HTML": b"<!DOCTYPE html><title>504</title>",
    **{f"lists {n} deep": b'{"call_id": ' + b"[" * n + b"]" * n + b"}" for n in (NESTED, 100_000)},
    **{
        f"objects {n} deep": b'{"call_id": ' + b'{"a":' * n + b"1" + b"}" * n + b"}"
        for n in (NESTED, 100_000)
    },
}


@pytest.mark.parametrize("body", BODIES)
def test_body_that_is_not_a_json_object_is_rejected(
    api: Api, rows: dict[str, str], body: str
) -> None:
    for hook in WRITES:
        assert error(api.send(hook, BODIES[body]))["code"] == "invalid"


@pytest.mark.parametrize("opening", ["[", '{"a":'])
@pytest.mark.parametrize("field", ["call_id", "something"])
def test_nesting_of_any_depth_causes_no_server_error(
    api: Api, rows: dict[str, str], opening: str, field: str
) -> None:
    """Each depth is read or rejected; the request has no valid reference to a call in any case."""
    closing = "]" if opening == "[" else "}"
    for depth in (10, 49, 50, 51, 150, *range(200, 1200, 50), 2000):
        error(
            api.send(
                "StopCallActivity", f'{{"{field}": {opening * depth}1{closing * depth}}}'.encode()
            )
        )


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8"])
def test_byte_order_mark_is_accepted(api: Api, encoding: str) -> None:
    api.send("UpdateActivity", '{"call_id": "c1", "subject": "café"}'.encode(encoding))
    assert Activity.objects.get().subject == "café"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/x-www-form-urlencoded",
        "text/plain",
        "text/html",
        "application/xml",
        "image/png",
        "json",
        "/",
        "é",
    ],
)
def test_other_content_type_is_rejected(api: Api, rows: dict[str, str], content_type: str) -> None:
    for hook in WRITES:
        error(api.send(hook, b'{"call_id": "c1", "phone": "anything"}', content_type), 415)


@pytest.mark.parametrize("hook", WRITES)
def test_multipart_is_rejected(api: Api, rows: dict[str, str], hook: str) -> None:
    method, path = HOOKS[hook]
    send = api.client.post if method == "POST" else api.client.patch
    data = {"call_id": "c1"} if method == "POST" else "--x--"
    error(send(path, data, content_type="multipart/form-data; boundary=x"), 415)


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json; charset=utf-8",
        "APPLICATION/JSON;charset=UTF-8",
        "",
        *(
            f"application/json; charset={name}"
            for name in ("foobar", "utf-16", "latin-1", '"', "utf-8-sig")
        ),
    ],
)
def test_json_is_utf_8_whatever_the_charset(api: Api, content_type: str) -> None:
    """So is the query."""
    query = "extension=caf%C3%A9"
    response = api.send(
        "CreateActivity", '{"call_id": "c1", "subject": "ß"}'.encode(), content_type, query
    )
    assert response.status_code == 200
    assert (Activity.objects.get().subject, Activity.objects.get().extension) == ("ß", "café")


@pytest.mark.parametrize("charset", ["base64", "rot13", "zlib"])
def test_charset_that_is_no_text_encoding_is_ignored(api: Api, charset: str) -> None:
    """Without a query: Django would raise before it calls the view."""
    assert (
        api.send(
            "CreateActivity", b'{"call_id": "c1"}', f"application/json; charset={charset}"
        ).status_code
        == 200
    )


@pytest.mark.parametrize("limit", [100, 101, 102])
def test_body_length_is_limited(api: Api, settings: Settings, limit: int) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = limit
    body = b'{"call_id": "%s"}' % (b"c" * (101 - 15))
    assert len(body) == 101
    response = api.send("CreateActivity", body)
    if limit < 101:
        assert error(response, 413)["code"] == "too_large"
    assert Activity.objects.count() == int(limit >= 101)


def test_body_length_limit_can_be_disabled(api: Api, settings: Settings) -> None:
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = None
    api.ok("CreateActivity", {"call_id": "c1", "other": "x" * 3_000_000})


@pytest.mark.parametrize("hook", WRITES)
def test_body_over_the_default_limit_is_rejected(api: Api, rows: dict[str, str], hook: str) -> None:
    body = json.dumps({"call_id": "c1", "phone": number(5), "other": "x" * 2_700_000}).encode()
    assert error(api.send(hook, body), 413)["code"] == "too_large"


@pytest.mark.parametrize("hook", [*WRITES, "UpdateCallRecording"])
def test_chunked_body_is_rejected(api: Api, rows: dict[str, str], hook: str) -> None:
    """As a WSGI server passes it on, without a length."""
    response = api.send(
        hook, b'{"call_id": "c1"}', CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked"
    )
    assert error(response, 411)["code"] == "length_required"


@pytest.mark.parametrize("length", ["", "0", "abc"])
def test_body_without_length_is_empty(api: Api, rows: dict[str, str], length: str) -> None:
    assert error(api.send("StopCallActivity", b'{"call_id": "c1"}', CONTENT_LENGTH=length))[
        "fields"
    ].keys() == {"id"}


@pytest.mark.parametrize("hook", WRITES)
def test_truncated_body_is_rejected(api: Api, rows: dict[str, str], hook: str) -> None:
    body = b'{"call_id": "c1", "phone": "anything"}'
    environ: dict[str, Any] = {"wsgi.input": FakePayload(body[:20]), "CONTENT_LENGTH": "20"}
    error(api.send(hook, body, **environ))


@pytest.mark.parametrize("hook", [*WRITES, "UpdateCallRecording"])
def test_disconnected_client_causes_no_server_error(
    api: Api, rows: dict[str, str], hook: str
) -> None:
    class Broken:
        def read(self, size: int = -1) -> bytes:
            raise OSError("connection reset")

        readline = read

    environ: dict[str, Any] = {"wsgi.input": Broken()}
    error(api.send(hook, b'{"call_id": "c1"}', **environ))


# --- queries ---


@pytest.mark.parametrize(
    "query", ["phone=%00", "phone=a%00b", "%00=a", "phone=%ED%A0%80", "phone=%FF%FE", "phone=%"]
)
def test_unstorable_query_is_rejected(api: Api, rows: dict[str, str], query: str) -> None:
    response = api.send("FindContact", b"", query=query)
    if "%00" in query:
        error(response)
    else:
        assert response.json() == {"results": []}


def test_too_many_parameters_are_rejected(api: Api, rows: dict[str, str]) -> None:
    error(api.send("FindContact", b"", query="&".join(f"p{n}=1" for n in range(1001))))


# --- recordings: all but the upload formats, which test_uploads has ---


@pytest.mark.parametrize(
    ("body", "content_type", "query", "status", "field"),
    [
        (b"", "audio/wav", "call_id=c0", 400, "recording"),
        (b"no sound at all", "audio/wav", "call_id=c0", 415, None),
        (sample("pcm.wav"), "audio/wav", "", 400, "id"),
        (sample("pcm.wav"), "audio/wav", "id=999999", 404, "id"),
        (sample("pcm.wav"), "audio/wav", "call_id=a%00b", 400, "call_id"),
        (sample("pcm.wav"), "audio/wav", f"call_id={'c' * 256}", 400, "call_id"),
        (b"recording=sound", "application/x-www-form-urlencoded", "call_id=c0", 415, None),
        (b'{"recording": "!!!"}', "application/json", "call_id=c0", 400, "recording"),
        (b'{"recording": null}', "application/json", "call_id=c0", 400, "recording"),
        (b'{"call_id": "c0"}', "application/json", "", 400, "recording"),
        (b'{"recording": "AAAA", "call_id": ["c0"]}', "application/json", "", 400, "call_id"),
        (b"[]", "application/json", "call_id=c0", 400, None),
        (b"--x", "multipart/form-data; boundary=x", "call_id=c0", 400, None),
        (b"--x", "multipart/form-data", "call_id=c0", 400, None),
    ],
)
def test_invalid_recording_is_rejected(
    api: Api,
    rows: dict[str, str],
    body: bytes,
    content_type: str,
    query: str,
    status: int,
    field: str | None,
) -> None:
    response = api.send("UpdateCallRecording", body, content_type, query, CONTENT_TYPE=content_type)
    fields = error(response, status)["fields"]
    assert field is None or fields.keys() == {field}


def test_recording_over_the_limit_is_rejected(
    api: Api, rows: dict[str, str], settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {"RECORDING_MAX_BYTES": 1000}
    found = error(
        api.send("UpdateCallRecording", sample("pcm.wav"), "audio/wav", "call_id=c0"), 413
    )
    assert (found["code"], found["fields"].keys()) == ("too_large", {"recording"})


# --- authentication and methods ---


@pytest.mark.parametrize(
    "authorization", [None, "Bearer rtk_wrong", "Bearer other", "Basic !!!", "Digest x", "Bearer"]
)
def test_unauthenticated_request_is_rejected(
    client: Client, db: None, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    for method, path in HOOKS.values():
        response = client.generic(
            method, path, b'{"call_id": "c1"}', "application/json", headers=headers
        )
        assert error(response, 403)["code"] == "forbidden"
        assert response["WWW-Authenticate"]
    assert Activity.objects.count() == 0


def test_user_without_permission_is_rejected(api: Api) -> None:
    key = ApiKey.objects.get()
    key.user.groups.clear()
    for hook in HOOKS:
        assert error(api.call(hook), 403)["code"] == "forbidden"


@pytest.mark.parametrize("method", ["PUT", "DELETE", "TRACE", "POST"])
def test_unsupported_method_is_rejected(api: Api, method: str) -> None:
    assert (
        error(api.client.generic(method, "/ringotel/users/"), 405)["code"] == "method_not_allowed"
    )


def test_response_is_json_whatever_is_accepted(api: Api) -> None:
    for accept in ("text/html", "application/xml", "*/*", "nonsense", ""):
        response = api.client.get("/ringotel/contacts/find/", headers={"Accept": accept})
        assert response["Content-Type"] == "application/json"


def test_malformed_id_does_not_reveal_a_contact(api: Api) -> None:
    ada = make_contact()
    assert api.refused("UpdateContact", {"id": f"0{ada.pk}x"}, 404).keys() == {"id"}
    assert Contact.objects.count() == 1


# --- exceptions raised by services and by a host's own code ---


@pytest.mark.parametrize(
    ("raised", "status", "code"),
    [
        (crm.NotFound("No."), 404, "not_found"),
        (crm.Unsupported("No."), 501, "unsupported"),
        (drf.Throttled(wait=7), 429, "throttled"),
        (drf.PermissionDenied(), 403, "forbidden"),
        (drf.ValidationError("No."), 400, "invalid"),
        (PermissionDenied(), 403, "forbidden"),
        (Http404(), 404, "not_found"),
        (RequestDataTooBig(), 413, "too_large"),
        (SuspiciousOperation(), 400, "invalid"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_exception_becomes_error_response(
    api: Api, monkeypatch: pytest.MonkeyPatch, raised: Exception, status: int, code: str
) -> None:
    def identify(*args: Any) -> None:
        raise raised

    monkeypatch.setattr("ringotel_crm.hooks.viewsets.identify", identify)
    response = api.call("FindContact")
    assert error(response, status)["code"] == code
    assert ("WWW-Authenticate" in response) == (status == 403)
    assert response.get("Retry-After") == ("7" if status == 429 else None)


def test_unexpected_exception_is_raised(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    def identify(*args: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr("ringotel_crm.hooks.viewsets.identify", identify)
    with pytest.raises(ZeroDivisionError):
        api.call("FindContact")
