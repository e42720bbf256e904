"""Streaming."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import chain, islice
from json.encoder import encode_basestring_ascii as encode_text

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from .serializers import HookSerializer, json_template

STREAM_BATCH = 500  # records that leave in one piece


class Stream(StreamingHttpResponse):
    """Text as it is made; also under ASGI, where Django would first make all of it."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """The parts, made in the thread that has the database connection."""
        following: Callable[[], bytes] = partial(next, iter(self), b"")
        while part := await sync_to_async(following)():
            yield part


def stream(serializer_class: type[HookSerializer], rows: Iterator[tuple[str, ...]]) -> Stream:
    """``{"results": [...], "next": null}`` with all rows, each of the serializer's ``columns()``, in bounded memory."""
    shape = json_template(serializer_class)
    # The first row is fetched here, while an error can still become an answer.
    rows = chain(list(islice(rows, 1)), rows)

    def body() -> Iterator[bytes]:
        separator = '{"results": ['
        while batch := list(islice(rows, STREAM_BATCH)):
            # All at once, which takes half the time of one after the other.
            shapes = ", ".join([shape] * len(batch))
            yield (
                separator + shapes % tuple(map(encode_text, chain.from_iterable(batch)))
            ).encode()
            separator = ", "
        yield (separator if separator.startswith("{") else "").encode() + b'], "next": null}'

    return Stream(body(), content_type="application/json")
