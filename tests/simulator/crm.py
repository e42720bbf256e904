"""A correct in-memory CRM with its own field names. Faulty CRMs are subclasses of it."""

from __future__ import annotations

import base64
import json
import re
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from email import message_from_bytes
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

KEY = "key-of-the-test"
PROPERTIES = {"Secret": KEY}

PERSON = {
    "key": "$contact_id$",
    "called": {"given": "$firstname$", "family": "$lastname$"},
    "tel": "$phone$",
    "cell": "$mobile$",
    "firm": {"title": "$company_name$"},
}
CALL = {"ref": "$activity_id$", "uuid": "$call_id$"}
JSON_TYPE = {"request_content_type": "application/json"}

DOCUMENT: dict[str, Any] = {
    "id": "other",
    "name": "Other CRM",
    "logo": "https://other.example/logo.svg",
    "class": "crm",
    "properties": ["Secret"],
    "auth": {"type": "Bearer", "token": "$Secret$"},
    "API": {
        "Users": {
            "request_method": "GET",
            "request_path": "/agents",
            "response_map": {
                "agents": [{"ref": "$user_id$", "mail": "$email$", "ext": "$extension$"}]
            },
        },
        "Contacts": {
            "request_method": "GET",
            "request_path": "/people",
            "response_map": {"people": [PERSON]},
        },
        "Organizations": {
            "request_method": "GET",
            "request_path": "/firms",
            "response_map": [{"key": "$organization_id$", "tel": "$phone$"}],
        },
        "FindContact": {
            "request_method": "GET",
            "request_path": "/find?tel=$phone$",
            "response_map": {"person": PERSON},
        },
        "CreateContact": {
            "request_method": "POST",
            "request_path": "/people",
            **JSON_TYPE,
            "request_parameters": {
                "called": PERSON["called"],
                "tel": "$phone$",
                "mail": "$email$",
                "cell": "$mobile$",
            },
            "response_map": {"person": {"key": "$contact_id$"}},
        },
        "UpdateContact": {
            "request_method": "PUT",
            "request_path": "/people/$contact_id$",
            "request_content_type": "application/x-www-form-urlencoded",
            "request_parameters": {"job": "$job_title$", "cell": "$mobile$"},
        },
        "CreateActivity": {
            "request_method": "POST",
            "request_path": "/calls",
            **JSON_TYPE,
            "request_parameters": {
                "uuid": "$call_id$",
                "way": "$activity_type$",
                "from": "$caller_number$",
                "to": "$called_number$",
                "at": "$call_start$",
                "party": {"agent": "$user_id$", "person": "$contact_id$", "ext": "$extension$"},
            },
            "response_map": {"call": {"ref": "$activity_id$"}},
        },
        "AssignActivity": {
            "request_method": "POST",
            "request_path": "/calls/assign",
            **JSON_TYPE,
            "request_parameters": CALL | {"person": "$contact_id$"},
        },
        "UpdateActivity": {
            "request_method": "PATCH",
            "request_path": "/calls",
            **JSON_TYPE,
            "request_parameters": CALL | {"topic": "$subject$", "text": "$comment$"},
        },
        "StopCallActivity": {
            "request_method": "POST",
            "request_path": "/calls/stop",
            **JSON_TYPE,
            "request_parameters": CALL
            | {"until": "$call_end$", "seconds": "$call_duration$", "why": "$call_cause$"},
            "response_map": {"call": {"ref": "$activity_id$"}},
        },
        "UpdateCallRecording": {
            "request_method": "POST",
            "request_path": "/calls/audio?ref=$activity_id$&uuid=$call_id$",
            "request_content_type": "multipart/form-data",
            "request_parameters": {
                "audio": "$recording$",
                "uuid": "$call_id$",
                "note": "$comment$",
            },
            "response_map": {"audio": {"link": "$recording_url$"}},
        },
    },
}

OAUTH2_DOCUMENT: dict[str, Any] = {
    key: value for key, value in DOCUMENT.items() if key != "auth"
} | {
    "properties": ["Client ID", "Client Secret"],
    "OAuth2": {
        "client_id": "$Client ID$",
        "client_secret": "$Client Secret$",
        "flow_type": {"default": "0"},
        "authorization_endpoint": "https://other.example/authorize",
        "authorization_parameters": {"default": "tenant=calls"},
        "token_endpoint": "https://other.example/token",
        "token_parameters": {"content_type": "application/x-www-form-urlencoded;charset=utf-8"},
        "request_auth": "Bearer",
    },
}
OAUTH2_PROPERTIES = {"Client ID": "client", "Client Secret": "client-secret"}


@dataclass(frozen=True, kw_only=True)
class Request:
    method: str
    path: str
    query: str
    content_type: str
    authorization: str
    body: bytes

    @property
    def parameters(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.query).items()}

    @property
    def fields(self) -> dict[str, Any]:
        """Return the fields of the body, without absent values."""
        kind = self.content_type.partition(";")[0]
        fields: dict[str, Any]
        if kind == "application/json":
            fields = json.loads(self.body)
        elif kind == "multipart/form-data":
            message = message_from_bytes(
                f"Content-Type: {self.content_type}\r\n\r\n".encode() + self.body
            )
            parts = message.get_payload()
            fields = {
                str(part.get_param("name", header="content-disposition")): part  # type: ignore[union-attr]
                for part in parts
            }
            fields = {key: part.get_payload(decode=True) for key, part in fields.items()}
        else:
            fields = {key: values[0] for key, values in parse_qs(self.body.decode()).items()}
        return _present(fields)


def _present(fields: Mapping[str, Any]) -> dict[str, Any]:
    found = {
        key: _present(value) if isinstance(value, dict) else value for key, value in fields.items()
    }
    return {
        key: value for key, value in found.items() if value is not None and not _is_absent(value)
    }


def _is_absent(value: object) -> bool:
    return value in ("", b"") or (
        isinstance(value, str) and re.fullmatch(r"\$[^$]+\$", value) is not None
    )


Response = tuple[int, Any]


class CRM:
    """Respond to requests with a status and a JSON value, or text."""

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.closing = threading.Event()
        self.people: dict[str, dict[str, Any]] = {
            "p1": {
                "key": "p1",
                "called": {"given": "Wilma", "family": "Testling"},
                "tel": "+353 20 910 0001",
            },
            "p2": {
                "key": "p2",
                "called": {"given": "Boris"},
                "cell": "+44 7700 900123",
                "firm": None,
            },
            "p3": {"key": "p3", "firm": {"title": "Example Kettles"}, "tel": "020 910 0003"},
            "p4": {"key": "p4", "called": {"given": "Frida"}, "tel": "+353209199999"},
        }
        self.calls: dict[str, dict[str, Any]] = {}

    def answer(self, request: Request) -> Response:
        self.requests.append(request)
        if request.path == "/token":
            return self.token(request.fields)
        if not self.is_authorized(request.authorization):
            return 403, {"error": "forbidden"}
        return self.read(request) if request.method == "GET" else self.write(request)

    def is_authorized(self, authorization: str) -> bool:
        basic = base64.b64encode("zoë:pässwörd".encode()).decode()
        return authorization in (f"Bearer {KEY}", f"Basic {basic}")

    def read(self, request: Request) -> Response:
        match request.path:
            case "/agents":
                return 200, {
                    "agents": [
                        {"ref": "a1", "ext": "201"},
                        {"ref": "a2", "mail": "pim@other.example"},
                    ]
                }
            case "/people":
                return 200, {"people": list(self.people.values())}
            case "/firms":
                return 200, [{"key": "f1", "tel": "+353209199999"}]
            case "/find":
                return 200, {"person": self.find(request.parameters.get("tel", ""))}
        return 404, {}

    def write(self, request: Request) -> Response:
        match request.method, request.path:
            case "POST", "/people":
                return self.create_person(request.fields)
            case "PUT", path if path.startswith("/people/"):
                self.people[path.removeprefix("/people/")].update(request.fields)
                return 200, {}
            case "POST", "/calls":
                return self.create_call(request.fields)
            case "POST", "/calls/audio":
                return self.upload(request)
            case (("POST" | "PATCH"), _):
                call = self.call(request.fields)
                call.update(request.fields)
                return 200, {"call": {"ref": call["ref"]}}
        return 404, {}

    def token(self, fields: Mapping[str, str]) -> Response:
        grants = {"refresh_token": "refresh-1", "code": "code-1"}
        if fields["client_secret"] == "client-secret" and any(
            fields.get(k) == v for k, v in grants.items()
        ):
            return 200, {"access_token": KEY, "refresh_token": "refresh-1"}
        return 400, {"error": "invalid_grant"}

    def find(self, number: str) -> dict[str, Any] | None:
        digits = re.sub(r"\D", "", number)
        for person in self.people.values():
            if digits and digits in (
                re.sub(r"\D", "", person.get(kind, "")) for kind in ("tel", "cell")
            ):
                return person
        return None

    def create_person(self, fields: Mapping[str, Any]) -> Response:
        person = self.find(fields["tel"]) or dict(fields, key=f"p{len(self.people) + 1}")
        self.people[person["key"]] = person
        return 201, {"person": person}

    def call(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Return the call with this id, created if it is new."""
        if "uuid" not in fields:
            return next(call for call in self.calls.values() if call["ref"] == fields["ref"])
        return self.calls.setdefault(fields["uuid"], {"ref": f"c{len(self.calls) + 1}"})

    def create_call(self, fields: Mapping[str, Any]) -> Response:
        call = self.call(fields)
        call.update(fields)
        return 201, {"call": {"ref": call["ref"]}}

    def upload(self, request: Request) -> Response:
        audio = request.body
        if request.content_type == "application/json":
            audio = base64.b64decode(request.fields["audio"], validate=True)
        elif request.content_type.startswith("multipart/form-data"):
            audio = request.fields["audio"]
        self.call(_present(request.parameters))["audio"] = audio
        return 200, {"audio": {"link": "https://other.example/audio/1"}}


@contextmanager
def serving(crm: CRM) -> Iterator[str]:
    """Serve the CRM on a loopback port until the context ends. Yields its base URL."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True  # avoids 40 ms per response

        def handle_any(self) -> None:
            url = urlsplit(self.path)
            request = Request(
                method=self.command,
                path=unquote(url.path),
                query=url.query,
                content_type=self.headers.get("Content-Type", ""),
                authorization=self.headers.get("Authorization", ""),
                body=self.rfile.read(int(self.headers.get("Content-Length", 0))),
            )
            status, answer = crm.answer(request)
            is_text = isinstance(answer, str)
            body = answer.encode() if is_text else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "text/html" if is_text else "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_PATCH = handle_any

        def log_message(self, *args: object) -> None:
            """Log nothing."""

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *args: object) -> None:
            """Ignore clients that close the connection early."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        crm.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()
