"""Sends what a hook's template says, and reads what its response map promises."""

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
    """How the plus of a number looks in a URL: not there, ``%2B``, or bare, so that it reads as a space."""

    OMIT = "omit"
    ENCODED = "encoded"
    RAW = "raw"


class Recording(StrEnum):
    """How a recording travels: as the document says, or in one of the ways that a CRM may have to bear."""

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
    """The choices that Ringotel's documentation leaves open."""

    absent: Absent = Absent.OMIT
    plus: Plus = Plus.OMIT
    recording: Recording = Recording.DOCUMENT


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """``status`` is 0 if none came; ``problem`` is "" if it came, was a 2xx and fitted the map."""

    status: int
    milliseconds: float
    rows: list[Row]
    problem: str


class Client:
    """Calls the hooks of one document with one credential."""

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
        style: WireVariant,
        *,
        credential: AuthBase | None = None,
    ) -> Answer:
        """One request and its answer. Never raises for what the CRM does; a refused OAuth2 token is renewed once."""
        auth = credential or self.credential
        request = self._request(hook, {**self._properties, **values}, style)
        answer = self._send(hook, request, auth)
        refused = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
        if refused and isinstance(auth, OAuth2) and auth.renew():
            answer = self._send(hook, request, auth)
        return answer

    def _request(
        self, hook: Hook, values: Mapping[str, Value], style: WireVariant
    ) -> dict[str, Any]:
        url = fill_url(hook.url, values, style.absent, bare_plus=style.plus is Plus.RAW)
        if hook.method == "GET":
            return {"url": url}
        content_type = hook.content_type
        if "recording" in values:
            content_type = _RECORDING_TYPES.get(style.recording, content_type)
        body = fill(hook.parameters, values, style.absent)
        assert isinstance(body, dict)
        kind = media_type(content_type)
        if kind == MULTIPART_TYPE:
            return {"url": url, "files": {key: _part(value) for key, value in body.items()}}
        headers = {"Content-Type": content_type}
        if kind == FORM_TYPE:
            return {
                "url": url,
                "headers": headers,
                "data": {k: "" if v is None else v for k, v in body.items()},
            }
        if kind == JSON_TYPE:
            return {
                "url": url,
                "headers": headers,
                "data": json.dumps(body, default=_base64).encode(),
            }
        return {"url": url, "headers": headers, "data": values["recording"]}

    def _send(self, hook: Hook, request: Mapping[str, Any], auth: AuthBase) -> Answer:
        started = time.perf_counter()
        status, rows = 0, []
        try:
            # On a connection of its own: on one that is kept, each answer of runserver waits 40 ms for the network.
            # A redirect is not followed: it would turn a POST into a GET.
            response = requests.request(
                hook.method,
                **{
                    **request,
                    "headers": {"User-Agent": "ringotel-simulator", **request.get("headers", {})},
                },
                auth=auth,
                timeout=self._timeout,
                allow_redirects=False,
            )
            status = response.status_code
            problem = _refusal(response)
        except requests.Timeout:
            problem = f"no answer within {self._timeout:g} s"
        except (
            requests.RequestException,
            ValueError,
        ) as error:  # the latter: no header can hold the credential
            # Its text is not shown, because it has the URL and so the number in it.
            problem = f"no answer ({type(error).__name__})"
        milliseconds = (time.perf_counter() - started) * 1000
        if not problem and hook.response_map and response.content:
            try:
                rows = capture(hook.response_map, response.json())
            except requests.JSONDecodeError:
                problem = (
                    f"answered {response.headers.get('Content-Type', 'something')} that is not JSON"
                )
            except AnswerError as error:
                problem = str(error)
        return Answer(status=status, milliseconds=milliseconds, rows=rows, problem=problem)


def _base64(value: bytes) -> str:
    return base64.b64encode(value).decode()


def _part(value: object) -> tuple[str | None, object] | tuple[str, bytes, str]:
    if isinstance(value, bytes):
        return ("recording.wav", value, AUDIO_TYPE)
    return (None, "" if value is None else str(value))


def _refusal(response: requests.Response) -> str:
    """What a status other than 2xx means, with the beginning of a JSON text but no number and no key in it."""
    if HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
        return ""
    words = f"answered {response.status_code} {response.reason}"
    if response.status_code == HTTPStatus.BAD_REQUEST and "json" in response.headers.get(
        "Content-Type", ""
    ):
        words += f": {re.sub(r'[0-9]{5,}|[A-Za-z0-9+/=_.-]{20,}', '…', response.text[:300])}"
    return words
