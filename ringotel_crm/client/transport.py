"""One request to Ringotel: bounded in time and size, repeated only where that does no harm."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import requests
import urllib3
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_variables
from requests.auth import AuthBase

from ..conf import conf
from ..exceptions import CRMError

CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5, 15, 60
MAX_BYTES = 64 * 1024 * 1024
CHUNK = 64 * 1024
ATTEMPTS = 3
PAUSE = 0.5  # seconds before the second attempt, at most; twice as long before the next


class RingotelError(CRMError):
    """Ringotel did not do what it was asked for."""

    code = "ringotel"


class NotConfigured(RingotelError):
    """A setting is missing."""


class RingotelConnectionError(RingotelError):
    """No answer came, or only that of a server in trouble. What was asked for may have happened all the same."""


class RingotelAuthenticationError(RingotelError):
    """Ringotel does not take the account's key."""


class RingotelApiError(RingotelError):
    """Ringotel answered with an error; its own words are the message."""


class InvalidResponse(RingotelError):
    """An answer came that cannot be read."""


class _Key(AuthBase):
    """Puts the account's key on a request, and keeps it from being shown."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def __repr__(self) -> str:
        return "<key>"


class Transport:
    """A connection to the API."""

    def __init__(self) -> None:
        if not conf.RINGOTEL_API_KEY:
            raise NotConfigured(
                _(
                    'RINGOTEL_CRM["RINGOTEL_API_KEY"], or the environment variable RINGOTEL_API_KEY, is not set.'
                )
            )
        self.url = conf.RINGOTEL_API_URL
        self._session = requests.Session()
        self._session.auth = _Key(conf.RINGOTEL_API_KEY)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @sensitive_variables()
    def call(self, method: str, params: dict[str, Any], *, repeatable: bool) -> Any:
        """The ``result`` of this method. Only what is ``repeatable`` is tried again when no answer came."""
        attempts = ATTEMPTS if repeatable else 1
        for attempt in range(1, attempts + 1):
            try:
                return self._once(method, params)
            except RingotelConnectionError:
                if attempt == attempts:
                    raise
            time.sleep(random.uniform(0, PAUSE * 2 ** (attempt - 1)))  # noqa: S311 - so that not all come at once
        raise AssertionError

    @sensitive_variables()
    def _once(self, method: str, params: dict[str, Any]) -> Any:
        try:
            response = self._session.post(
                self.url,
                json={"method": method, "params": params},
                timeout=(CONNECT_SECONDS, READ_SECONDS),
                allow_redirects=False,  # it would carry the key elsewhere
                stream=True,
            )
            with response:
                body = _read(response)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as exc:
            # Neither its text, which has the URL in it, nor the exception itself, which has the request.
            kind = type(exc).__name__
            raise RingotelConnectionError(
                _("Ringotel gave no answer to %(method)s (%(kind)s).")
                % {"method": method, "kind": kind}
            ) from None
        return _result(method, response.status_code, body)


def _read(response: requests.Response) -> bytes:
    deadline = time.monotonic() + TOTAL_SECONDS
    body = bytearray()
    # Piece by piece as they come: what waits for a full one waits as long as the other side likes.
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_BYTES:
            raise InvalidResponse(_("Ringotel's answer is too long."))
        if time.monotonic() > deadline:
            raise requests.Timeout
    return bytes(body)


def _result(method: str, status: int, body: bytes) -> Any:
    """What the answer says."""
    named = {"method": method, "status": status}
    if status in (401, 403):
        raise RingotelAuthenticationError(
            _("Ringotel does not accept the account's key (%(method)s, status %(status)d).") % named
        )
    if status == 429 or status >= 500:
        raise RingotelConnectionError(
            _("Ringotel is in trouble (%(method)s, status %(status)d).") % named
        )
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        raise InvalidResponse(
            _("Ringotel's answer to %(method)s is not JSON (status %(status)d).") % named
        ) from None
    error = answer.get("error") if isinstance(answer, dict) else None
    if error:
        words = str(error.get("message", "") if isinstance(error, dict) else error)[:500]
        words = words.replace(conf.RINGOTEL_API_KEY, "•••") if conf.RINGOTEL_API_KEY else words
        raise RingotelApiError(
            _("Ringotel refused %(method)s: %(words)s") % {"method": method, "words": words}
        )
    if not isinstance(answer, dict) or "result" not in answer or status != 200:
        raise InvalidResponse(
            _("Ringotel's answer to %(method)s has no result (status %(status)d).") % named
        )
    return answer["result"]
