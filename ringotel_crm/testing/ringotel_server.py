"""Ringotel's Admin and Messaging API over HTTP, for tests without an account."""

from __future__ import annotations

import json
import socket
import struct
import threading
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any

from .ringotel_account import ApiRefusal, RingotelAccount

WRONG_KEY = "The API key is not valid"
NO_PERMISSION = "The API key lacks the permission"


class Fault(StrEnum):
    """How a request fails."""

    RESET = "reset"
    """The connection is reset; the request was not carried out."""

    LOST = "lost"
    """The request was carried out, and the connection is reset before the answer."""

    SLOW = "slow"
    """Never answers; the request was not carried out."""

    DRIP = "drip"
    """Answers one byte at a time, without end."""

    ERROR_500 = "500"
    RATE_LIMITED = "429"
    FORBIDDEN = "403"
    """The key lacks the permission for this request."""

    MALFORMED = "malformed"
    """The answer is the first half of a JSON text."""

    HTML = "html"
    """The answer is a web page, with status 200."""


class RefusalShape(StrEnum):
    """The three shapes of an error that comes with status 200, or with status 400."""

    OBJECT = "object"
    """``{"error": {"message": ...}}``"""

    TEXT = "text"
    """``{"error": ...}``"""

    RESULT = "result"
    """``{"result": {"error": ..., "status": -1}}``"""

    STATUS_400 = "400"


@dataclass
class RingotelServer(RingotelAccount):
    """Ringotel's API on a free port of the loopback interface, with an organization that the test
    sets up.

    It answers by Ringotel's documentation: unknown methods and missing, unknown or ill-typed
    parameters are refused.

    ::

        with RingotelServer() as ringotel, override_settings(RINGOTEL_CRM=ringotel.settings()):
            ringotel.add_user("Una Example", "500", email="una@example.com")
            ringotel.faults.append(Fault.RESET)
            ...
        assert ringotel.methods() == ["initCall"]

    ``requests`` has the (method, params) of each request with the right key, including failed ones.
    ``forbidden`` has the methods for which the key lacks the permission, ``refusal`` is the shape
    of refusals, ``no_data`` the body of an answer without data, and ``delay`` the time in seconds
    before each answer. ``notifications`` has the bodies that Ringotel would send to the account's
    webhook.
    """

    key: str = "test-account-key"
    faults: deque[Fault | None] = field(default_factory=deque)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    forbidden: set[str] = field(default_factory=set)
    refusal: RefusalShape = RefusalShape.OBJECT
    no_data: str = ""
    delay: float = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        self._closing = threading.Event()

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
        """Address of the API."""
        return f"http://127.0.0.1:{self._server.server_port}/api"

    def settings(self, **others: Any) -> dict[str, Any]:
        """Return a value for ``settings.RINGOTEL_CRM``."""
        return {
            "RINGOTEL_API_URL": self.url,
            "RINGOTEL_API_KEY": self.key,
            "ORGANIZATION_ID": self.org_id,
            "ORGANIZATION_DOMAIN": self.domain,
            **others,
        }

    def methods(self) -> list[str]:
        """Return the methods that were called, in order."""
        return [method for method, _params in self.requests]

    def answer(self, method: str, params: Any) -> tuple[int, str]:
        """Return the status and the body of the answer to a request."""
        if method in self.forbidden:
            return 403, json.dumps({"error": {"message": NO_PERMISSION}})
        try:
            result = self.call(method, params)
        except ApiRefusal as exc:
            return self._refuse(str(exc))
        return 200, self.no_data if result is None else json.dumps({"result": result})

    def _refuse(self, words: str) -> tuple[int, str]:
        bodies: dict[RefusalShape, Any] = {
            RefusalShape.TEXT: {"error": words},
            RefusalShape.RESULT: {"result": {"error": words, "status": -1}},
        }
        status = 400 if self.refusal is RefusalShape.STATUS_400 else 200
        return status, json.dumps(bodies.get(self.refusal, {"error": {"message": words}}))


class _Handler(BaseHTTPRequestHandler):
    ringotel: RingotelServer
    timeout = 10

    def do_POST(self) -> None:
        ringotel = self.ringotel
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        if self.headers.get("Authorization") != f"Bearer {ringotel.key}":
            self._send(401, json.dumps({"error": {"message": WRONG_KEY}}))
            return
        try:
            request = json.loads(body)
            method, params = request["method"], request.get("params", {})
        except (KeyError, TypeError, ValueError):
            self._send(400, json.dumps({"error": {"message": "Malformed request"}}))
            return
        ringotel.requests.append((method, params))
        fault = ringotel.faults.popleft() if ringotel.faults else None
        time.sleep(ringotel.delay)
        if fault is None:
            self._send(*ringotel.answer(method, params))
        else:
            self._fail(fault, method, params)

    def _fail(self, fault: Fault, method: str, params: Any) -> None:
        match fault:
            case Fault.RESET:
                self._reset()
            case Fault.LOST:
                self.ringotel.answer(method, params)
                self._reset()
            case Fault.SLOW:
                self.ringotel._closing.wait(self.timeout)
                self._reset()
            case Fault.DRIP:
                self._drip()
            case Fault.ERROR_500:
                self._send(500, "Internal Server Error", "text/plain")
            case Fault.RATE_LIMITED:
                self._send(429, "Too Many Requests", "text/plain")
            case Fault.FORBIDDEN:
                self._send(403, json.dumps({"error": {"message": NO_PERMISSION}}))
            case Fault.MALFORMED:
                self._send(200, '{"result": [{"id": ')
            case Fault.HTML:
                self._send(200, "<h1>Down for maintenance</h1>", "text/html")

    def _drip(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", "1000000")
        self.end_headers()
        with suppress(OSError):  # the client has closed the connection
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
        """Log nothing: a request may hold phone numbers."""
