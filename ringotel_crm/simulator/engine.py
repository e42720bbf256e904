"""Sending the request of a hook, and reading the response by its map."""

from __future__ import annotations

import base64
import json
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from http import HTTPStatus
from typing import Any

import requests
from requests.auth import AuthBase

from .auth import OAuth2
from .document import FORM_TYPE, JSON_TYPE, MULTIPART_TYPE, Document, Hook, media_type
from .template import Absent, AnswerError, Row, Value, capture, fill, fill_url

AUDIO_TYPE = "audio/wav"


class Plus(StrEnum):
    """The + of a number in a URL: omitted, ``%2B``, or bare, which is decoded as a space."""

    OMIT = "omit"
    ENCODED = "encoded"
    RAW = "raw"


class Recording(StrEnum):
    """How a recording is sent: as the document specifies, or in one of the undocumented ways."""

    DOCUMENT = "document"
    MULTIPART = "multipart"
    RAW = "raw"
    BASE64 = "base64"


_RECORDING_TYPES = {
    Recording.MULTIPART: MULTIPART_TYPE,
    Recording.RAW: AUDIO_TYPE,
    Recording.BASE64: JSON_TYPE,
}


@dataclass(frozen=True, kw_only=True, slots=True)
class WireVariant:
    """The variants of a request that Ringotel does not document."""

    absent: Absent = Absent.OMIT
    plus: Plus = Plus.OMIT
    recording: Recording = Recording.DOCUMENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """A response. ``status`` is 0 without one; ``problem`` is "" for a 2xx that matches the map."""

    status: int
    milliseconds: float
    rows: list[Row]
    problem: str


class Client:
    """Call the hooks of a document with a credential."""

    def __init__(
        self,
        document: Document,
        credential: AuthBase,
        properties: Mapping[str, str],
        *,
        timeout: float = 10,
    ) -> None:
        self.document = document
        self.credential = credential
        self._properties = properties
        self._timeout = timeout

    def call(
        self,
        hook: Hook,
        values: Mapping[str, Value],
        variant: WireVariant,
        *,
        credential: AuthBase | None = None,
    ) -> Answer:
        """Send a request. Problems are reported in the answer, not raised.

        A rejected OAuth2 token is renewed once.
        """
        auth = credential or self.credential
        request = self._request(hook, {**self._properties, **values}, variant)
        answer = self._send(hook, request, auth)
        refused = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        if refused and isinstance(auth, OAuth2) and auth.renew():
            answer = self._send(hook, request, auth)
        return answer

    def _request(
        self, hook: Hook, values: Mapping[str, Value], variant: WireVariant
    ) -> dict[str, Any]:
        url = fill_url(hook.url, values, variant.absent, bare_plus=variant.plus is Plus.RAW)
        if hook.method == "GET":
            return {"url": url}
        content_type = hook.content_type
        if "recording" in values:
            content_type = _RECORDING_TYPES.get(variant.recording, content_type)
        body = fill(hook.parameters, values, variant.absent)
        assert isinstance(body, dict)
        kind = media_type(content_type)
        if kind == MULTIPART_TYPE:
            return {"url": url, "files": {key: _part(value) for key, value in body.items()}}
        headers = {"Content-Type": content_type}
        if kind == FORM_TYPE:
            form = {key: "" if value is None else value for key, value in body.items()}
            return {"url": url, "headers": headers, "data": form}
        if kind == JSON_TYPE:
            data = json.dumps(body, default=_base64).encode()
            return {"url": url, "headers": headers, "data": data}
        return {"url": url, "headers": headers, "data": values["recording"]}

    def _send(self, hook: Hook, request: Mapping[str, Any], auth: AuthBase) -> Answer:
        headers = {"User-Agent": "ringotel-simulator", **request.get("headers", {})}
        started = time.perf_counter()
        response = None
        try:
            # A new connection each time: on a kept one, runserver's responses are delayed by 40 ms.
            # Redirects are not followed: they would turn a POST into a GET.
            response = requests.request(
                hook.method,
                **{**request, "headers": headers},
                auth=auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
            problem = _status_problem(response)
        except requests.Timeout:
            problem = f"no response within {self._timeout:g} s"
        except (requests.RequestException, ValueError) as exc:  # ValueError: invalid header
            # The message is omitted: it contains the URL, and so the phone number.
            problem = f"no response ({type(exc).__name__})"
        milliseconds = (time.perf_counter() - started) * 1000
        rows: list[Row] = []
        if response is not None and not problem:
            rows, problem = _read(hook, response)
        status = response.status_code if response is not None else 0
        return Answer(status=status, milliseconds=milliseconds, rows=rows, problem=problem)


def _read(hook: Hook, response: requests.Response) -> tuple[list[Row], str]:
    """Return the captured rows, and a problem or ""."""
    if not hook.response_map or not response.content:
        return [], ""
    try:
        return capture(hook.response_map, response.json()), ""
    except requests.JSONDecodeError:
        content_type = response.headers.get("Content-Type", "a body")
        return [], f"returned {content_type} that is not JSON"
    except AnswerError as exc:
        return [], str(exc)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _part(value: object) -> tuple[str | None, object] | tuple[str, bytes, str]:
    if isinstance(value, bytes):
        return ("recording.wav", value, AUDIO_TYPE)
    return (None, "" if value is None else str(value))


def _status_problem(response: requests.Response) -> str:
    """Describe a status other than 2xx, with the start of a JSON body but no number and no key."""
    if HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    problem = f"returned {response.status_code} {response.reason}"
    is_json = "json" in response.headers.get("Content-Type", "")
    if response.status_code == HTTPStatus.BAD_REQUEST and is_json:
        problem += f": {re.sub(r'[0-9]{5,}|[A-Za-z0-9+/=_.-]{20,}', '…', response.text[:300])}"
    return problem
