"""The body of a request that brings a file: as multipart, as it is, or as base64 in JSON.

Read as a stream: neither memory nor disk takes more than the limit, and a file that is not whole is never kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from io import BytesIO
from typing import IO, Any, cast

from django.core.exceptions import RequestDataTooBig, SuspiciousOperation
from django.core.files.uploadhandler import FileUploadHandler
from django.http import HttpRequest, QueryDict, UnreadablePostError
from django.http.multipartparser import MultiPartParser, MultiPartParserError
from django.utils.translation import gettext as _

from ..exceptions import InvalidInput, LengthRequired, TooLarge, UnsupportedMediaType
from ..media.storage import translate_storage_errors
from ..services.recordings.store import temporary_file
from .base64_stream import MAX_OTHER_BYTES, PLACEHOLDER, JSONWithFile

CHUNK = 512 * 1024

IN_MEMORY = 256 * 1024
"""Files up to this size, in bytes, never see the disk. One multipart may bring a hundred of them."""


@contextmanager
def read_upload(
    request: HttpRequest, *, field: str = "recording", max_bytes: int
) -> Iterator[tuple[dict[str, Any], IO[bytes] | None]]:
    """The other members of the body, and the file: seekable, at its beginning, gone when the context ends.

    The file is the one named ``field``, in a multipart else the only one. It is None if it is absent, empty or an
    unresolved ``$placeholder$``. Charsets in the content type are ignored: text is UTF-8.

    Raises ``TooLarge``, ``LengthRequired``, ``WrongMediaType``, ``Unavailable`` where the disk is full, and ``Invalid``
    for what is broken or incomplete.
    """
    content_type = request.content_type or ""
    with ExitStack() as stack:

        def new_spool() -> _Spool:
            return _Spool(stack, field, max_bytes)

        fields: dict[str, Any] = {}
        spool: _Spool | None
        if content_type == "multipart/form-data":
            fields, spool = _read_multipart(request, field, max_bytes, new_spool)
        elif content_type == "application/json":
            spool = new_spool()
            document = JSONWithFile(field, spool.write)
            for chunk in _Body(request, field, max_bytes, encoded=True):
                document.feed(chunk)
            fields = document.close()
        elif content_type == "application/octet-stream" or content_type.startswith("audio/"):
            spool = new_spool()
            for chunk in _Body(request, field, max_bytes):
                spool.write(chunk)
        else:
            raise UnsupportedMediaType(
                _(
                    "Expected multipart/form-data, application/json, application/octet-stream or audio/*."
                )
            )
        yield fields, spool.finish() if spool else None


class _Spool:
    """In memory while it is small, then in a temporary file."""

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
                small, self.file = self.file.getvalue(), self.stack.enter_context(temporary_file())
                self.file.write(small)
            self.file.write(data)

    def finish(self) -> IO[bytes] | None:
        with translate_storage_errors():  # what is still in a buffer is written now
            self.file.seek(0)
        return self.file if self.size else None


class _Body:
    """The body in chunks. Its end counts only if it is where Content-Length said: else the client has vanished."""

    def __init__(
        self, request: HttpRequest, field: str, max_bytes: int, *, encoded: bool = False
    ) -> None:
        self.request = request
        self.received = 0
        try:
            self.length = int(request.META.get("CONTENT_LENGTH") or 0)
        except ValueError:
            self.length = 0
        # Under WSGI Django reads nothing without a length, under ASGI the body is there.
        if not self.length and ("HTTP_TRANSFER_ENCODING" in request.META or request.read(1)):
            raise LengthRequired(_("Send the Content-Length of the body."))
        # Base64 takes a third more and its line ends a tenth, so that twice is never reached in good faith.
        if self.length > (2 * max_bytes + MAX_OTHER_BYTES if encoded else max_bytes):
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
    """Takes the place of Django's upload handlers, which know no limit and leave named files behind."""

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
        """The parser gets nothing: the files are in ``spools``."""

    def upload_interrupted(self) -> None:
        raise InvalidInput(_("The multipart body ended in the middle of a file."))


def _read_multipart(
    request: HttpRequest, field: str, max_bytes: int, new_spool: Callable[[], _Spool]
) -> tuple[dict[str, Any], _Spool | None]:
    handler = _SpoolHandler(new_spool)
    if hasattr(
        request, "_files"
    ):  # a middleware has looked at request.POST, and the stream is used up
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
    spools = [spool for name, spool in handler.spools if name == field] or [
        spool for _name, spool in handler.spools
    ]
    if len(spools) > 1 or (text and not PLACEHOLDER.fullmatch(text)):
        message = _("One file is expected, sent with a file name.")
        raise InvalidInput(message, fields={field: [message]})
    return fields, spools[0] if spools else None


def _parse_multipart(request: HttpRequest, body: _Body, handler: _SpoolHandler) -> QueryDict:
    try:
        data, _files = MultiPartParser(request.META, cast(Any, body), [handler], "utf-8").parse()
    except RequestDataTooBig as error:
        raise TooLarge(_("The fields of the body are too long.")) from error
    except (MultiPartParserError, SuspiciousOperation) as error:
        raise InvalidInput(
            _("The multipart body cannot be read: %(reason)s") % {"reason": error}
        ) from error
    return data


def _too_large(field: str, max_bytes: int) -> TooLarge:
    message = _("At most %(limit)d bytes.") % {"limit": max_bytes}
    return TooLarge(message, fields={field: [message]})
