"""Getting a file from a URL that somebody else chose, without being sent where he could not go himself.

The name is looked up here, every address it has must be public, and the connection is made to one of those very
addresses: a second look-up could answer otherwise. The same again after each redirect. Proxies are not used.
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

# What Python, or an older one, calls global and is not: IETF protocol assignments, in which clouds have their
# metadata; the relays of 6to4; the address under which each machine at Azure has its host.
NOT_PUBLIC_4 = [
    ipaddress.IPv4Network(net) for net in ("192.0.0.0/24", "192.88.99.0/24", "168.63.129.16/32")
]
# Of IPv6 only what is routed, and of this neither Teredo (with its neighbours) nor 6to4, which hide another address.
PUBLIC_6 = ipaddress.IPv6Network("2000::/3")
NOT_PUBLIC_6 = [
    ipaddress.IPv6Network(net) for net in ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")
]
NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


def download_to(file: IO[bytes], url: str, *, max_bytes: int, field: str = "recording_url") -> None:
    """Write what is at ``url`` into ``file``, by the settings ``FETCH_*``. ``field`` is what errors blame.

    Raises ``Invalid`` for a URL that is not taken, ``TooLarge``, ``Unavailable`` where ``file`` cannot be written, and
    ``FetchFailed`` where the other server did not give it, whole and in time. ``file`` may then hold a part of it.
    """
    deadline = time.monotonic() + conf.FETCH_TIMEOUT
    try:
        for _number in range(1 + MAX_REDIRECTS):
            target = _checked(url)
            with _response(target, deadline) as response:
                if response.status not in REDIRECTS:
                    _copy(response, file, max_bytes)
                    return
                url = urljoin(url, response.headers.get("Location", ""))
        raise FetchError(_("There are more than %(limit)d redirects.") % {"limit": MAX_REDIRECTS})
    except ServiceUnavailable:
        raise
    except CRMError as error:
        error.fields = {field: [error.message]}
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:
        late = time.monotonic() >= deadline
        message = (
            _("The file did not come in time.")
            if late
            else _("The other server cannot be reached, or broke off.")
        )
        raise FetchError(message, fields={field: [message]}) from error


def is_public(text: str) -> bool:
    """Whether this IP address belongs to the public internet."""
    address = ipaddress.ip_address(text.partition("%")[0])
    if isinstance(address, ipaddress.IPv6Address):
        inner = address.ipv4_mapped
        if address in NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if not inner:
            return (
                address in PUBLIC_6
                and address.is_global
                and not any(address in net for net in NOT_PUBLIC_6)
            )
        address = inner
    return (
        address.is_global
        and not address.is_multicast
        and not any(address in net for net in NOT_PUBLIC_4)
    )


def _checked(url: str) -> SplitResult:
    """The URL in its parts, if it is of a kind that is taken."""
    try:
        target = urlsplit(url)
        has_host = bool(target.hostname and target.port != 0)
    except ValueError:
        has_host = False
    schemes = ("https", "http") if conf.FETCH_ALLOW_HTTP else ("https",)
    if not has_host or UNSAFE.search(url) or target.scheme not in schemes or "@" in target.netloc:
        kinds = " or ".join(schemes)
        raise InvalidInput(
            _("A URL is expected that begins with %(kinds)s and has no password.")
            % {"kinds": kinds}
        )
    allowed, host = conf.FETCH_ALLOWED_HOSTS, _host(target)
    if allowed is not None and not any(
        host == entry.lstrip(".") or (entry.startswith(".") and host.endswith(entry))
        for entry in allowed
    ):
        raise InvalidInput(_("Files are not fetched from this host."))
    return target


def _host(target: SplitResult) -> str:
    """The host's name, as it is looked up and as its certificate has it."""
    try:
        return (target.hostname or "").rstrip(".").encode("idna").decode()
    except UnicodeError as error:
        raise InvalidInput(_("This URL does not lead to a public address.")) from error


def _addresses(host: str, port: int) -> list[str]:
    """The addresses of this host, all of them public."""
    try:
        found = [
            str(info[4][0]) for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        ]
    except (OSError, UnicodeError):
        found = []
    # Said in the same words, so that nobody learns which names there are inside.
    if not found or not all(map(is_public, found)):
        raise InvalidInput(_("This URL does not lead to a public address."))
    return found


@contextmanager
def _response(target: SplitResult, deadline: float) -> Iterator[http.client.HTTPResponse]:
    host, secure = _host(target), target.scheme == "https"
    port = target.port or (443 if secure else 80)
    line = _connect(_addresses(host, port), port, deadline)
    if secure:
        context = ssl.create_default_context()
        line = context.wrap_socket(line, server_hostname=host, do_handshake_on_connect=False)
    # Time-outs of a socket begin anew with each byte: a server that sends one now and then needs a clock beside it.
    clock = threading.Timer(max(deadline - time.monotonic(), 0), _cut, [line])
    clock.start()
    connection = (http.client.HTTPSConnection if secure else http.client.HTTPConnection)(host, port)
    try:
        if isinstance(line, ssl.SSLSocket):
            line.do_handshake()
        connection.sock = line
        path = quote(
            urlunsplit(("", "", target.path or "/", target.query, "")), safe="/%:@!$&'()*+,;=~?"
        )
        connection.request(
            "GET", path, headers={"User-Agent": "ringotel-crm", "Connection": "close"}
        )
        with connection.getresponse() as response:
            if time.monotonic() >= deadline:  # a head that was cut off may look complete
                raise TimeoutError
            yield response
    finally:
        clock.cancel()
        connection.close()
        line.close()


def _connect(addresses: list[str], port: int, deadline: float) -> socket.socket:
    """A connection to the first of these that takes it."""
    error: OSError = TimeoutError()
    for address in addresses:
        left = deadline - time.monotonic()
        if left <= 0:
            break
        try:
            line = socket.create_connection((address, port), timeout=min(left, CONNECT_SECONDS))
        except OSError as exception:
            error = exception
            continue
        line.settimeout(left)
        return line
    raise error


def _cut(line: socket.socket) -> None:
    """End every read and write on it. Not ``line.shutdown()``, which in TLS also throws away what the reader uses."""
    with suppress(OSError):  # it has ended by itself
        socket.socket.shutdown(line, socket.SHUT_RDWR)


def _copy(response: http.client.HTTPResponse, file: IO[bytes], max_bytes: int) -> None:
    if response.status != 200:
        raise FetchError(
            _("The other server answered %(status)d instead of 200.") % {"status": response.status}
        )
    if response.length is None and not response.chunked:
        raise FetchError(
            _("The other server does not say how long the file is, so that its end cannot be told.")
        )
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
