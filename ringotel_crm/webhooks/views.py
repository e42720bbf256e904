"""Receive an event: authenticate, store, respond; process afterwards."""

from __future__ import annotations

import json
import time
from typing import Any

from django.conf import settings
from django.contrib.auth.decorators import login_not_required
from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, JsonResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from rest_framework.exceptions import Throttled

from .. import databases, signals
from ..auth.throttling import LoginAttempt
from ..conf import conf
from ..exceptions import CRMError, InvalidInput, LengthRequired, TooLarge
from ..internal import request_log
from ..internal.errors import (
    DATABASE_ERRORS,
    RETRY_AFTER,
    database_unavailable,
    error_body,
    status_code,
)
from ..internal.parsing import parse_json_object
from ..models import WebhookEvent
from .authentication import authenticate, without_secrets
from .events import process, purge

# Old events are deleted each time this number of events was received.
PURGE_EVERY = 1000


class EventAccepted(JsonResponse):
    """The event is stored. It is processed after the response was sent."""

    def __init__(self, event: WebhookEvent) -> None:
        super().__init__({"id": str(event.pk)})
        self.event = event

    def close(self) -> None:
        """Called by the server after the last byte was sent. Errors are recorded in the event."""
        try:
            # Receivers pass the event to a queue, which may hang.
            signals.event_stored.send_robust(sender=WebhookEvent, event=self.event)
            if conf.PROCESS_WEBHOOK_EVENTS:
                process(self.event)
            if self.event.pk % PURGE_EVERY == 0:
                purge()
        finally:
            super().close()


class ErrorResponse(JsonResponse):
    """The event is not stored."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(error_body(code, message), status=status, headers=headers)
        self.code = code


@databases.fresh_reads()
@csrf_exempt
@login_not_required
@require_POST
@databases.non_atomic_requests
@sensitive_variables()
def receive(request: HttpRequest, name: str) -> JsonResponse:
    """Store an event of any kind and respond with 200; respond with 403 to a body without a valid
    secret.
    """
    started = time.perf_counter()
    response: EventAccepted | ErrorResponse | None = None
    try:
        try:
            response = _store_event(request, name)
        except DATABASE_ERRORS as exc:
            error = database_unavailable(exc)
            headers = {"Retry-After": str(RETRY_AFTER)}
            response = ErrorResponse(status_code(error), error.code, error.message, headers)
        return response
    finally:
        _log_request(name, response, (time.perf_counter() - started) * 1000)


def _log_request(name: str, response: Any, milliseconds: float) -> None:
    """Add a request to the request log. ``response``: ``None`` if the view raised."""
    action, user_id = name, ""
    if event := getattr(response, "event", None):
        action, user_id = f"{name} {event.method}", str(event.webhook.user_id)
    request_log.record(
        "webhooks",
        action,
        getattr(response, "status_code", 500),
        milliseconds,
        user_id=user_id,
        code=getattr(response, "code", ""),
    )


@sensitive_variables()
def _store_event(request: HttpRequest, name: str) -> EventAccepted | ErrorResponse:
    try:
        body = parse_json_object(_read_body(request))
    except CRMError as exc:
        return ErrorResponse(status_code(exc), exc.code, exc.message)
    webhook = authenticate(name, body)
    if webhook is None:
        return _reject(request)
    body = without_secrets(body)
    method = body.get("method")
    if not isinstance(method, str) or not method.isprintable():
        method = ""
    event = WebhookEvent.objects.create(
        webhook=webhook,
        method=method[:64],
        body=json.dumps(body),  # ASCII, so that every database can store any text
    )
    return EventAccepted(event)


def _reject(request: HttpRequest) -> ErrorResponse:
    """Return a 403, or a 429 after too many failures."""
    try:
        LoginAttempt(request).check_and_count()
    except Throttled as exc:
        wait: float = exc.wait  # type: ignore[attr-defined]
        return ErrorResponse(429, "throttled", str(exc.detail), {"Retry-After": str(wait)})
    return ErrorResponse(403, "forbidden", _("Invalid token."))


@sensitive_variables()
def _read_body(request: HttpRequest) -> bytes:
    """Return the complete body.

    Raises ``LengthRequired`` without a Content-Length, ``TooLarge`` above
    ``DATA_UPLOAD_MAX_MEMORY_SIZE``, and ``InvalidInput`` for an incomplete body.
    """
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise LengthRequired(_("Send the Content-Length of the body."))
    try:
        body = request.body
    except RequestDataTooBig as exc:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise TooLarge(_("The body is longer than %(limit)d bytes.") % {"limit": limit}) from exc
    except (UnreadablePostError, RawPostDataException) as exc:
        raise InvalidInput(_("The body cannot be read.")) from exc
    if len(body) != int(length):
        raise InvalidInput(_("The body is shorter than its Content-Length."))
    return body
