"""An audio format, and the part of a file in which it is looked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import cached_property
from typing import IO

from django.utils.translation import gettext as _
from mutagen import MutagenError

from ..exceptions import UnsupportedMediaType

# Bytes read at each end of a file. An Ogg page, which holds the end time, is at most this long.
HEAD = 64 * 1024
# Limits for mutagen, enough for two hours of MP4 in fragments of one second.
MAX_HEADER_BYTES = 512 * 1024
MAX_HEADER_READS = 50_000
# Seconds. A longer duration is taken for a wrong header.
MAX_DURATION = 7 * 24 * 3600


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """An audio format.

    ``codec`` is a lower-case word: ``"pcm"``, ``"alaw"``, ``"mulaw"``, ``"gsm"``, ``"mp3"``,
    ``"aac"``, ``"opus"``, ``"vorbis"``, ``"flac"``, ``"amr"``, or the container's own name for a
    rarer one (``"alac"``, ``"wave-0x0083"``). ``duration`` is in seconds, None if unknown.
    """

    content_type: str
    extension: str
    codec: str
    duration: float | None


class Source:
    """The part of a file from ``start`` on, as a file whose reads are limited."""

    def __init__(self, file: IO[bytes], start: int, end: int) -> None:
        self.file = file
        self.start = start
        self.size = end - start
        self.bytes_left = MAX_HEADER_BYTES
        self.reads_left = MAX_HEADER_READS
        self.seek(0)

    @cached_property
    def head(self) -> bytes:
        """The first bytes, at most ``HEAD``."""
        return self.peek(0, HEAD)

    @cached_property
    def tail(self) -> bytes:
        """The last bytes, at most ``HEAD``."""
        return self.peek(max(0, self.size - HEAD), HEAD)

    def peek(self, offset: int, size: int) -> bytes:
        """Return up to ``size`` bytes from ``offset``; the next ``read()`` starts at 0."""
        self.seek(offset)
        data = self.file.read(size)
        self.seek(0)
        return data

    def read(self, size: int = -1) -> bytes:
        limit = self.bytes_left + 1
        data = self.file.read(limit if size < 0 else min(size, limit))
        self.bytes_left -= len(data)
        self.reads_left -= 1
        if self.bytes_left < 0 or self.reads_left < 0:
            raise MutagenError("the headers are too long")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        base = self.start if whence == os.SEEK_SET else 0
        return self.file.seek(offset + base, whence) - self.start

    def tell(self) -> int:
        return self.file.tell() - self.start


def require_audio_only(*, audio: bool, video: bool) -> None:
    """Raise ``UnsupportedMediaType`` unless there is audio and no video."""
    if video:
        raise unsupported(_("This is video, not audio."))
    if not audio:
        raise unsupported(_("This file contains no audio."))


def make_audio(content_type: str, extension: str, codec: str, duration: float | None) -> Audio:
    """Return the format, without values that only a damaged header states."""
    is_known = duration is not None and 0 < duration <= MAX_DURATION
    return Audio(
        content_type=content_type,
        extension=extension,
        codec=codec if codec and codec.isprintable() else "unknown",
        duration=duration if is_known else None,
    )


def unsupported(reason: str) -> UnsupportedMediaType:
    """Return the error of a file that is refused for this reason."""
    return UnsupportedMediaType(reason, fields={"recording": [reason]})
