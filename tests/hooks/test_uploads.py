from __future__ import annotations

import base64
import contextlib
import hashlib
import http.client
import itertools
import json
import os
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import IO, Any
from unittest import mock

import pytest
from django.core.handlers.asgi import ASGIRequest
from django.http import HttpRequest
from django.test import RequestFactory
from hypothesis import given
from hypothesis import strategies as st

import ringotel_crm
from ringotel_crm.exceptions import (
    InvalidInput,
    LengthRequired,
    ServiceUnavailable,
    TooLarge,
    UnsupportedMediaType,
)
from ringotel_crm.hooks import base64_stream, uploads
from ringotel_crm.hooks.base64_stream import JSONWithFile
from ringotel_crm.hooks.uploads import read_upload
from ringotel_crm.internal.parsing import is_absent
from ringotel_crm.media import audio
from tests.media.audio_samples import OTHER, SOUND, sample

MB = 1024 * 1024
# One MB, more than is kept in memory.
LONG = bytes(range(256)) * 4096

BOUNDARY = "frontier"


def part(
    data: bytes, name: str = "recording", filename: str | None = "call.wav", headers: str = ""
) -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{file}\r\n{headers}\r\n'
    return head.encode() + data + b"\r\n"


def multipart(*parts: bytes) -> tuple[bytes, str]:
    return b"".join(
        parts
    ) + f"--{BOUNDARY}--\r\n".encode(), f"multipart/form-data; boundary={BOUNDARY}"


def as_multipart(data: bytes) -> tuple[bytes, str]:
    return multipart(part(b"7", "activity_id", None), part(data))


def as_raw(data: bytes) -> tuple[bytes, str]:
    return data, "audio/mpeg"


def as_json(data: bytes) -> tuple[bytes, str]:
    value = base64.b64encode(data).decode()
    return json.dumps({"recording": value, "activity_id": "7"}).encode(), "application/json"


Encoder = Callable[[bytes], tuple[bytes, str]]
every_format = pytest.mark.parametrize("encode", [as_multipart, as_raw, as_json])


def make_request(body: bytes, content_type: str, **environ: Any) -> HttpRequest:
    """Return a request with a plain stream: that of the test client raises at its end."""
    server = {
        "CONTENT_TYPE": content_type,
        "CONTENT_LENGTH": str(len(body)),
        "wsgi.input": BytesIO(body),
    }
    extra: Any = server | environ
    return RequestFactory().generic("POST", "/", **extra)


def read(
    body: bytes, content_type: str, *, max_bytes: int = 2 * MB, **environ: Any
) -> tuple[dict[str, Any], bytes | None]:
    with read_upload(make_request(body, content_type, **environ), max_bytes=max_bytes) as (
        fields,
        file,
    ):
        return fields, file.read() if file else None


def read_value(text: str) -> bytes | None:
    """Return the file of ``{"recording": "<text>"}``; ``text`` may contain JSON escapes."""
    return read(f'{{"recording": "{text}"}}'.encode(), "application/json")[1]


@pytest.fixture(autouse=True)
def spools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[IO[bytes]]]:
    """The temporary files of a test. At its end they must be closed and removed from disk."""
    files: list[IO[bytes]] = []

    def make() -> IO[bytes]:
        files.append(tempfile.TemporaryFile(dir=folder))  # noqa: SIM115
        return files[-1]

    folder = tmp_path / "spools"
    folder.mkdir()
    monkeypatch.setattr(uploads, "temporary_file", make)
    yield files
    assert all(file.closed for file in files)
    assert not list(folder.iterdir())


# --- valid uploads ---


@every_format
@pytest.mark.parametrize("name", SOUND)
def test_every_audio_format_is_received_in_every_upload_format(encode: Encoder, name: str) -> None:
    with read_upload(make_request(*encode(sample(name))), max_bytes=MB) as (fields, file):
        assert fields == ({} if encode is as_raw else {"activity_id": "7"})
        assert file is not None
        assert audio.inspect(file).content_type == SOUND[name][0]
        assert file.read() == sample(name)


@every_format
@pytest.mark.parametrize("data", [b"<!DOCTYPE html>", b"PK\3\4" * 99, *map(sample, OTHER)])
def test_file_that_is_not_audio_is_rejected(encode: Encoder, data: bytes) -> None:
    with read_upload(make_request(*encode(data)), max_bytes=MB) as (_fields, file):
        assert file is not None
        with pytest.raises(UnsupportedMediaType, match=r"not audio|not WebM"):
            audio.inspect(file)


@every_format
def test_long_file_is_written_to_disk(encode: Encoder, spools: list[IO[bytes]]) -> None:
    assert read(*encode(LONG))[1] == LONG
    assert len(spools) == 1


@every_format
def test_file_of_the_maximum_size_is_accepted(encode: Encoder) -> None:
    assert read(*encode(LONG), max_bytes=len(LONG))[1] == LONG


@every_format
def test_empty_file_is_none(encode: Encoder) -> None:
    assert read(*encode(b""))[1] is None


@pytest.mark.parametrize(
    "content_type",
    [
        *(
            "audio/x-wav",
            "audio/ogg; codecs=opus",
            "AUDIO/WAV",
            "application/octet-stream",
            "binary/octet-stream",
        ),
        *(
            "application/ogg",
            "video/webm",
            "application/x-www-form-urlencoded",
            "multipart/mixed; boundary=x",
        ),
        *("text/plain", "text/html", "/", ""),
    ],
)
def test_content_type_of_a_raw_body_is_ignored(content_type: str) -> None:
    assert read(b"sound", content_type) == ({}, b"sound")


@pytest.mark.parametrize("content_type", ["", "text/plain", "text/json"])
def test_json_is_read_whatever_its_content_type(content_type: str) -> None:
    body, _json = as_json(b"sound")
    assert read(b"\n" + body, content_type) == ({"activity_id": "7"}, b"sound")


@pytest.mark.parametrize("charset", ["foobar", "base64", "rot13", "zlib", "utf-16", '"'])
@every_format
def test_charset_is_ignored(encode: Encoder, charset: str) -> None:
    body, content_type = encode(b"sound")
    assert read(body, f"{content_type}; charset={charset}")[1] == b"sound"


# --- errors of all upload formats ---


@every_format
def test_file_over_the_limit_is_rejected(encode: Encoder) -> None:
    with pytest.raises(TooLarge) as raised:
        read(*encode(LONG), max_bytes=len(LONG) - 1)
    assert raised.value.fields == {"recording": [f"Must be at most {len(LONG) - 1} bytes."]}


@every_format
def test_content_length_far_over_the_limit_is_rejected_before_reading(encode: Encoder) -> None:
    request = make_request(*encode(LONG))
    with pytest.raises(TooLarge), read_upload(request, max_bytes=1000):
        pass
    body, _content_type = encode(LONG)
    assert request.read() == body


@every_format
@pytest.mark.parametrize("keep", [0, 1, 200, 70_000, -1])
def test_truncated_body_is_rejected(encode: Encoder, keep: int) -> None:
    body, content_type = encode(LONG)
    length = len(body)
    with pytest.raises(InvalidInput, match=f"ended after {len(body[:keep])} of {length} bytes"):
        read(body[:keep], content_type, CONTENT_LENGTH=str(length))


@every_format
def test_connection_error_is_rejected(encode: Encoder) -> None:
    class BrokenLine(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    body, content_type = encode(LONG)
    environ: Any = {"wsgi.input": BrokenLine()}
    with pytest.raises(InvalidInput, match="ended after 0 of"):
        read(body, content_type, **environ)


@every_format
def test_chunked_body_is_rejected(encode: Encoder) -> None:
    with pytest.raises(LengthRequired):
        read(*encode(b"sound"), CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")


def test_chunked_body_is_rejected_under_asgi() -> None:
    tenant = {
        "type": "http",
        "method": "POST",
        "path": "/",
        "headers": [(b"content-type", b"audio/wav")],
    }
    with (
        pytest.raises(LengthRequired),
        read_upload(ASGIRequest(tenant, BytesIO(b"sound")), max_bytes=MB),
    ):
        pass


@every_format
@pytest.mark.parametrize("length", ["-5", "many", "1e3"])
def test_invalid_length_returns_no_file(encode: Encoder, length: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert read(*encode(b"sound"), CONTENT_LENGTH=length)[1] is None


@every_format
def test_full_disk_raises_service_unavailable(
    encode: Encoder, monkeypatch: pytest.MonkeyPatch, spools: list[IO[bytes]]
) -> None:
    class FullDisk(BytesIO):
        def write(self, data: Any) -> int:
            raise OSError("No space left on device")

    def make() -> IO[bytes]:
        spools.append(FullDisk())
        return spools[-1]

    monkeypatch.setattr(uploads, "temporary_file", make)
    with pytest.raises(ServiceUnavailable):
        read(*encode(LONG))


# --- base64 in JSON ---


@pytest.mark.parametrize(
    ("text", "data"),
    [
        ("AAECAwQ=", b"\0\1\2\3\4"),
        ("AAECAwQ", b"\0\1\2\3\4"),
        ("-_-_", b"\xfb\xff\xbf"),
        ("+/+/", b"\xfb\xff\xbf"),
        (r"+\/+\/", b"\xfb\xff\xbf"),
        (r"\u002b\u002F+/", b"\xfb\xff\xbf"),
        (r"AAEC\r\nAwQ=\n", b"\0\1\2\3\4"),
        ("  AA EC\tAwQ\n= ", b"\0\1\2\3\4"),
        ("data:audio/wav;base64,AAEC", b"\0\1\2"),
        (r"data:audio\/ogg; codecs=opus;base64,AAEC", b"\0\1\2"),
        ("", None),
        ("  ", None),
        ("$recording$", None),
        (" $a_name$ ", None),
        ("$call recording$", None),
    ],
)
def test_base64_is_decoded_in_all_variants(text: str, data: bytes | None) -> None:
    assert read_value(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "A", "AAAAA", "AA=A", "AA==AAAA", "A===", "=", "%%%%", "ünïc", "$recording", "$$",
        "data:audio/wav,AAEC", "data:text",
        r"AA\"AA", "\\", r"\x", r"\u00", r"\ud800", "AA\0A", "A" * 70_000 + "%",
        "A" * 70_001, "http://x/y.wav",
    ],
)  # fmt: skip
def test_invalid_base64_is_rejected(text: str) -> None:
    with pytest.raises(InvalidInput) as raised:
        read_value(text)
    assert raised.value.fields == {"recording": ["Must be base64."]}


def test_text_after_the_padding_is_rejected_across_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(base64_stream, "BLOCK", 8)
    reader = JSONWithFile("recording", BytesIO().write)
    reader.feed(b'{"recording": "AAAAAA==')
    with pytest.raises(InvalidInput, match="base64"):
        reader.feed(b'AAAAAAAA"}')


@pytest.mark.parametrize(
    ("document", "fields", "data"),
    [
        (
            '{"a": 1, "recording": "AAEC", "b": [2, {"c": null}]}',
            {"a": 1, "b": [2, {"c": None}]},
            b"\0\1\2",
        ),
        ('{"recording"\n:\t"AAEC"}', {}, b"\0\1\2"),
        ('\ufeff{"recording":"AAEC"}', {}, b"\0\1\2"),
        ('{"a": {"recording": "AAEC"}}', {"a": {"recording": "AAEC"}}, None),
        (
            '{"a": "recording", "b": ["recording", "AAEC"]}',
            {"a": "recording", "b": ["recording", "AAEC"]},
            None,
        ),
        (
            r'{"\"recording": "AAEC", "\\": "}{][", "x\\\"": 0}',
            {'"recording': "AAEC", "\\": "}{][", 'x\\"': 0},
            None,
        ),
        (r'{"a": "\\", "recording": "AAEC"}', {"a": "\\"}, b"\0\1\2"),
        (
            r'{"a": "\"recording\": \"AAEC\"", "recording": "AAEC"}',
            {"a": '"recording": "AAEC"'},
            b"\0\1\2",
        ),
        ('{"recording": null, "a": "ü"}', {"a": "ü"}, None),
        ("{}", {}, None),
    ],
)
def test_other_members_are_returned(
    document: str, fields: dict[str, Any], data: bytes | None
) -> None:
    assert read(document.encode(), "application/json") == (fields, data)


@pytest.mark.parametrize(
    ("document", "error"),
    [
        (b"", "not valid JSON"),
        (b"recording", "not valid JSON"),
        (b'{"recording": "AAEC"', "not valid JSON"),
        (b'{"recording": "AAEC', "not valid JSON"),
        (b'{"recording": "AAEC",}', "not valid JSON"),
        (b'{"recording": "AAEC"} {}', "not valid JSON"),
        (b'{"a": NaN}', "not valid JSON"),
        (b'{"a": "\xff"}', "not valid JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "not valid JSON"),
        (b'{"a": ' + b"[" * 30_000 + b"]" * 30_000 + b"}", "nested too deeply"),
        ('{"recording": "AAEC"}'.encode("utf-16"), "not valid JSON"),
        (b'["recording", "AAEC"]', "JSON object"),
        (b'"recording"', "JSON object"),
        (b'{"recording": "AAEC", "recording": "AAEC"}', "base64"),
        (b'{"recording": 7}', "base64"),
        (b'{"recording": ["AAEC"]}', "base64"),
    ],
)
def test_invalid_document_is_rejected(document: bytes, error: str) -> None:
    with pytest.raises(InvalidInput, match=error):
        read(document, "application/json")


@pytest.mark.parametrize(
    "document",
    [
        b'{"file": "' + b"A" * 65_536 + b'"}',
        b'{"a": [' + b"0," * 32_768 + b"0]}",
        b'{"a": "' + b'\\"' * 32_768 + b'"}',
        b" " * 65_537,
    ],
)
def test_other_members_are_limited_in_size(document: bytes) -> None:
    with pytest.raises(TooLarge, match='at most 65536 bytes besides "recording"'):
        read(document, "application/json")


@pytest.mark.slow
@given(
    data=st.binary(max_size=300),
    other=st.dictionaries(st.text().filter("recording".__ne__), st.text() | st.lists(st.text())),
    slash=st.sampled_from(["/", r"\/", r"\u002f"]),
    cuts=st.lists(st.integers(0, 700)),
    block=st.integers(8, 100),
)
def test_document_can_be_split_anywhere(
    data: bytes, other: dict[str, Any], slash: str, cuts: list[int], block: int
) -> None:
    value = base64.encodebytes(data).decode().replace("\n", r"\n").replace("/", slash)
    body = (json.dumps(other | {"recording": ""})[:-2] + f'{value}"}}').encode()
    written = BytesIO()
    reader = JSONWithFile("recording", written.write)
    with mock.patch.object(base64_stream, "BLOCK", block):
        for start, end in itertools.pairwise([0, *sorted(cuts), len(body)]):
            reader.feed(body[start:end])
        assert reader.close() == other
    assert written.getvalue() == data


@pytest.mark.slow
@given(
    body=st.binary()
    | st.text(alphabet='{}[]:,"\\recoding $=AQ/\n').map(
        lambda text: f'{{"recording": "{text}'.encode()
    )
)
def test_accepted_document_equals_parsed_json(body: bytes) -> None:
    written = BytesIO()
    reader = JSONWithFile("recording", written.write)
    try:
        reader.feed(body)
        others = reader.close()
    except (InvalidInput, TooLarge):
        return
    members = json.loads(body.decode("utf-8-sig"), strict=False)
    text = members.pop("recording", None)
    assert others == members
    assert written.getvalue() == (b"" if is_absent(text) else decode(text))


def decode(text: str) -> bytes:
    """Decode base64 with white space and without padding."""
    digits = "".join(text.split())
    return base64.b64decode(digits + "=" * (-len(digits) % 4), validate=True)


# --- multipart ---


@pytest.mark.parametrize(
    ("parts", "data"),
    [
        ([part(b"a", "recording"), part(b"b", "other")], b"a"),
        ([part(b"b", "other"), part(b"a", "recording")], b"a"),
        ([part(b"a", "other")], b"a"),
        ([part(b"YQ==", headers="Content-Transfer-Encoding: base64\r\n")], b"a"),
        ([part(b"a", headers="Content-Type: text/html; charset=rot13\r\n")], b"a"),
        ([part(b"a", filename="../../etc/passwd")], b"a"),
        ([part(b"a", filename="call\0.wav")], b"a"),
        ([part(b"a", filename="\0")], None),
        ([part(b"", filename="")], None),
        ([part(b"", "recording", None)], None),
        ([part(b"$recording$", "recording", None)], None),
        ([], None),
    ],
)
def test_file_of_a_multipart_is_chosen_by_name(parts: list[bytes], data: bytes | None) -> None:
    assert read(*multipart(*parts)) == ({}, data)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([part(b"a", "one"), part(b"b", "two")], "Send one file"),
        ([part(b"a"), part(b"b")], "Send one file"),
        ([part(b"RIFF", "recording", None)], "with a file name"),
        ([part(b"RIFF", filename="")], "with a file name"),
        ([part(b"a")] * 101, "number of files exceeded"),
        ([part(b"1", "a", None)] * 1001, "GET/POST parameters exceeded"),
        ([part(b"a", headers=f"X-Long: {'x' * 2000}\r\n")], "header size exceeded"),
        (
            [part(b"a%b", headers="Content-Transfer-Encoding: base64\r\n")],
            "Could not decode base64",
        ),
    ],
)
def test_invalid_multipart_is_rejected(parts: list[bytes], error: str) -> None:
    with pytest.raises(InvalidInput, match=error):
        read(*multipart(*parts))


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xfc"],
)
def test_invalid_boundary_is_rejected(content_type: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read(as_multipart(b"sound")[0], content_type)


def test_too_long_fields_are_rejected() -> None:
    with pytest.raises(TooLarge, match="fields"):
        read(*multipart(part(b"x" * 3 * MB, "note", None), part(b"sound")))


def test_truncated_multipart_with_matching_length_is_rejected() -> None:
    body, content_type = as_multipart(LONG)
    for length in (len(body) - len(BOUNDARY) - 6, 70_000, 200):
        with pytest.raises(InvalidInput, match="ended in the middle"):
            read(body[:length], content_type)


@pytest.mark.slow
@given(data=st.binary(max_size=500), cut=st.integers(0, 500))
def test_accepted_multipart_file_is_part_of_the_body(data: bytes, cut: int) -> None:
    body, content_type = as_multipart(data)
    body = body[:cut] + data + body[cut:]
    with (
        contextlib.suppress(InvalidInput, TooLarge),
        read_upload(make_request(body, content_type), max_bytes=MB) as (_fields, file),
    ):
        assert file is None or file.read() in body


def test_form_accessed_by_a_middleware_is_read() -> None:
    request = make_request(*as_multipart(LONG))
    assert request.POST
    with read_upload(request, max_bytes=MB) as (fields, file):
        assert file is not None
        assert (fields, file.read()) == ({"activity_id": "7"}, LONG)
    with pytest.raises(TooLarge), read_upload(request, max_bytes=len(LONG) - 1):
        pass
    request.close()


@every_format
def test_body_accessed_by_a_middleware_is_read(encode: Encoder) -> None:
    request = make_request(*encode(b"sound"))
    assert request.body
    with read_upload(request, max_bytes=MB) as (_fields, file):
        assert file is not None
        assert file.read() == b"sound"


# --- under a real server ---

SITE = """
from __future__ import annotations

import hashlib
import re
import pathlib

from django.conf import settings
from django.core.wsgi import get_wsgi_application
from django.http import JsonResponse
from django.urls import path

settings.configure(
    ROOT_URLCONF=__name__,
    SECRET_KEY="only-for-tests",
    ALLOWED_HOSTS=["127.0.0.1"],
    INSTALLED_APPS=["django.contrib.auth", "django.contrib.contenttypes", "ringotel_crm"],
)
application = get_wsgi_application()

from ringotel_crm.exceptions import CRMError
from ringotel_crm.hooks.uploads import read_upload


def peak():
    status = pathlib.Path("/proc/self/status").read_text()
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", status)[1]) * 1024


def upload(request):
    before = peak()
    try:
        with read_upload(request, max_bytes=200_000_000) as (fields, file):
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except CRMError as exc:
        return JsonResponse({"code": exc.code}, status=400)
    return JsonResponse({"fields": fields, "sha256": digest, "growth": peak() - before})


urlpatterns = [path("", upload)]
"""


@contextlib.contextmanager
def gunicorn(folder: Path) -> Iterator[int]:
    """The port of a server with two sync workers."""
    (folder / "site_of_test.py").write_text(SITE)
    paths = os.pathsep.join([str(folder), str(Path(ringotel_crm.__file__).parents[1])])
    with socket.create_server(("127.0.0.1", 0)) as listener:
        command = [
            sys.executable,
            "-m",
            "gunicorn",
            "--workers=2",
            f"--bind=fd://{listener.fileno()}",
            "site_of_test",
        ]
        server = subprocess.Popen(
            [
                *command[:-1],
                "--log-level=error",
                f"--worker-tmp-dir={folder}",
                "site_of_test:application",
            ],
            env=os.environ | {"PYTHONPATH": paths, "TMPDIR": str(folder)},
            pass_fds=[listener.fileno()],
        )
        try:
            yield listener.getsockname()[1]
        finally:
            server.terminate()
            server.wait(10)


def send_long_base64(client: http.client.HTTPConnection) -> str:
    """Upload 60 MB of base64 in JSON; return the SHA-256 of the file."""
    block = base64.b64encode(LONG + b"\0\0")
    digest = hashlib.sha256()
    client.putrequest("POST", "/")
    client.putheader("Content-Type", "application/json")
    client.putheader("Content-Length", str(len('{"recording":"","id":"7"}') + 43 * len(block)))
    client.endheaders(b'{"recording":"')
    for _number in range(43):
        client.send(block)
        digest.update(LONG + b"\0\0")
    client.send(b'","id":"7"}')
    return digest.hexdigest()


def disconnect_during_upload(port: int, body: bytes, content_type: str) -> bytes:
    """Send the beginning of a body; return the beginning of the response."""
    headers = [
        "POST / HTTP/1.1",
        "Host: 127.0.0.1",
        f"Content-Type: {content_type}",
        f"Content-Length: {len(body)}",
    ]
    with socket.create_connection(("127.0.0.1", port), timeout=30) as connection:
        connection.sendall("\r\n".join([*headers, "", ""]).encode() + body[:500_000])
        connection.shutdown(socket.SHUT_WR)
        return connection.recv(100)


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_uploads_to_gunicorn_are_complete_and_in_bounded_memory(tmp_path: Path) -> None:
    with gunicorn(tmp_path) as port:
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        sha256 = send_long_base64(client)
        response = json.load(client.getresponse())
        client.close()
        assert (response["fields"], response["sha256"]) == ({"id": "7"}, sha256)
        assert response["growth"] < 32 * MB

        for encode in (as_multipart, as_raw, as_json):
            assert disconnect_during_upload(port, *encode(LONG)).startswith(b"HTTP/1.1 400")

        chunks = iter([b"RIFF", b"WAVE"])
        headers = {"Content-Type": "audio/wav"}
        client.request("POST", "/", chunks, headers, encode_chunked=True)
        assert json.load(client.getresponse()) == {"code": "length_required"}
        client.close()
