"""Ringotel's Admin and Messaging API, for tests without an account."""

from __future__ import annotations

import itertools
import json
import socket
import struct
import threading
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

WRONG_KEY = "The API key is not valid"


class Fault(StrEnum):
    """How a request goes wrong."""

    RESET = "reset"
    """The connection is reset; nothing was done."""

    LOST = "lost"
    """It was done, and the connection is reset before the answer."""

    SLOW = "slow"
    """No answer, until the caller gives up or the server is closed; nothing was done."""

    DRIP = "drip"
    """The answer comes a byte at a time, without end, until the caller gives up or the server is closed."""

    ERROR_500 = "500"
    MALFORMED = "malformed"
    """The answer is the first half of some JSON."""

    HTML = "html"
    """The answer is a web page, with status 200."""


@dataclass
class RingotelServer:
    """Speaks Ringotel's HTTP on a free port of this computer, about an organization that the test makes up.

    ::

        with RingotelServer() as ringotel, override_settings(RINGOTEL_CRM=ringotel.settings()):
            ringotel.users.append({"id": "1", "name": "Una Example", "extension": "500"})
            ringotel.faults.append(Fault.RESET)
            ...
        assert ringotel.methods() == ["initCall"]

    Rows are as on the wire. ``requests`` are the (method, params) that came with the right key, also those of faults.
    """

    key: str = "test-account-key"
    org_id: str = "17295345566567084859"
    domain: str = "newcompany123"
    users: list[dict[str, Any]] = field(default_factory=list)
    contacts: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[dict[str, Any]] = field(default_factory=list)
    subjects: list[str] = field(default_factory=list)
    faults: deque[Fault | None] = field(default_factory=deque)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._lock = threading.Lock()
        self._closing = threading.Event()
        self._ids = itertools.count(17_300_000_000_000_000_001)

    def __enter__(self) -> RingotelServer:
        handler = type("Handler", (_Handler,), {"ringotel": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True
        )
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._closing.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self._server.server_port}/api"

    def settings(self, **others: Any) -> dict[str, Any]:
        """A value for ``RINGOTEL_CRM``."""
        return {
            "RINGOTEL_API_URL": self.url,
            "RINGOTEL_API_KEY": self.key,
            "ORGANIZATION_ID": self.org_id,
            "ORGANIZATION_DOMAIN": self.domain,
            **others,
        }

    def methods(self) -> list[str]:
        """The methods that were called, in order."""
        return [method for method, _params in self.requests]

    def answer(self, method: str, params: dict[str, Any]) -> dict[str, Any]:
        """What the API says."""
        handler = getattr(self, f"on_{method}", None)
        if handler is None:
            return {"error": {"message": f"Unknown method {method}"}}
        if "orgid" in params and params["orgid"] != self.org_id:
            return {"error": {"message": "Unknown organization"}}
        with self._lock:
            return {"result": handler(params)}

    # One for each method, named as on the wire.

    def on_initCall(self, params: dict[str, Any]) -> dict[str, Any]:
        """Taken; the test reads ``requests``."""
        return {}

    def on_getCalls(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """Those that began in the time asked for, and with ``userid`` in the row only that user's."""
        user = params.get("userid")
        return [
            call
            for call in self.calls
            if params["begin"] <= call["t"] < params["end"]
            and (user is None or call.get("userid") == user)
        ]

    def on_getUsers(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """All."""
        return self.users

    def on_getContacts(self, params: dict[str, Any]) -> list[dict[str, Any]]:
        """All, with their ids."""
        return [{"id": id, **contact} for id, contact in self.contacts.items()]

    def on_importContacts(self, params: dict[str, Any]) -> dict[str, Any]:
        """Each becomes a new one, even if it is there already; the answer tells no id."""
        for contact in params["list"]:
            self.contacts[str(next(self._ids))] = contact
        return {}

    def on_updateContacts(self, params: dict[str, Any]) -> dict[str, Any]:
        """Each replaces all of the one with its id."""
        for contact in params["list"]:
            if contact["id"] in self.contacts:
                self.contacts[contact["id"]] = {
                    key: value for key, value in contact.items() if key != "id"
                }
        return {}

    def on_deleteContacts(self, params: dict[str, Any]) -> dict[str, Any]:
        """By id."""
        for contact in params["list"]:
            self.contacts.pop(contact["id"], None)
        return {}

    def on_getActivitySubjects(self, params: dict[str, Any]) -> list[str]:
        """The list."""
        return self.subjects

    def on_setActivitySubjects(self, params: dict[str, Any]) -> dict[str, Any]:
        """Another list."""
        self.subjects = list(params["subjects"])
        return {}

    def on_updateActivity(self, params: dict[str, Any]) -> dict[str, Any]:
        """Taken."""
        return {}

    def on_message(self, params: dict[str, Any]) -> dict[str, Any]:
        """Sent."""
        return {"messageid": str(next(self._ids))}


class _Handler(BaseHTTPRequestHandler):
    """One request."""

    ringotel: RingotelServer
    timeout = 10

    def do_POST(self) -> None:
        """The only method there is."""
        ringotel = self.ringotel
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {ringotel.key}":
            self._send(401, json.dumps({"error": {"message": WRONG_KEY}}))
            return
        called = json.loads(body)
        method, params = called["method"], called.get("params", {})
        ringotel.requests.append((method, params))
        fault = ringotel.faults.popleft() if ringotel.faults else None
        if fault is Fault.LOST:
            ringotel.answer(method, params)
        if fault in (Fault.LOST, Fault.RESET):
            self._reset()
        elif fault is Fault.SLOW:
            ringotel._closing.wait(self.timeout)
            self._reset()
        elif fault is Fault.DRIP:
            self._drip()
        elif fault is Fault.ERROR_500:
            self._send(500, "Internal Server Error", "text/plain")
        elif fault is Fault.MALFORMED:
            self._send(200, '{"result": [{"id": ')
        elif fault is Fault.HTML:
            self._send(200, "<h1>Down for maintenance</h1>", "text/html")
        else:
            self._send(200, json.dumps(ringotel.answer(method, params)))

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with suppress(OSError):  # the caller has given up
            while not self.ringotel._closing.wait(0.05):
                self.wfile.write(b" ")
        self.close_connection = True

    def _reset(self) -> None:
        # Without lingering, closing sends a reset instead of an orderly end.
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def _send(self, status: int, text: str, content_type: str = "application/json") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", content_type)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing: there may be a number in it."""
