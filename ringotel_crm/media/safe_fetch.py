"""Download of a file from a URL that a client chose, without access to internal addresses.

The host is resolved here and all its addresses must be public. The connection is made to one of
these addresses, because another lookup could return others. Redirects are checked in the same way.
Proxies are not used.
"""

from __future__ import annotations

import http.client
import ipaddress
import re
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO, TypeAlias
from urllib.parse import SplitResult, quote, urljoin, urlsplit, urlunsplit

from django.utils.translation import gettext as _

from ..conf import conf
from ..exceptions import CRMError, FetchError, InvalidInput, ServiceUnavailable, TooLarge
from .storage import translate_storage_errors

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address

CHUNK = 64 * 1024
MAX_REDIRECTS = 3
CONNECT_SECONDS = 5
REDIRECTS = (301, 302, 303, 307, 308)
UNSAFE = re.compile(r"[\x00-\x20\x7f\\]")

# Networks that Python, or an older version, reports as global although they are not: IETF protocol
# assignments, which some clouds use for metadata; 6to4 relays; the host of each machine at Azure.
NOT_PUBLIC_4 = [
    ipaddress.IPv4Network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
]
# The routed part of IPv6, without Teredo and 6to4, which contain another address.
PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_6 = [
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def download_to(file: IO[bytes], url: str, *, max_bytes: int, field: str = "recording_url") -> None:
    """Download ``url`` into ``file``, within the limits of the settings ``FETCH_*``.

    Errors name ``field``. Raises ``Invalid`` for a URL that is not allowed, ``TooLarge``,
    ``Unavailable`` if ``file`` cannot be written, and ``FetchFailed`` if the other server did not
    send the whole file in time. After an error ``file`` may contain a part of it.
    """
    deadline = time.monotonic() + conf.FETCH_TIMEOUT
    try:
        for _number in range(1 + MAX_REDIRECTS):
            target = _parse_url(url)
            with _get(target, deadline) as response:
                if response.status not in REDIRECTS:
                    _copy(response, file, max_bytes)
                    return
                url = urljoin(url, response.headers.get("Location", ""))
        raise FetchError(
            _("The URL redirects more than %(limit)d times.") % {"limit": MAX_REDIRECTS}
        )
    except ServiceUnavailable:
        raise
    except CRMError as exc:
        exc.fields = {field: [exc.message]}
        raise
    except (OSError, http.client.HTTPException, ValueError) as exc:
        if time.monotonic() >= deadline:
            message = _("The file was not received in time.")
        else:
            message = _("The other server cannot be reached or closed the connection.")
        raise FetchError(message, fields={field: [message]}) from exc


def is_public(text: str) -> bool:
    """Return whether this IP address belongs to the public internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if not inner:
            is_excluded = any(address in net for net in NOT_PUBLIC_6)
            return address in PUBLIC_6 and address.is_global and not is_excluded
        address = inner
    is_excluded = address.is_multicast or any(address in net for net in NOT_PUBLIC_4)
    return address.is_global and not is_excluded


def _parse_url(url: str) -> SplitResult:
    """Split a URL. Raises ``Invalid`` if its scheme or host is not allowed."""
    try:
        target = urlsplit(url)
        has_host = bool(target.hostname and target.port != 0)
    except ValueError:
        has_host = False
    schemes = ("https", "http") if conf.FETCH_ALLOW_HTTP else ("https",)
    is_allowed = has_host and target.scheme in schemes and "@" not in target.netloc
    if not is_allowed or UNSAFE.search(url):
        names = " or ".join(schemes)
        raise InvalidInput(
            _("Enter a URL that begins with %(kinds)s and has no password.") % {"kinds": names}
        )
    if not _is_allowed_host(_host(target)):
        raise InvalidInput(_("Files are not fetched from this host."))
    return target


def _is_allowed_host(host: str) -> bool:
    """Return whether ``FETCH_ALLOWED_HOSTS`` permits ``host``. A first dot includes subdomains."""
    allowed = conf.FETCH_ALLOWED_HOSTS
    return allowed is None or any(
        host == entry.lstrip(".") or (entry.startswith(".") and host.endswith(entry))
        for entry in allowed
    )


def _host(target: SplitResult) -> str:
    """Return the host name as DNS and certificates have it."""
    try:
        return (target.hostname or "").rstrip(".").encode("idna").decode()
    except UnicodeError as exc:
        raise _not_public() from exc


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of this host. Raises ``Invalid`` unless all of them are public."""
    try:
        answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        answers = []
    addresses = [str(answer[4][0]) for answer in answers]
    # One message for both cases, so that internal names cannot be found by trying.
    if not addresses or not all(map(is_public, addresses)):
        raise _not_public()
    return addresses


def _not_public() -> InvalidInput:
    return InvalidInput(_("Enter a URL with a public address."))


@contextmanager
def _get(target: SplitResult, deadline: float) -> Iterator[http.client.HTTPResponse]:
    host, secure = _host(target), target.scheme == "https"
    port = target.port or (443 if secure else 80)
    line = _connect(_addresses(host, port), port, deadline)
    if secure:
        context = ssl.create_default_context()
        line = context.wrap_socket(line, server_hostname=host, do_handshake_on_connect=False)
    # The time-out of a socket starts anew with each byte, so a slow server needs a timer.
    timer = threading.Timer(max(deadline - time.monotonic(), 0), _shut_down, [line])
    timer.start()
    connection_class = http.client.HTTPSConnection if secure else http.client.HTTPConnection
    connection = connection_class(host, port)
    try:
        if isinstance(line, ssl.SSLSocket):
            line.do_handshake()
        connection.sock = line
        url = urlunsplit(("", "", target.path or "/", target.query, ""))
        headers = {"User-Agent": "ringotel-crm", "Connection": "close"}
        connection.request("GET", quote(url, safe="/%:@!$&'()*+,;=~?"), headers=headers)
        with connection.getresponse() as response:
            if time.monotonic() >= deadline:  # headers that were cut off may look complete
                raise TimeoutError
            yield response
    finally:
        timer.cancel()
        connection.close()
        line.close()


def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """Return a connection to the first of these addresses that accepts it."""
    error: OSError = TimeoutError()
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            line = socket.create_connection((address, port), timeout=min(left, CONNECT_SECONDS))
        except OSError as exc:
            error = exc
            continue
        line.settimeout(left)
        return line
    raise error


def _shut_down(line: socket.socket) -> None:
    """End every read and write.

    ``line.shutdown()`` of a TLS socket would also discard the state that the reader uses.
    """
    with suppress(OSError):  # already closed
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def _copy(response: http.client.HTTPResponse, file: IO[bytes], max_bytes: int) -> None:
    if response.status != 200:
        message = _("The other server answered %(status)d instead of 200.")
        raise FetchError(message % {"status": response.status})
    if response.length is None and not response.chunked:
        message = _("The other server does not send the length of the file.")
        raise FetchError(message)  # a file that was cut off would look complete
    size, too_large = 0, TooLarge(_("At most %(limit)d bytes.") % {"limit": max_bytes})
    if (response.length or 0) > max_bytes:
        raise too_large
    while chunk := response.read(CHUNK):
        size += len(chunk)
        if size > max_bytes:
            raise too_large
        with translate_storage_errors():
            file.write(chunk)
    if response.length:
        raise http.client.IncompleteRead(b"")
    with translate_storage_errors():
        file.flush()
