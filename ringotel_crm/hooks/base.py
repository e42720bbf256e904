"""What every hook has in common, and how a view says which hook it is."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

from django.db import transaction
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import ViewSet

from .. import phone
from ..auth import CallerThrottle, MayUseApi, authenticators, get_actor
from ..backends import Backend, get_backend
from ..conf import conf
from ..exceptions import LengthRequired
from ..internal import request_log
from ..internal.parsing import strip_absent
from .errors import exception_handler
from .parsers import StrictJSONParser
from .serializers import HookSerializer, compiled_validator

NUMBER_FIELDS = (
    "phone",
    "mobile",
    "caller_number",
)  # the fields with a number to recognise a request by


Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One of Ringotel's hooks: its name, what it takes and gives, and whether it gives a list of that.

    ``ability`` names the class flag of the contact directory, or the directory of the backend, that it needs.
    """

    name: str
    request_serializer: type[HookSerializer] | None = None
    response_serializer: type[HookSerializer] | None = None
    many: bool = False
    content_type: str = "application/json"
    requires: str = ""


def hook(name: str, **facts: Any) -> Callable[[Method], Method]:
    """Mark a view method as the hook called ``name``; see :class:`Hook`. The document is built from these marks."""

    def mark(method: Method) -> Method:
        method.hook = Hook(name=name, **facts)  # type: ignore[attr-defined]
        return method

    return mark


class JSONOnly(BaseContentNegotiation):
    """Whatever ``Accept`` says, the answer is JSON: Ringotel's engine reads nothing else."""

    def select_parser(self, request: Request, parsers: Any) -> BaseParser | None:
        """The parser of the declared type; a body without a type is taken for JSON."""
        declared = (request.content_type or "application/json").partition(";")[0].strip().lower()
        return next((parser for parser in parsers if parser.media_type == declared), None)

    def select_renderer(
        self, request: Request, renderers: Any, format_suffix: str | None = None
    ) -> Any:
        """The one there is."""
        return renderers[0], renderers[0].media_type


class HookViewSet(ViewSet):
    """The policy of the door, said once: who may enter, what is read and written, how errors look."""

    permission_classes = (MayUseApi,)
    parser_classes = (StrictJSONParser,)
    renderer_classes = (JSONRenderer,)
    content_negotiation_class = JSONOnly
    versioning_class = None
    number = ""  # masked: whom the request is about

    @classmethod
    def as_view(cls, actions: Any = None, **initkwargs: Any) -> Any:
        """Outside of ``ATOMIC_REQUESTS``: the services begin and end their own transactions."""
        return transaction.non_atomic_requests(super().as_view(actions, **initkwargs))

    def get_authenticators(self) -> list[BaseAuthentication]:
        """Keys, passwords, and OAuth2 where it is installed."""
        return [authenticator() for authenticator in authenticators()]

    def get_throttles(self) -> list[BaseThrottle]:
        """One, if the settings ask for it."""
        return [CallerThrottle()] if conf.REQUESTS_PER_MINUTE else []

    def get_exception_handler(self) -> Any:
        """Ours, whatever ``REST_FRAMEWORK`` names for the rest of the site."""
        return exception_handler

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Noted for the people who set up the connection."""
        begun = time.perf_counter()
        response: Any = None
        try:
            response = super().dispatch(request, *args, **kwargs)
        finally:
            self.log_request(response, (time.perf_counter() - begun) * 1000)
        return response  # type: ignore[no-any-return]

    def log_request(self, response: Any, milliseconds: float) -> None:
        """What was asked and what became of it, without a query."""
        hook = getattr(getattr(self, getattr(self, "action", None) or "", None), "hook", None)
        error = (
            (getattr(response, "data", None) or {}).get("error", {})
            if response and response.status_code >= 400
            else {}
        )
        request_log.record(
            "hooks",
            hook.name if hook else str(self.request.method),
            response.status_code if response else 500,
            milliseconds,
            user_id=str(getattr(getattr(self.request, "_user", None), "pk", None) or ""),
            number=self.number,
            code=str(error.get("code", "")),
            fields=tuple(error.get("fields", ())),
        )

    def initialize_request(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Request:
        """Everything is UTF-8: a charset that the body claims for itself would be used for the query."""
        if request.encoding:
            request.encoding = "utf-8"
        return super().initialize_request(request, *args, **kwargs)

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Refuse a body of unknown length: Django would read it as empty, and the call would be lost with a 200."""
        super().initial(request, *args, **kwargs)
        if request.META.get("HTTP_TRANSFER_ENCODING") and not request.META.get("CONTENT_LENGTH"):
            raise LengthRequired("A body needs a Content-Length.")

    @cached_property
    def backend(self) -> Backend:
        """The CRM as this caller may see it."""
        return get_backend(get_actor(self.request))

    def validated_data(
        self, serializer_class: type[HookSerializer], data: Any = None
    ) -> dict[str, Any]:
        """The validated input, from the query and then the body, without what is absent."""
        if data is None:
            data = {} if self.request.method in ("GET", "HEAD") else self.request.data
        # A query has no null but the word.
        query = {
            name: value for name, value in self.request.query_params.items() if value != "null"
        }
        validated = compiled_validator(serializer_class)(
            {**strip_absent(query), **strip_absent(data)}
        )
        self.number = phone.mask(
            next((validated[name] for name in NUMBER_FIELDS if validated.get(name)), "")
        )
        return validated
