"""Streamed lists."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from itertools import chain, islice
from json.encoder import encode_basestring_ascii as encode_text

from asgiref.sync import sync_to_async
from django.http import StreamingHttpResponse

from .. import databases
from .serializers import HookSerializer

# Records in each chunk of a response.
STREAM_BATCH = 500


class Stream(StreamingHttpResponse):
    """A response that is streamed under ASGI too, where Django would collect a synchronous iterator
    first.
    """

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the chunks, produced in the thread that has the database connection."""
        next_chunk: Callable[[], bytes] = partial(next, iter(self), b"")
        while chunk := await sync_to_async(next_chunk)():
            yield chunk


class ListWriter:
    r"""Write rows of text as the JSON list of a serializer, ten times as fast as the serializer.

    ``attributes`` names the columns of a row: the source of each field, with the fields of a nested
    serializer in its place. All values must be text. Example:

    >>> from ringotel_crm.hooks.serializers import CompanyName, HookSerializer, TextField
    >>> class ContactSerializer(HookSerializer):
    ...     id = TextField()
    ...     organization = CompanyName(source="*")
    >>> writer = ListWriter(ContactSerializer)
    >>> writer.attributes
    ['id', 'company_name']
    >>> writer.template
    '{"id": %s, "organization": {"name": %s}}'
    >>> rows = [("7", "Oats & Söhne")]
    >>> print(b"".join(writer.chunks(iter(rows))).decode())
    {"results": [{"id": "7", "organization": {"name": "Oats & S\u00f6hne"}}], "next": null}
    """

    def __init__(self, serializer_class: type[HookSerializer]) -> None:
        self.attributes: list[str] = []
        # JSON of a record with a %s for each attribute.
        self.template = self._add(serializer_class)

    def response(self, rows: Iterator[tuple[str, ...]]) -> Stream:
        """Return a response that streams all ``rows`` in bounded memory."""
        # The first row is fetched here, while an error can still become an error response.
        rows = chain(list(islice(rows, 1)), rows)
        return Stream(self.chunks(rows), content_type="application/json")

    def chunks(self, rows: Iterator[tuple[str, ...]]) -> Iterator[bytes]:
        """Yield ``{"results": [...], "next": null}``, :data:`STREAM_BATCH` rows at a time."""
        prefix = '{"results": ['
        while batch := list(islice(rows, STREAM_BATCH)):
            # Formatting a whole batch takes half the time of formatting each row.
            template = ", ".join([self.template] * len(batch))
            values = tuple(map(encode_text, chain.from_iterable(batch)))
            databases.release_connections()  # the client may read slowly
            yield (prefix + template % values).encode()
            prefix = ", "
        yield (prefix if prefix != ", " else "").encode() + b'], "next": null}'

    def _add(self, serializer_class: type[HookSerializer]) -> str:
        """Add the attributes of ``serializer_class``; return its template."""
        members = []
        for name, field in serializer_class().fields.items():
            if isinstance(field, HookSerializer):
                members.append(f'"{name}": {self._add(type(field))}')
            else:
                self.attributes.append(field.source or name)
                members.append(f'"{name}": %s')
        return f"{{{', '.join(members)}}}"
