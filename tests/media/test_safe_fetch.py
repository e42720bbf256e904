from __future__ import annotations

import io
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from pytest_django import Settings

from ringotel_crm.exceptions import FetchError, InvalidInput, TooLarge
from ringotel_crm.media.safe_fetch import download_to, is_public
from tests.fixtures.web import Handler, Web

SOUND = b"RIFF" + bytes(range(256)) * 400
NOT_PUBLIC = "public address"


@pytest.fixture(autouse=True)
def _plain_http(settings: Settings) -> None:
    settings.RINGOTEL_CRM = {"FETCH_ALLOW_HTTP": True, "FETCH_TIMEOUT": 5}


def fetch(url: str, max_bytes: int = 1_000_000) -> bytes:
    file = io.BytesIO()
    download_to(file, url, max_bytes=max_bytes)
    return file.getvalue()


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("93.184.216.34", True),
        ("2606:4700::6810:84e5", True),
        ("64:ff9b::5db8:d822", True),
        ("::ffff:93.184.216.34", True),
        *(
            (address, False)
            for address in """
            127.0.0.1 127.9.9.9 0.0.0.0 10.1.2.3 172.16.0.1 172.31.255.255 192.168.1.1
            169.254.169.254
            100.64.0.1 100.100.100.200 192.0.0.8 192.0.0.192 192.0.2.1 198.18.0.1 198.51.100.1
            203.0.113.1 192.88.99.1 168.63.129.16 224.0.0.1 233.252.0.1 239.255.255.250 240.0.0.1
            255.255.255.255 ::1 :: ::7f00:1 ::127.0.0.1 ::ffff:127.0.0.1 ::ffff:10.0.0.1
            ::ffff:a9fe:a9fe fe80::1 fe80::1%eth0 fec0::1 fc00::1 fd00:ec2::254 ff02::1
            64:ff9b::7f00:1
            64:ff9b::a00:1 64:ff9b:1::1 100::1 2001::1 2001:db8::1 2002:7f00:1:: 2002:5db8:d822::
            2001:10::1 2001:2::1 3fff::1 5f00::1 4000::1
        """.split()
        ),
    ],
)
def test_public_addresses_are_recognized(address: str, public: bool) -> None:
    assert is_public(address) is public


def test_file_is_fetched(web: Web) -> None:
    assert fetch(web.serve(SOUND)) == SOUND
    assert web.requests == [
        "\n".join(
            [
                "GET /0.wav HTTP/1.1",
                f"Host: files.example.com:{web.port}",
                "Accept-Encoding: identity",
                "User-Agent: ringotel-crm",
                "Connection: close",
                "",
            ]
        )
    ]


@pytest.mark.parametrize(
    ("path", "requested"),
    [
        ("/a b.wav", None),
        ("/a%20b.wav?t=1&u=%2F", "/a%20b.wav?t=1&u=%2F"),
        ("/ü.wav?ü", "/%C3%BC.wav?%C3%BC"),
        ("/a.wav#end", "/a.wav"),
        ("?t=1", "/?t=1"),
        ("", "/"),
    ],
)
def test_paths_are_quoted(web: Web, path: str, requested: str | None) -> None:
    url = f"http://{web.name}:{web.port}{path}"
    web.serve(b"")
    if requested is None:
        with pytest.raises(InvalidInput):
            fetch(url)
    else:
        web.answer(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nRIFF", requested)
        assert fetch(url) == b"RIFF"


@pytest.mark.parametrize(
    "url",
    [
        "",
        "x",
        "/a.wav",
        "//files.example.com/a.wav",
        "http:",
        "http://",
        "http:///a.wav",
        "https://:443/",
        "ftp://files.example.com/a",
        "file:///etc/passwd",
        "gopher://files.example.com/",
        "data:audio/wav;base64,AAAA",
        "javascript:0",
        "http://[::1",
        "http://[x]/",
        "http://files.example.com:0/",
        "http://files.example.com:99999/",
        "http://files.example.com:x/",
        "http://una@files.example.com/",
        "http://una:secret@files.example.com/",
        "http://@files.example.com/",
        "http://files.example.com\\@127.0.0.1/",
        "http://files.example.com/\r\nX: y",
        "http://files.example.com/a b",
        " http://files.example.com/",
        "http://files.example.com/\0",
        "http://" + "a" * 70 + ".example.com/",
        "http://a..example.com/",
        "http://.../",
    ],
)
def test_invalid_url_is_refused(web: Web, url: str) -> None:
    with pytest.raises(InvalidInput) as refusal:
        fetch(url)
    assert refusal.value.fields == {"recording_url": [refusal.value.message]}
    assert web.requests == []


INTERNAL = [
    *(
        "10.0.0.1",
        "169.254.169.254",
        "[::1]",
        "[::]",
        "0",
        "0.0.0.0",
        "[fd00::1]",
        "[::ffff:10.0.0.1]",
        "[fe80::1%25lo]",
    ),
    *("10.1", "0x0a000001", "167772161", "012.0.0.1", "10。0。0。1", "①⓪.0.0.1"),
]


@pytest.mark.parametrize("host", INTERNAL)
def test_internal_address_is_refused(web: Web, host: str) -> None:
    with pytest.raises(InvalidInput, match=NOT_PUBLIC):
        fetch(f"http://{host}:{web.port}/")
    assert web.requests == []


@pytest.mark.parametrize("host", INTERNAL)
def test_redirect_to_an_internal_address_is_refused(web: Web, host: str) -> None:
    with pytest.raises(InvalidInput, match=NOT_PUBLIC):
        fetch(web.redirect(f"http://{host}:{web.port}/"))
    assert len(web.requests) == 1


@pytest.mark.parametrize(
    "addresses",
    [["10.0.0.1"], ["93.184.216.34", "10.0.0.1"], ["127.0.0.1", "::1"], ["::ffff:10.0.0.1"], []],
)
def test_name_of_an_internal_address_is_refused(
    web: Web, names: dict[str, list[str]], addresses: list[str]
) -> None:
    """Also if the name has a public address as well."""
    names["evil.example.com"] = addresses
    with pytest.raises(InvalidInput, match=NOT_PUBLIC):
        fetch(f"http://evil.example.com:{web.port}/")
    with pytest.raises(InvalidInput, match=NOT_PUBLIC):
        fetch(web.redirect(f"http://evil.example.com:{web.port}/"))


def test_name_is_looked_up_once(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: a second lookup would return an internal address."""
    hosts: list[str] = []
    look_up = socket.getaddrinfo

    def rebind(host: str, *args: object, **kwargs: object) -> object:
        hosts.append(host)
        first = hosts.count("evil.example.com") == 1
        address = {"evil.example.com": "127.0.0.1" if first else "10.0.0.1"}.get(host, host)
        return look_up(address, *args, **kwargs)  # type: ignore[arg-type]

    monkeypatch.setattr(socket, "getaddrinfo", rebind)
    assert fetch(web.serve(SOUND).replace(web.name, "evil.example.com")) == SOUND
    assert hosts == ["evil.example.com", "127.0.0.1"]


def test_next_address_is_tried(web: Web, names: dict[str, list[str]]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    names["files.example.com"] = ["127.0.0.1", "127.0.0.1"]
    assert fetch(web.serve(SOUND)) == SOUND
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch(f"http://files.example.com:{closed}/")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_followed(web: Web, status: int) -> None:
    url = web.serve(SOUND)
    assert fetch(web.redirect(url, status)) == SOUND
    assert fetch(web.redirect("/0.wav", status)) == SOUND


def test_fourth_redirect_is_refused(web: Web) -> None:
    url = web.serve(SOUND)
    for _number in range(3):
        url = web.redirect(url)
    assert fetch(url) == SOUND
    with pytest.raises(FetchError, match="more than 3"):
        fetch(web.redirect(url))


def test_circular_redirects_end(web: Web) -> None:
    with pytest.raises(FetchError, match="more than 3"):
        fetch(web.answer(b"HTTP/1.1 302 Go\r\nLocation: /0.wav\r\nContent-Length: 0\r\n\r\n"))
    assert len(web.requests) == 4


@pytest.mark.parametrize(
    "location",
    ["file:///etc/passwd", "ftp://files.example.com/", "http://una:x@files.example.com/"],
)
def test_redirect_to_another_scheme_is_refused(web: Web, location: str) -> None:
    with pytest.raises(InvalidInput, match="Enter a URL that begins"):
        fetch(web.redirect(location))


def test_http_needs_its_setting(web: Web, settings: Settings) -> None:
    settings.RINGOTEL_CRM = {}
    with pytest.raises(InvalidInput, match="begins with https and"):
        fetch(web.serve(SOUND))
    assert web.requests == []


@pytest.mark.parametrize(
    ("allowed", "fetched"),
    [
        (["files.example.com"], True),
        ([".example.com"], True),
        (["example.com"], False),
        ([".le.com"], False),
        (["other.example.com"], False),
        ([], False),
    ],
)
def test_allowed_hosts_are_fetched_from(
    web: Web, settings: Settings, allowed: list[str], fetched: bool
) -> None:
    settings.RINGOTEL_CRM["FETCH_ALLOWED_HOSTS"] = allowed
    if fetched:
        assert fetch(web.serve(SOUND)) == SOUND
    else:
        with pytest.raises(InvalidInput, match="not fetched from this host"):
            fetch(web.serve(SOUND))


def test_allowed_hosts_apply_to_redirects(
    web: Web, settings: Settings, names: dict[str, list[str]]
) -> None:
    names["other.example.org"] = ["127.0.0.1"]
    settings.RINGOTEL_CRM["FETCH_ALLOWED_HOSTS"] = [web.name]
    with pytest.raises(InvalidInput, match="not fetched from this host"):
        fetch(web.redirect(web.serve(SOUND).replace(web.name, "other.example.org")))


def test_size_is_limited(web: Web) -> None:
    assert fetch(web.serve(SOUND), len(SOUND)) == SOUND
    with pytest.raises(TooLarge):
        fetch(web.serve(SOUND), len(SOUND) - 1)


def chunked(data: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        + f"{len(data):x}".encode()
        + b"\r\n"
        + data
        + b"\r\n"
        + end
    )


def test_chunked_file_is_fetched(web: Web) -> None:
    assert fetch(web.answer(chunked(SOUND))) == SOUND
    with pytest.raises(TooLarge):
        fetch(web.answer(chunked(SOUND)), len(SOUND) - 1)
    with pytest.raises(FetchError, match="closed the connection"):
        fetch(web.answer(chunked(SOUND, b"")))


def test_endless_body_is_given_up(web: Web) -> None:
    """Little more than the limit is read."""
    sent = 0

    def flood(handler: Handler) -> None:
        nonlocal sent
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for _number in range(1000):
            handler.wfile.write(b"10000\r\n" + bytes(0x10000) + b"\r\n")
            sent += 0x10000

    with pytest.raises(TooLarge):
        fetch(web.answer(flood), 100_000)
    assert sent < 20_000_000


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 206 Partial\r\nContent-Length: 3\r\n\r\nabc",
        b"HTTP/1.1 304 Not Modified\r\n\r\n",
        b"HTTP/1.1 302 Go\r\nContent-Length: 0\r\n\r\n" * 5,
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc",
        b"HTTP/1.1 200 OK\r\n\r\nabc",
        b"SSH-2.0-OpenSSH\r\n",
        b"HTTP/1.1 200 OK\r\nX: " + b"y" * 100_000 + b"\r\n\r\n",
        b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 500 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\nabc",
    ],
)
def test_answer_without_a_file_is_an_error(web: Web, answer: bytes) -> None:
    with pytest.raises(FetchError) as failure:
        fetch(web.answer(answer))
    assert failure.value.fields == {"recording_url": [failure.value.message]}


def drip(handler: Handler, begin: bytes) -> None:
    handler.wfile.write(begin)
    for _number in range(100):
        time.sleep(0.05)
        handler.wfile.write(b"a")


@pytest.mark.parametrize(
    "begin",
    [b"", b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n"],
    ids=["line", "head", "body"],
)
def test_slow_server_is_given_up(web: Web, settings: Settings, begin: bytes) -> None:
    """Each byte arrives in time, the whole file does not."""
    settings.RINGOTEL_CRM["FETCH_TIMEOUT"] = 1
    started = time.monotonic()
    with pytest.raises(FetchError, match="in time"):
        fetch(web.answer(lambda handler: drip(handler, begin)))
    assert time.monotonic() - started < 3


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_silent_server_is_given_up(
    silent_port: int, names: dict[str, list[str]], settings: Settings, scheme: str
) -> None:
    names["files.example.com"] = ["127.0.0.1"]
    settings.RINGOTEL_CRM["FETCH_TIMEOUT"] = 1
    with pytest.raises(FetchError, match="in time"):
        fetch(f"{scheme}://files.example.com:{silent_port}/")


def test_proxies_are_not_used(web: Web, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    assert fetch(web.serve(SOUND)) == SOUND


@pytest.fixture
def certificate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A trusted certificate of files.example.com, with its key."""
    path = tmp_path / "certificate.pem"
    subprocess.run(
        [
            *(
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:prime256v1",
                "-nodes",
                "-days",
                "2",
            ),
            *("-subj", "/CN=files.example.com", "-addext", "subjectAltName=DNS:files.example.com"),
            *("-keyout", str(path), "-out", str(path.with_suffix(".crt"))),
        ],
        check=True,
        capture_output=True,
    )
    monkeypatch.setenv("SSL_CERT_FILE", str(path.with_suffix(".crt")))
    path.write_text(path.read_text() + path.with_suffix(".crt").read_text())
    return path


@pytest.fixture
def secure_port(certificate: Path) -> Iterator[int]:
    """The port of a server with this certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        with (
            listener,
            suppress(OSError),
            context.wrap_socket(listener.accept()[0], server_side=True) as line,
        ):
            line.recv(10_000)
            line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nRIFF")

    thread = threading.Thread(target=serve)
    thread.start()
    yield listener.getsockname()[1]
    thread.join()


def test_https_is_fetched_from(
    secure_port: int, names: dict[str, list[str]], settings: Settings
) -> None:
    settings.RINGOTEL_CRM = {}
    names["files.example.com"] = ["127.0.0.1"]
    assert fetch(f"https://files.example.com:{secure_port}/") == b"RIFF"


def test_certificate_of_another_host_is_refused(
    secure_port: int, names: dict[str, list[str]]
) -> None:
    names["other.example.com"] = ["127.0.0.1"]
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch(f"https://other.example.com:{secure_port}/")


def test_untrusted_certificate_is_refused(
    secure_port: int, names: dict[str, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    names["files.example.com"] = ["127.0.0.1"]
    with pytest.raises(FetchError, match="cannot be reached"):
        fetch(f"https://files.example.com:{secure_port}/")
