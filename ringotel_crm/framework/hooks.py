"""What every hook has in common, and how a view says which hook it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import chain, islice
from json.encoder import encode_basestring_ascii as encode_text
from typing import Any, TypeVar

from asgiref.sync import sync_to_async
from django.db import transaction
from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from rest_framework.authentication import BaseAuthentication
from rest_framework.negotiation import BaseContentNegotiation
from rest_framework.parsers import BaseParser
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.throttling import BaseThrottle
from rest_framework.viewsets import ViewSet

from .. import phone, requestlog
from ..auth import CallerThrottle, MayUseApi, actor_of, authenticators
from ..backends import Backend, get_backend
from ..conf import conf
from ..exceptions import LengthRequired
from ..wire import present
from .errors import exception_handler
from .parsers import StrictJSONParser
from .serializers import HookSerializer, reader, template

NUMBERS = ("phone", "mobile", "caller_number")  # the fields with a number to recognise a request by
STREAM_BATCH = 500  # records that leave in one piece

Method = TypeVar("Method", bound=Callable[..., Any])


@dataclass(frozen=True, kw_only=True)
class Hook:
    """One of Ringotel's hooks: its name, what it takes and gives, and whether it gives a list of that.

    ``ability`` names the class flag of the contact directory, or the directory of the backend, that it needs.
    """

    name: str
    takes: type[HookSerializer] | None = None
    gives: type[HookSerializer] | None = None
    many: bool = False
    content_type: str = "application/json"
    ability: str = ""


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

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
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
            self.note(response, (time.perf_counter() - begun) * 1000)
        return response  # type: ignore[no-any-return]

    def note(self, response: Any, milliseconds: float) -> None:
        """What was asked and what became of it, without a query."""
        hook = getattr(getattr(self, getattr(self, "action", None) or "", None), "hook", None)
        error = (
            (getattr(response, "data", None) or {}).get("error", {}) if response and response.status_code >= 400 else {}
        )
        requestlog.note(
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
        return get_backend(actor_of(self.request))

    def read(self, serializer_class: type[HookSerializer], data: Any = None) -> dict[str, Any]:
        """The validated input, from the query and then the body, without what is absent."""
        if data is None:
            data = {} if self.request.method in ("GET", "HEAD") else self.request.data
        # A query has no null but the word.
        query = {name: value for name, value in self.request.query_params.items() if value != "null"}
        validated = reader(serializer_class)({**present(query), **present(data)})
        self.number = phone.mask(next((validated[name] for name in NUMBERS if validated.get(name)), ""))
        return validated


class Stream(StreamingHttpResponse):
    """Text as it is made; also under ASGI, where Django would first make all of it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts, made in the thread that has the database connection."""
        following: Callable[[], bytes] = partial(next, iter(self), b"")
        while part := await sync_to_async(following)():
            yield part


def stream(serializer_class: type[HookSerializer], rows: Iterator[tuple[str, ...]]) -> Stream:
    """``{"results": [...], "next": null}`` with all rows, each of the serializer's ``columns()``, in bounded memory."""
    shape = template(serializer_class)
    # The first row is fetched here, while an error can still become an answer.
    rows = chain(list(islice(rows, 1)), rows)

    def body() -> Iterator[bytes]:
        separator = '{"results": ['
        while batch := list(islice(rows, STREAM_BATCH)):
            # All at once, which takes half the time of one after the other.
            shapes = ", ".join([shape] * len(batch))
            yield (separator + shapes % tuple(map(encode_text, chain.from_iterable(batch)))).encode()
            separator = ", "
        yield (separator if separator.startswith("{") else "").encode() + b'], "next": null}'

    return Stream(body(), content_type="application/json")
