"""The base class of all hook views, and the decorator that marks a view method as a hook."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import ViewSet

from .. import databases, phone
from ..auth import CallerThrottle, MayUseApi, authenticators, get_actor
from ..backends import Backend, get_backend
from ..conf import conf
from ..exceptions import LengthRequired
from ..internal import request_log
from ..internal.parsing import strip_absent
from .errors import exception_handler
from .parsers import StrictJSONParser
from .serializers import HookSerializer, compiled_validator

# The fields whose number is shown, masked, in the request log.
NUMBER_FIELDS = ("phone", "mobile", "caller_number")

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Hook:
    """A hook of Ringotel's document. ``many``: the response is a list of ``response_serializer``.

    ``requires``: what the backend must have: "organizations", or a flag of its contact directory
    such as "contacts.can_create".
    """

    name: str
    request_serializer: type[HookSerializer] | None = None
    response_serializer: type[HookSerializer] | None = None
    many: bool = False
    content_type: str = "application/json"
    requires: str = ""


def hook(name: str, **options: Any) -> Callable[[Method], Method]:
    """Mark a view method as the hook ``name``, with the fields of :class:`Hook` as ``options``.

    The document is built from these marks.
    """

    def mark(method: Method) -> Method:
        method.hook = Hook(name=name, **options)  # type: ignore[attr-defined]
        return method

    return mark


class JSONOnly(BaseContentNegotiation):
    """Respond with JSON whatever the ``Accept`` header contains: Ringotel supports nothing else."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        """Return the parser of the content type; a body without a type is parsed as JSON."""
        content_type = (request.content_type or "application/json").partition(";")[0]
        media_type = content_type.strip().lower()
        return next((parser for parser in parsers if parser.media_type == media_type), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """Return the first renderer."""
        return renderers[0], renderers[0].media_type


class HookViewSet(ViewSet):
    """Authentication, parsing, rendering, errors and the request log of all hooks."""

    permission_classes = (MayUseApi,)
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    versioning_class = None
    # The hooks are described in docs/openapi.yaml, not in the schema of the site.
    schema = None

    # The masked number of the request, for the request log.
    number = ""

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Exempt the view from ``ATOMIC_REQUESTS``, because the services manage their own
        transactions, and from ``LoginRequiredMiddleware``.
        """
        view = super().as_view(actions, **initkwargs)
        return login_not_required(databases.non_atomic_requests(view))

    def get_authenticators(self) -> list[BaseAuthentication]:
        return [authenticator() for authenticator in authenticators()]

    def get_throttles(self) -> list[BaseThrottle]:
        return [CallerThrottle()] if conf.REQUESTS_PER_MINUTE else []

    def get_exception_handler(self) -> Any:
        """Return the handler of the hooks, whatever ``REST_FRAMEWORK`` sets for the rest of the
        site.
        """
        return exception_handler

    @databases.fresh_reads()
    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Log each request, also one that raises."""
        started = time.perf_counter()
        response: Any = None
        try:
            response = super().dispatch(request, *args, **kwargs)
        finally:
            self.log_request(response, (time.perf_counter() - started) * 1000)
        return response  # type: ignore[no-any-return]

    def log_request(self, response: Any, milliseconds: float) -> None:
        """Add this request to the request log. Runs no query. ``response``: ``None`` if the view
        raised.
        """
        hook = getattr(getattr(self, getattr(self, "action", None) or "", None), "hook", None)
        name = hook.name if hook else str(self.request.method)
        status = response.status_code if response else 500
        data = getattr(response, "data", None) or {}
        error = data.get("error", {}) if status >= 400 else {}
        request_log.record(
            "hooks",
            name,
            status,
            milliseconds,
            user_id=str(getattr(getattr(self.request, "_user", None), "pk", None) or ""),
            number=self.number,
            code=str(error.get("code", "")),
            fields=tuple(error.get("fields", ())),
        )

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Read the query as UTF-8: Django would use the charset of the body."""
        if request.encoding:
            request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Raise ``LengthRequired`` for a chunked body: Django reads it as empty, and the call would
        be lost.
        """
        super().initial(request, *args, **kwargs)
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired(_("Send the Content-Length of the body."))

    @cached_property
    def backend(self) -> Backend:
        """The backend for the user and tenant of this request."""
        return get_backend(get_actor(self.request))

    def validated_data(
        self, serializer_class: type[HookSerializer], data: Any = None
    ) -> dict[str, Any]:
        """Return the validated input without absent values. A member of the body overrides one of
        the query.

        ``data``: the body, if it has been read already. Raises ``ValidationError`` and
        ``InvalidInput``.
        """
        if data is None:
            data = {} if self.request.method in ("GET", "HEAD") else self.request.data
        # A query has no null but the word.
        query = {
            name: value for name, value in self.request.query_params.items() if value != "null"
        }
        validate = compiled_validator(serializer_class)
        validated = validate({**strip_absent(query), **strip_absent(data)})
        numbers = (validated[name] for name in NUMBER_FIELDS if validated.get(name))
        self.number = phone.mask(next(numbers, ""))
        return validated
