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
from ringotel_crm.media import audio
from tests.media.audio_samples import OTHER, SOUND, sample

MB = 1024 * 1024
LONG = bytes(range(256)) * 4096  # one MB, more than is kept in memory

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


Way = Callable[[bytes], tuple[bytes, str]]
every_way = pytest.mark.parametrize("way", [as_multipart, as_raw, as_json])


def make_request(body: bytes, content_type: str, **environ: Any) -> HttpRequest:
    """Under the bare stream of a server: that of the test client fails where a real one is silent."""
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
    """The file of ``{"recording": "<text>"}``, the text as it stands in the document."""
    return read(f'{{"recording": "{text}"}}'.encode(), "application/json")[1]


@pytest.fixture(autouse=True)
def spools(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[list[IO[bytes]]]:
    """The temporary files of a test. Whatever happens in it, they are closed at its end and nothing is left on disk."""
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


# --- what goes well ---


@every_way
@pytest.mark.parametrize("name", SOUND)
def test_every_kind_by_every_way(way: Way, name: str) -> None:
    with read_upload(make_request(*way(sample(name))), max_bytes=MB) as (fields, file):
        assert fields == ({} if way is as_raw else {"activity_id": "7"})
        assert file is not None
        assert audio.inspect(file).content_type == SOUND[name][0]
        assert file.read() == sample(name)


@every_way
@pytest.mark.parametrize("data", [b"<!DOCTYPE html>", b"PK\3\4" * 99, *map(sample, OTHER)])
def test_what_is_no_audio_arrives_and_is_refused(way: Way, data: bytes) -> None:
    with read_upload(make_request(*way(data)), max_bytes=MB) as (_fields, file):
        assert file is not None
        with pytest.raises(UnsupportedMediaType, match=r"not audio|not WebM"):
            audio.inspect(file)


@every_way
def test_long_files_go_to_disk_whole(way: Way, spools: list[IO[bytes]]) -> None:
    assert read(*way(LONG))[1] == LONG
    assert len(spools) == 1


@every_way
def test_the_limit_itself_is_allowed(way: Way) -> None:
    assert read(*way(LONG), max_bytes=len(LONG))[1] == LONG


@every_way
def test_an_empty_file_is_none(way: Way) -> None:
    assert read(*way(b""))[1] is None


@pytest.mark.parametrize(
    "content_type",
    ["audio/x-wav", "audio/ogg; codecs=opus", "application/octet-stream", "AUDIO/WAV"],
)
def test_raw_types(content_type: str) -> None:
    assert read(b"sound", content_type) == ({}, b"sound")


@pytest.mark.parametrize("charset", ["foobar", "base64", "rot13", "zlib", "utf-16", '"'])
@every_way
def test_charsets_are_ignored(way: Way, charset: str) -> None:
    body, content_type = way(b"sound")
    assert read(body, f"{content_type}; charset={charset}")[1] == b"sound"


# --- what goes wrong on every way ---


@every_way
def test_over_the_limit(way: Way) -> None:
    with pytest.raises(TooLarge) as refusal:
        read(*way(LONG), max_bytes=len(LONG) - 1)
    assert refusal.value.fields == {"recording": [f"At most {len(LONG) - 1} bytes."]}


@every_way
def test_far_over_the_limit_is_refused_before_reading(way: Way) -> None:
    request = make_request(*way(LONG))
    with pytest.raises(TooLarge), read_upload(request, max_bytes=1000):
        pass
    body, _content_type = way(LONG)
    assert request.read() == body


@every_way
@pytest.mark.parametrize("keep", [0, 1, 200, 70_000, -1])
def test_a_client_that_vanishes(way: Way, keep: int) -> None:
    body, content_type = way(LONG)
    length = len(body)
    with pytest.raises(InvalidInput, match=f"ended after {len(body[:keep])} of {length} bytes"):
        read(body[:keep], content_type, CONTENT_LENGTH=str(length))


@every_way
def test_a_broken_line(way: Way) -> None:
    class BrokenLine(BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise ConnectionResetError

    body, content_type = way(LONG)
    environ: Any = {"wsgi.input": BrokenLine()}
    with pytest.raises(InvalidInput, match="ended after 0 of"):
        read(body, content_type, **environ)


@every_way
def test_without_a_length(way: Way) -> None:
    with pytest.raises(LengthRequired):
        read(*way(b"sound"), CONTENT_LENGTH="", HTTP_TRANSFER_ENCODING="chunked")


def test_without_a_length_where_the_server_reads_all() -> None:
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


@every_way
@pytest.mark.parametrize("length", ["-5", "many", "1e3"])
def test_a_length_that_is_none_brings_nothing(way: Way, length: str) -> None:
    with contextlib.suppress(InvalidInput):
        assert read(*way(b"sound"), CONTENT_LENGTH=length)[1] is None


@pytest.mark.parametrize(
    "content_type",
    [
        "",
        "text/plain",
        "text/html",
        "multipart/mixed; boundary=x",
        "application/x-www-form-urlencoded",
        "/",
    ],
)
def test_other_types(content_type: str) -> None:
    with pytest.raises(UnsupportedMediaType, match="Expected multipart"):
        read(b"sound", content_type)


@every_way
def test_a_full_disk_leaves_nothing(
    way: Way, monkeypatch: pytest.MonkeyPatch, spools: list[IO[bytes]]
) -> None:
    class FullDisk(BytesIO):
        def write(self, data: Any) -> int:
            raise OSError("No space left on device")

    def make() -> IO[bytes]:
        spools.append(FullDisk())
        return spools[-1]

    monkeypatch.setattr(uploads, "temporary_file", make)
    with pytest.raises(ServiceUnavailable):
        read(*way(LONG))


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
    ],
)
def test_base64_as_it_comes(text: str, data: bytes | None) -> None:
    assert read_value(text) == data


@pytest.mark.parametrize(
    "text",
    [
        "A", "AAAAA", "AA=A", "AA==AAAA", "A===", "=", "%%%%", "ünïc", "$recording", "data:audio/wav,AAEC", "data:text",
        r"AA\"AA", "\\", r"\x", r"\u00", r"\ud800", "AA\0A", "A" * 70_000 + "%",
        "A" * 70_001, "http://x/y.wav",
    ],
)  # fmt: skip
def test_what_is_no_base64(text: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        read_value(text)
    assert refusal.value.fields == {"recording": ["One text in base64 is expected."]}


def test_nothing_follows_the_padding_in_a_later_block(monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_the_rest_of_the_document(
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
def test_broken_documents(document: bytes, error: str) -> None:
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
def test_only_the_file_may_be_long(document: bytes) -> None:
    with pytest.raises(TooLarge, match='Beside "recording" a body has at most 65536 bytes'):
        read(document, "application/json")


@given(
    data=st.binary(max_size=300),
    other=st.dictionaries(st.text().filter("recording".__ne__), st.text() | st.lists(st.text())),
    slash=st.sampled_from(["/", r"\/", r"\u002f"]),
    cuts=st.lists(st.integers(0, 700)),
    block=st.integers(8, 100),
)
def test_a_document_may_be_cut_anywhere(
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


@given(
    body=st.binary()
    | st.text(alphabet='{}[]:,"\\recoding $=AQ/\n').map(
        lambda text: f'{{"recording": "{text}'.encode()
    )
)
def test_no_document_makes_another_error(body: bytes) -> None:
    reader = JSONWithFile("recording", BytesIO().write)
    with contextlib.suppress(InvalidInput, TooLarge):
        reader.feed(body)
        reader.close()


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
def test_which_file_of_a_multipart(parts: list[bytes], data: bytes | None) -> None:
    assert read(*multipart(*parts)) == ({}, data)


@pytest.mark.parametrize(
    ("parts", "error"),
    [
        ([part(b"a", "one"), part(b"b", "two")], "One file"),
        ([part(b"a"), part(b"b")], "One file"),
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
def test_broken_multiparts(parts: list[bytes], error: str) -> None:
    with pytest.raises(InvalidInput, match=error):
        read(*multipart(*parts))


@pytest.mark.parametrize(
    "content_type",
    ["multipart/form-data", "multipart/form-data; boundary=", "multipart/form-data; boundary=\xfc"],
)
def test_broken_boundaries(content_type: str) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read(as_multipart(b"sound")[0], content_type)


def test_long_fields_beside_the_file() -> None:
    with pytest.raises(TooLarge, match="fields"):
        read(*multipart(part(b"x" * 3 * MB, "note", None), part(b"sound")))


def test_a_multipart_cut_by_a_proxy_that_mends_the_length() -> None:
    body, content_type = as_multipart(LONG)
    for length in (len(body) - len(BOUNDARY) - 6, 70_000, 200):
        with pytest.raises(InvalidInput, match="ended in the middle"):
            read(body[:length], content_type)


@given(data=st.binary(max_size=500), cut=st.integers(0, 500))
def test_no_multipart_makes_another_error(data: bytes, cut: int) -> None:
    body, content_type = as_multipart(data)
    request = make_request(body[:cut] + data + body[cut:], content_type)
    with contextlib.suppress(InvalidInput, TooLarge), read_upload(request, max_bytes=MB):
        pass


def test_a_middleware_that_looked_at_the_form_before() -> None:
    request = make_request(*as_multipart(LONG))
    assert request.POST
    with read_upload(request, max_bytes=MB) as (fields, file):
        assert file is not None
        assert (fields, file.read()) == ({"activity_id": "7"}, LONG)
    with pytest.raises(TooLarge), read_upload(request, max_bytes=len(LONG) - 1):
        pass
    request.close()


@every_way
def test_a_middleware_that_looked_at_the_body_before(way: Way) -> None:
    request = make_request(*way(b"sound"))
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
    return int(re.search(r"VmHWM:\\s*(\\d+) kB", pathlib.Path("/proc/self/status").read_text())[1]) * 1024


def upload(request):
    before = peak()
    try:
        with read_upload(request, max_bytes=200_000_000) as (fields, file):
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except CRMError as error:
        return JsonResponse({"code": error.code}, status=400)
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


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_a_real_server(tmp_path: Path) -> None:
    block = base64.b64encode(LONG + b"\0\0")
    digest = hashlib.sha256()
    with gunicorn(tmp_path) as port:
        # 60 MB of base64 in JSON, in bounded memory.
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.putrequest("POST", "/")
        client.putheader("Content-Type", "application/json")
        client.putheader("Content-Length", str(len('{"recording":"","id":"7"}') + 43 * len(block)))
        client.endheaders(b'{"recording":"')
        for _number in range(43):
            client.send(block)
            digest.update(LONG + b"\0\0")
        client.send(b'","id":"7"}')
        answer = json.load(client.getresponse())
        client.close()
        assert answer["fields"] == {"id": "7"}
        assert answer["sha256"] == digest.hexdigest()
        assert answer["growth"] < 32 * MB

        # A client that goes away in the middle, by each way.
        for way in (as_multipart, as_raw, as_json):
            body, content_type = way(LONG)
            head = f"Host: 127.0.0.1\r\nContent-Type: {content_type}\r\nContent-Length: {len(body)}\r\n\r\n"
            with socket.create_connection(("127.0.0.1", port), timeout=30) as line:
                line.sendall(b"POST / HTTP/1.1\r\n" + head.encode() + body[:500_000])
                line.shutdown(socket.SHUT_WR)
                assert line.recv(100).startswith(b"HTTP/1.1 400")

        # A body in pieces, without a length.
        client = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        client.request(
            "POST",
            "/",
            iter([b"RIFF", b"WAVE"]),
            {"Content-Type": "audio/wav"},
            encode_chunked=True,
        )
        assert json.load(client.getresponse()) == {"code": "length_required"}
        client.close()
