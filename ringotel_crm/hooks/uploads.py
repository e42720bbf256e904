"""Request bodies with a file: as multipart, as a raw body, or as base64 in JSON.

Bodies are read as streams: neither memory nor disk usage exceeds the limit, and an incomplete file
is never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from itertools import chain
from typing import IO, Any, cast

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.translation import gettext as _

from ..exceptions import InvalidInput, LengthRequired, TooLarge
from ..internal.parsing import PLACEHOLDER
from ..media.storage import translate_storage_errors
from ..services.recordings.store import temporary_file
from .base64_stream import MAX_OTHER_BYTES, JSONWithFile

# Bytes read at once.
CHUNK = 512 * 1024

# Files up to this number of bytes stay in memory. One multipart body may have a hundred of them.
IN_MEMORY = 256 * 1024


@contextmanager
def read_upload(
    request: HttpRequest, *, field: str = "recording", max_bytes: int
) -> Iterator[tuple[dict[str, Any], IO[bytes] | None]]:
    """Yield the other members of the body, and the file: seekable, at its start, closed at the end
    of the block.

    The file is the one named ``field``, or the only file of a multipart body. It is ``None`` if it
    is missing, empty or an unresolved ``$placeholder$``. Text is UTF-8; the charset of the content
    type is ignored. A body that is neither multipart nor a JSON object is the file, whatever its
    content type.

    Raises ``TooLarge`` above ``max_bytes``, ``LengthRequired`` without a Content-Length,
    ``ServiceUnavailable`` if the disk is full, and ``InvalidInput`` for a broken or incomplete
    body.
    """
    with ExitStack() as stack:

        def new_spool() -> _Spool:
            return _Spool(stack, field, max_bytes)

        fields, spool = _read_body(request, field, max_bytes, new_spool)
        yield fields, spool.finish() if spool else None


def _read_body(
    request: HttpRequest, field: str, max_bytes: int, new_spool: Callable[[], _Spool]
) -> tuple[dict[str, Any], _Spool | None]:
    content_type = request.content_type or ""
    if content_type == "multipart/form-data":
        return _read_multipart(request, field, max_bytes, new_spool)
    spool = new_spool()
    is_json = content_type == "application/json"
    body = _Body(request, field, max_bytes, encoded=is_json)
    first = body.read()
    if is_json or first.lstrip().startswith(b"{"):
        document = JSONWithFile(field, spool.write)
        for chunk in chain([first], body):
            document.feed(chunk)
        return document.close(), spool
    for chunk in chain([first], body):
        spool.write(chunk)
    return {}, spool


class _Spool:
    """A file in memory that moves to a temporary file when it exceeds ``IN_MEMORY``."""

    def __init__(self, stack: ExitStack, field: str, max_bytes: int) -> None:
        self.stack = stack
        self.file: IO[bytes] = BytesIO()
        self.field = field
        self.max_bytes = max_bytes
        self.size = 0

    def write(self, data: bytes) -> None:
        self.size += len(data)
        if self.size > self.max_bytes:
            raise _too_large(self.field, self.max_bytes)
        with translate_storage_errors():
            if self.size > IN_MEMORY and isinstance(self.file, BytesIO):
                content = self.file.getvalue()
                self.file = self.stack.enter_context(temporary_file())
                self.file.write(content)
            self.file.write(data)

    def finish(self) -> IO[bytes] | None:
        with translate_storage_errors():  # writes what is still buffered
            self.file.seek(0)
        return self.file if self.size else None


class _Body:
    """The body in chunks. Raises ``InvalidInput`` if it ends before its Content-Length: the client
    disconnected.
    """

    def __init__(
        self, request: HttpRequest, field: str, max_bytes: int, *, encoded: bool = False
    ) -> None:
        self.request = request
        self.received = 0
        try:
            self.length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            self.length = 0
        # Without a length, Django reads nothing under WSGI, and the whole body under ASGI.
        if not self.length and ("HTTP_TRANSFER_ENCODING" in request.META or request.read(1)):
            raise LengthRequired(_("Send the Content-Length of the body."))
        # Base64 adds a third and its line breaks a tenth: a valid body is never twice as long.
        limit = 2 * max_bytes + MAX_OTHER_BYTES if encoded else max_bytes
        if self.length > limit:
            raise _too_large(field, max_bytes)

    def read(self, size: int = CHUNK) -> bytes:
        try:
            data: bytes = self.request.read(size)
        except UnreadablePostError:
            data = b""
        self.received += len(data)
        if not data and self.received < self.length:
            raise InvalidInput(
                _("The body ended after %(received)d of %(length)d bytes.")
                % {"received": self.received, "length": self.length}
            )
        return data

    def __iter__(self) -> Iterator[bytes]:
        return iter(self.read, b"")


class _SpoolHandler(FileUploadHandler):
    """Replaces Django's upload handlers, which have no size limit and may leave named files on
    disk.
    """

    chunk_size = CHUNK

    def __init__(self, new_spool: Callable[[], _Spool]) -> None:
        super().__init__()
        self.new_spool = new_spool
        self.spools: list[tuple[str, _Spool]] = []

    def new_file(self, field_name: str, *args: Any, **kwargs: Any) -> None:
        self.spools.append((field_name, self.new_spool()))

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.spools[-1][1].write(raw_data)

    def file_complete(self, file_size: int) -> None:
        """Return nothing to the parser: the files are in ``spools``."""

    def upload_interrupted(self) -> None:
        raise InvalidInput(_("The multipart body ended in the middle of a file."))


def _read_multipart(
    request: HttpRequest, field: str, max_bytes: int, new_spool: Callable[[], _Spool]
) -> tuple[dict[str, Any], _Spool | None]:
    handler = _SpoolHandler(new_spool)
    if hasattr(request, "_files"):  # request.POST was accessed by a middleware
        data: QueryDict = request.POST
        for name, files in request.FILES.lists():
            for file in files:
                handler.new_file(name)
                for chunk in file.chunks():
                    handler.receive_data_chunk(chunk, 0)
    else:
        data = _parse_multipart(request, _Body(request, field, max_bytes, encoded=True), handler)
    fields: dict[str, Any] = data.dict()
    text = fields.pop(field, "")
    named = [spool for name, spool in handler.spools if name == field]
    spools = named or [spool for _name, spool in handler.spools]
    if len(spools) > 1 or (text and not PLACEHOLDER.fullmatch(text)):
        message = _("Send one file, with a file name.")
        raise InvalidInput(message, fields={field: [message]})
    return fields, spools[0] if spools else None


def _parse_multipart(request: HttpRequest, body: _Body, handler: _SpoolHandler) -> QueryDict:
    try:
        data, _files = MultiPartParser(request.META, cast(Any, body), [handler], "utf-8").parse()
    except RequestDataTooBig as exc:
        raise TooLarge(_("The fields of the body are too long.")) from exc
    except (MultiPartParserError, SuspiciousOperation) as exc:
        message = _("The multipart body cannot be read: %(reason)s") % {"reason": exc}
        raise InvalidInput(message) from exc
    return data


def _too_large(field: str, max_bytes: int) -> TooLarge:
    message = _("Must be at most %(limit)d bytes.") % {"limit": max_bytes}
    return TooLarge(message, fields={field: [message]})
