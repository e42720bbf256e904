"""One request to Ringotel's API: bounded in time and size, repeated only if it is safe to do so."""

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

# Seconds to connect, for each piece of the answer, and for the whole body.
CONNECT_SECONDS, READ_SECONDS, TOTAL_SECONDS = 5, 15, 60
MAX_BYTES = 64 * 1024 * 1024
CHUNK = 64 * 1024
ATTEMPTS = 3
# Longest pause before the second attempt, in seconds. Doubles before each further one.
PAUSE = 0.5


class RingotelError(CRMError):
    """Ringotel did not carry out a request."""

    code = "ringotel"


class NotConfigured(RingotelError):
    """A setting is missing."""


class RingotelConnectionError(RingotelError):
    """No answer, or a server error. The request may have been carried out nevertheless."""


class RingotelAuthenticationError(RingotelError):
    """Ringotel rejects the account's key, or the key lacks the permission for this method."""


class RingotelApiError(RingotelError):
    """Ringotel answered with an error. The message contains Ringotel's own text."""


class InvalidResponse(RingotelError):
    """The answer cannot be read."""


class _Key(AuthBase):
    """Add the account's key to a request, and keep it out of ``repr()``."""

    def __init__(self, key: str) -> None:
        self._key = key

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def __repr__(self) -> str:
        return "<key>"


class Transport:
    """A connection to the API.

    With ``timeout``, in seconds, the answer is not waited for any longer, and no request is
    repeated.
    """

    def __init__(self, timeout: float | None = None) -> None:
        if not conf.RINGOTEL_API_KEY:
            message = _('Set RINGOTEL_CRM["%(name)s"] or the environment variable %(variable)s.')
            names = {"name": "RINGOTEL_API_KEY", "variable": "RINGOTEL_API_KEY"}
            raise NotConfigured(message % names)
        self.url = conf.RINGOTEL_API_URL
        self._timeout = timeout
        self._session = requests.Session()
        self._session.auth = _Key(conf.RINGOTEL_API_KEY)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.url}>"

    @sensitive_variables()
    def call(
        self, method: str, params: dict[str, Any], *, repeatable: bool, returns_data: bool = True
    ) -> Any:
        """Return the ``result`` of this method; None if it is missing and ``returns_data`` is
        false.

        Only a ``repeatable`` request is sent again if no answer came. Raises
        :class:`RingotelError`.
        """
        attempts = ATTEMPTS if repeatable and self._timeout is None else 1
        for attempt in range(1, attempts + 1):
            try:
                return self._call_once(method, params, returns_data=returns_data)
            except RingotelConnectionError:
                if attempt == attempts:
                    raise
            time.sleep(random.uniform(0, PAUSE * 2 ** (attempt - 1)))  # noqa: S311 - spreads retries
        raise AssertionError

    @sensitive_variables()
    def _call_once(self, method: str, params: dict[str, Any], *, returns_data: bool) -> Any:
        try:
            response = self._session.post(
                self.url,
                json={"method": method, "params": params},
                timeout=(self._timeout or CONNECT_SECONDS, self._timeout or READ_SECONDS),
                allow_redirects=False,  # it would send the key elsewhere
                stream=True,
            )
            with response:
                body = _read(response, self._timeout or TOTAL_SECONDS)
        except (requests.RequestException, urllib3.exceptions.HTTPError) as exc:
            # Its text contains the URL, and the exception itself the request.
            kind = type(exc).__name__
            raise RingotelConnectionError(
                _("Ringotel did not answer %(method)s (%(kind)s).")
                % {"method": method, "kind": kind}
            ) from None
        return _parse(method, response.status_code, body, returns_data=returns_data)


def _read(response: requests.Response, seconds: float) -> bytes:
    deadline = time.monotonic() + seconds
    body = bytearray()
    # read1() returns what has arrived: read() would wait for a full chunk, however slowly it comes.
    while chunk := response.raw.read1(CHUNK, decode_content=True):
        body += chunk
        if len(body) > MAX_BYTES:
            raise InvalidResponse(_("Ringotel's answer is too long."))
        if time.monotonic() > deadline:
            raise requests.Timeout
    return bytes(body)


def _parse(method: str, status: int, body: bytes, *, returns_data: bool) -> Any:
    named = {"method": method, "status": status}
    if status == 401:
        raise RingotelAuthenticationError(
            _("Ringotel rejects the account's key: it is invalid or expired.")
        )
    if status == 403:
        raise RingotelAuthenticationError(
            _("The account's key lacks the permission for %(method)s.") % named
        )
    if status in (408, 429) or status >= 500:
        raise RingotelConnectionError(
            _("Ringotel failed to answer %(method)s (status %(status)d).") % named
        )
    is_success = 200 <= status < 300
    if is_success and not body.strip() and not returns_data:
        return None
    try:
        answer = json.loads(body)
    except (ValueError, RecursionError):
        answer = None
    if error := _find_error(answer):
        raise RingotelApiError(
            _("Ringotel refused %(method)s: %(words)s") % {"method": method, "words": error}
        )
    if status >= 400:
        raise RingotelApiError(_("Ringotel refused %(method)s (status %(status)d).") % named)
    if not isinstance(answer, dict) or not is_success or (returns_data and "result" not in answer):
        raise InvalidResponse(
            _("Ringotel's answer to %(method)s cannot be read (status %(status)d).") % named
        )
    return answer.get("result")


def _find_error(answer: Any) -> str:
    """Return the text of an error: ``{"error": ...}``, or ``{"result": {"error": ...}}``; "" if the
    answer is no error."""
    if not isinstance(answer, dict):
        return ""
    result = answer.get("result")
    error = answer.get("error") or (result.get("error") if isinstance(result, dict) else None)
    if not error:
        return ""
    message = (error.get("message") or error.get("code")) if isinstance(error, dict) else error
    words = str(message or _("no reason given"))[:500]
    return words.replace(conf.RINGOTEL_API_KEY, "•••") if conf.RINGOTEL_API_KEY else words
