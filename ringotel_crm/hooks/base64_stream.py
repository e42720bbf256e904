"""JSON in which one long value, a file as base64 text, is decoded while it arrives.

``json`` would hold such a body several times over in memory; here it passes through in blocks.
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
from ..internal.parsing import parse_json_object

MAX_OTHER_BYTES = 64 * 1024
"""What the document may have beside the file."""

BLOCK = 64 * 1024
UNFINISHED_ESCAPE = re.compile(rb"\\(u[0-9a-fA-F]{0,3})?\Z")
DATA_URL = re.compile(r"\s*data:[^,]{0,200};base64,", re.IGNORECASE)
PLACEHOLDER = re.compile(r"\s*\$\w*\$\s*")
URL_SAFE = bytes.maketrans(b"-_", b"+/")
WHITE_SPACE = b" \t\r\n"


class JSONWithFile:
    """Takes a JSON object by pieces and hands the decoded value of its member ``field`` to ``write``.

    ``feed`` all pieces in order, then ``close``. Both raise ``Invalid`` or ``TooLarge``.
    """

    def __init__(self, field: str, write: Callable[[bytes], object]) -> None:
        self.field = field
        self.write = write
        self.file: _Base64 | None = None  # while inside its text
        self.has_file = False
        self.other = bytearray()  # the document, with "" for the file
        self.depth = 0  # of braces and brackets
        self.in_string = False
        self.string_start = self.string_end = 0  # the last string in ``other``, with its quotes

    def feed(self, piece: bytes) -> None:
        first, *others = piece.split(b'"')
        self._text(first)
        for text in others:
            self._quote()
            self._text(text)

    def close(self) -> dict[str, Any]:
        """The other members of the object."""
        members = parse_json_object(bytes(self.other))
        if members.pop(self.field, None) not in ("", None):
            raise _invalid(self.field)
        return members

    def _text(self, text: bytes) -> None:
        if self.file:
            self.file.feed(text)
            return
        self.other += text
        if len(self.other) > MAX_OTHER_BYTES:
            raise TooLarge(
                _('Beside "%(field)s" a body has at most %(limit)d bytes.')
                % {"field": self.field, "limit": MAX_OTHER_BYTES}
            )
        if not self.in_string:
            self.depth += text.count(b"{") + text.count(b"[") - text.count(b"}") - text.count(b"]")

    def _quote(self) -> None:
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
            self.file = _Base64(self.field, self.write)
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


class _Base64:
    """The inside of a JSON string, decoded block by block. Nothing is written for an unresolved ``$placeholder$``."""

    def __init__(self, field: str, write: Callable[[bytes], object]) -> None:
        self.field = field
        self.write = write
        self.text = bytearray()  # as it stands in the document
        self.digits = b""  # fewer than four
        self.is_start = True
        self.is_padded = False

    def feed(self, text: bytes) -> None:
        self.text += text
        if len(self.text) >= BLOCK:
            unfinished = UNFINISHED_ESCAPE.search(self.text, len(self.text) - 6)
            self._decode(unfinished.start() if unfinished else len(self.text))

    def close(self) -> None:
        if self.is_start and PLACEHOLDER.fullmatch(self.text.decode(errors="replace")):
            return
        self._decode(len(self.text))
        if self.digits:
            self._write(self.digits + b"=" * (4 - len(self.digits)))

    def _decode(self, end: int) -> None:
        try:
            text = json.loads(f'"{self.text[:end].decode()}"', strict=False)
            if self.is_start:
                text = text[match.end() :] if (match := DATA_URL.match(text)) else text
            digits = self.digits + text.encode("ascii").translate(URL_SAFE, WHITE_SPACE)
        except ValueError as error:
            raise _invalid(self.field) from error
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
        except binascii.Error as error:
            raise _invalid(self.field) from error


def _invalid(field: str) -> InvalidInput:
    message = _("One text in base64 is expected.")
    return InvalidInput(message, fields={field: [message]})
