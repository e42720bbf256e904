"""Taking in an event: check who tells, keep it, answer; only then look at what it says."""

from __future__ import annotations

import json
import time

from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.db import transaction
from django.http import HttpRequest, JsonResponse
from django.http.request import RawPostDataException, UnreadablePostError
from django.utils.translation import gettext as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.debug import sensitive_variables
from django.views.decorators.http import require_POST
from rest_framework.exceptions import Throttled

from .. import signals
from ..auth.throttling import LoginAttempt
from ..conf import conf
from ..exceptions import CRMError, InvalidInput, LengthRequired, TooLarge
from ..internal import request_log
from ..internal.parsing import parse_json_object
from ..models import WebhookEvent
from .authentication import authenticate, without_secrets
from .events import process, purge

STATUS: dict[type[CRMError], int] = {InvalidInput: 400, LengthRequired: 411, TooLarge: 413}
PURGE_EVERY = 1000  # events


class EventAccepted(JsonResponse):
    """The answer that an event is kept. What it says is looked at when the answer has left."""

    def __init__(self, event: WebhookEvent) -> None:
        super().__init__({"id": str(event.pk)})
        self.event = event

    def close(self) -> None:
        """Called by the server behind the last byte. Whatever goes wrong here is written down at the event."""
        try:
            if conf.PROCESS_WEBHOOK_EVENTS:
                process(self.event)
            if self.event.pk % PURGE_EVERY == 0:
                purge()
        finally:
            super().close()


class ErrorResponse(JsonResponse):
    """The answer that nothing is kept, and why."""

    def __init__(
        self, status: int, code: str, message: str, headers: dict[str, str] | None = None
    ) -> None:
        error = {"code": code, "message": message, "fields": {}}
        super().__init__({"error": error}, status=status, headers=headers)
        self.code = code


@csrf_exempt
@require_POST
@transaction.non_atomic_requests
@sensitive_variables()
def receive(request: HttpRequest, name: str) -> JsonResponse:
    """200 for whatever is kept, known or not; 403 for a body without a valid secret, of which nothing is kept."""
    begun = time.perf_counter()
    response = None
    try:
        response = _store_event(request, name)
        return response
    finally:
        event = getattr(response, "event", None)
        request_log.record(
            "webhooks",
            f"{name} {event.method}" if event else name,
            response.status_code if response is not None else 500,
            (time.perf_counter() - begun) * 1000,
            user_id=str(event.webhook.user_id) if event else "",
            code=getattr(response, "code", ""),
        )


@sensitive_variables()
def _store_event(request: HttpRequest, name: str) -> EventAccepted | ErrorResponse:
    try:
        body = parse_json_object(_read(request))
    except CRMError as exc:
        return ErrorResponse(STATUS[type(exc)], exc.code, exc.message)
    webhook = authenticate(name, body)
    if webhook is None:
        try:
            LoginAttempt(request).check_and_count()
        except Throttled as exc:
            return ErrorResponse(429, "throttled", str(exc.detail), {"Retry-After": str(exc.wait)})  # type: ignore[attr-defined]
        return ErrorResponse(403, "forbidden", _("The token is not valid."))
    body = without_secrets(body)
    method = body.get("method")
    event = WebhookEvent.objects.create(
        webhook=webhook,
        method=method[:64] if isinstance(method, str) and method.isprintable() else "",
        body=json.dumps(body),  # in ASCII, which every database keeps, whatever was sent
    )
    signals.event_stored.send_robust(sender=WebhookEvent, event=event)
    return EventAccepted(event)


@sensitive_variables()
def _read(request: HttpRequest) -> bytes:
    """The body, whole and within ``DATA_UPLOAD_MAX_MEMORY_SIZE``."""
    length = request.META.get("CONTENT_LENGTH") or ""
    if not length.isdecimal():
        raise LengthRequired(_("A body needs a Content-Length."))
    try:
        body = request.body
    except RequestDataTooBig as exc:
        limit = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
        raise TooLarge(_("The body is longer than %(limit)d bytes.") % {"limit": limit}) from exc
    except (UnreadablePostError, RawPostDataException) as exc:
        raise InvalidInput(_("The body cannot be read.")) from exc
    if len(body) != int(length):
        raise InvalidInput(_("The body is shorter than announced."))
    return body
