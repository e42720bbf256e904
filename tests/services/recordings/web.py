"""A web server on this machine that plays the other side of ``recording_url``."""

from __future__ import annotations

import socketserver
import threading
from collections.abc import Callable
from itertools import count
from typing import TypeAlias

Answer: TypeAlias = bytes | Callable[["Handler"], None]


class Handler(socketserver.StreamRequestHandler):
    """Answers with the bytes that were laid out for the path, and hangs up."""

    timeout = 10
    server: Server

    def handle(self) -> None:
        head = b""
        while line := self.rfile.readline(10_000).strip():
            head += line + b"\n"
        self.server.requests.append(head.decode())
        answer = self.server.answers[head.split()[1].decode()]
        if callable(answer):
            answer(self)
        else:
            self.wfile.write(answer)


class Server(socketserver.ThreadingTCPServer):
    """Knows what to answer, and what was asked."""

    daemon_threads = True
    allow_reuse_address = True

    def __init__(self) -> None:
        self.answers: dict[str, Answer] = {}
        self.requests: list[str] = []
        super().__init__(("127.0.0.1", 0), Handler)

    def handle_error(self, request: object, client_address: object) -> None:
        """Who is fetching may hang up."""


class Web:
    """The server, running."""

    def __init__(self, name: str = "files.example.com") -> None:
        self.server = Server()
        self.name = name
        self.port: int = self.server.server_address[1]
        self.requests = self.server.requests
        self.numbers = count()
        self.thread = threading.Thread(
            target=self.server.serve_forever, kwargs={"poll_interval": 0.01}
        )
        self.thread.start()

    def answer(self, answer: Answer, path: str = "") -> str:
        """A URL at which this is answered."""
        path = path or f"/{next(self.numbers)}.wav"
        self.server.answers[path] = answer
        return f"http://{self.name}:{self.port}{path}"

    def serve(
        self, data: bytes, *, length: int | None = None, content_type: str = "audio/wav"
    ) -> str:
        """A URL at which a file is, with a length that may be wrong."""
        length = len(data) if length is None else length
        head = (
            f"HTTP/1.1 200 OK\r\nContent-Type: {content_type}\r\nContent-Length: {length}\r\n\r\n"
        )
        return self.answer(head.encode() + data)

    def redirect(self, location: str, status: int = 302) -> str:
        """A URL that leads on."""
        return self.answer(
            f"HTTP/1.1 {status} Go\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n".encode()
        )

    def stop(self) -> None:
        """Close it."""
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()
