"""A JSON parser that decodes one long value, a file as base64 text, while the body is received.

``json`` would hold several copies of such a body in memory; here it is decoded block by block.
"""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Callable
from typing import Any

from django.utils.translation import gettext as _

from ..exceptions import InvalidInput, TooLarge
from ..internal.parsing import PLACEHOLDER, parse_json_object

# Size limit of the document without the file.
MAX_OTHER_BYTES = 64 * 1024

# Bytes of base64 text decoded at once.
BLOCK = 64 * 1024

UNFINISHED_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{0,3})?\Z")
DATA_URL = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
URL_SAFE = bytes.maketrans(b"-_", b"+/")
WHITE_SPACE = b" \t\r\n"


class JSONWithFile:
    """Parse a JSON object in chunks, and pass the decoded value of its member ``field`` to
    ``write``.

    Call ``feed()`` with all chunks in order, then ``close()``. Both raise ``InvalidInput`` and
    ``TooLarge``.
    """

    def __init__(self, field: str, write: Callable[[bytes], object]) -> None:
        self.field = field
        self.write = write
        # The decoder, while within the text of the file.
        self.file: _Base64Decoder | None = None
        self.has_file = False
        # The document so far, with "" for the file.
        self.other = bytearray()
        # Nesting level of braces and brackets.
        self.depth = 0
        self.in_string = False
        # Position in ``other`` of the last string, including its quotes.
        self.string_start = self.string_end = 0

    def feed(self, chunk: bytes) -> None:
        first, *others = chunk.split(b'"')
        self._add_text(first)
        for text in others:
            self._add_quote()
            self._add_text(text)

    def close(self) -> dict[str, Any]:
        """Return the other members of the object."""
        members = parse_json_object(bytes(self.other))
        if members.pop(self.field, None) not in ("", None):
            raise _invalid(self.field)
        return members

    def _add_text(self, text: bytes) -> None:
        if self.file:
            self.file.feed(text)
            return
        self.other += text
        if len(self.other) > MAX_OTHER_BYTES:
            raise TooLarge(
                _('A body may have at most %(limit)d bytes besides "%(field)s".')
                % {"field": self.field, "limit": MAX_OTHER_BYTES}
            )
        if not self.in_string:
            self.depth += text.count(b"{") + text.count(b"[") - text.count(b"}") - text.count(b"]")

    def _add_quote(self) -> None:
        if self.file:
            self.file.close()
            self.file = None
        elif self.in_string:
            backslashes = 0
            while self.other[-1 - backslashes] == ord("\\"):
                backslashes += 1
            self.in_string = backslashes % 2 == 1
            self.string_end = len(self.other) + 1
        elif self._is_file_next():
            if self.has_file:
                raise _invalid(self.field)
            self.file = _Base64Decoder(self.field, self.write)
            self.has_file = True
        else:
            self.string_start = len(self.other)
            self.in_string = True
        self.other += b'"'

    def _is_file_next(self) -> bool:
        key = self.other[self.string_start : self.string_end]
        return (
            self.depth == 1
            and key == f'"{self.field}"'.encode()
            and self.other[self.string_end :].strip() == b":"
        )


class _Base64Decoder:
    """Decode the content of a JSON string block by block. Writes nothing for an unresolved
    ``$placeholder$``.
    """

    def __init__(self, field: str, write: Callable[[bytes], object]) -> None:
        self.field = field
        self.write = write
        # Text that is not decoded yet, with its JSON escapes.
        self.text = bytearray()
        # Up to three base64 digits that are not decoded yet.
        self.digits = b""
        self.is_start = True
        self.is_padded = False

    def feed(self, text: bytes) -> None:
        self.text += text
        if len(self.text) >= BLOCK:
            unfinished = UNFINISHED_ESCAPE.search(self.text, len(self.text) - 6)
            end = unfinished.start() if unfinished else len(self.text)
            self._decode(end)

    def close(self) -> None:
        if self.is_start and PLACEHOLDER.fullmatch(self.text.decode(errors="replace")):
            return
        self._decode(len(self.text))
        if self.digits:
            self._write(self.digits + b"=" * (4 - len(self.digits)))

    def _decode(self, end: int) -> None:
        try:
            text = json.loads(f'"{self.text[:end].decode()}"', strict=False)
            if self.is_start and (prefix := DATA_URL.match(text)):
                text = text[prefix.end() :]
            digits = self.digits + text.encode("ascii").translate(URL_SAFE, WHITE_SPACE)
        except ValueError as exc:
            raise _invalid(self.field) from exc
        del self.text[:end]
        self.is_start = False
        whole = len(digits) // 4 * 4
        self.digits = digits[whole:]
        self._write(digits[:whole])

    def _write(self, digits: bytes) -> None:
        if self.is_padded and digits:
            raise _invalid(self.field)
        self.is_padded = digits.endswith(b"=")
        try:
            self.write(base64.b64decode(digits, validate=True))
        except binascii.Error as exc:
            raise _invalid(self.field) from exc


def _invalid(field: str) -> InvalidInput:
    message = _("Must be base64.")
    return InvalidInput(message, fields={field: [message]})
