"""What kind of audio a file holds, told by its bytes alone: names and declared types are never looked at.

The work is bounded whatever the file says of itself: headers are read, never tags, pictures or sound.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from io import BytesIO
from typing import IO

from django.utils.translation import gettext as _
from mutagen import MutagenError
from mutagen.aac import AACInfo
from mutagen.flac import StreamInfo as FLACInfo
from mutagen.mp3 import BitrateMode, MPEGFrame, MPEGInfo
from mutagen.mp4 import MP4Info
from mutagen.mp4._atom import Atoms
from mutagen.oggopus import OggOpusInfo
from mutagen.oggvorbis import OggVorbisInfo

from ..exceptions import UnsupportedMediaType

HEAD = 64 * 1024
"""How much of the beginning is looked at directly, and of the end in Ogg, where a page has at most that many bytes."""

MAX_HEADER_BYTES = 512 * 1024
MAX_HEADER_READS = 50_000
"""How much mutagen may read, and in how many steps: enough for two hours of MP4 in fragments of one second."""

MAX_FRAMES = 1_000_000
"""How many frames are counted of a file that does not say how long it is: over five hours of any kind."""

MAX_ID3_TAGS = 8
"""Some players stack several in front of an MP3."""

MAX_DURATION = 7 * 24 * 3600
"""Seconds. Beyond it a header is taken to lie."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Audio:
    """A kind of audio.

    ``codec`` is the sound's encoding in one lower-case word: ``"pcm"``, ``"alaw"``, ``"mulaw"``, ``"gsm"``, ``"mp3"``,
    ``"aac"``, ``"opus"``, ``"vorbis"``, ``"flac"``, ``"amr"``, or the container's own word for a rarer one
    (``"alac"``, ``"wave-0x0083"``). ``duration`` is in seconds; None if the file does not tell.
    """

    content_type: str
    extension: str
    codec: str
    duration: float | None


def inspect(file: IO[bytes]) -> Audio:
    """What ``file`` holds. It must be seekable and is rewound, also after an error.

    Raises ``WrongMediaType``, which says why, for everything but WAV, MP3, AAC, Ogg (Opus, Vorbis), MP4 and WebM
    without video, FLAC and AMR.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        audio = _inspect(file, size)
    except UnsupportedMediaType:
        raise
    except Exception as error:  # mutagen raises whatever forged bytes make it trip over
        raise _unsupported(_("The headers of this file are damaged or incomplete.")) from error
    finally:
        file.seek(0)
    return audio


class _Window:
    """The file from ``start`` on. Reading is limited, so that no forged header makes mutagen work or store much."""

    def __init__(self, file: IO[bytes], start: int) -> None:
        self.file = file
        self.start = start
        self.bytes_left = MAX_HEADER_BYTES
        self.reads_left = MAX_HEADER_READS
        self.seek(0)

    def read(self, size: int = -1) -> bytes:
        data = self.file.read(self.bytes_left + 1 if size < 0 else min(size, self.bytes_left + 1))
        self.bytes_left -= len(data)
        self.reads_left -= 1
        if self.bytes_left < 0 or self.reads_left < 0:
            raise MutagenError("the headers are too long")
        return data

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return (
            self.file.seek(offset + (self.start if whence == os.SEEK_SET else 0), whence)
            - self.start
        )

    def tell(self) -> int:
        return self.file.tell() - self.start


@dataclass(frozen=True, slots=True)
class _Source:
    """A file as the readers below want it."""

    head: bytes
    tail: bytes
    size: int
    window: _Window


def _inspect(file: IO[bytes], size: int) -> Audio:
    if not size:
        raise _unsupported(_("The file is empty."))
    start = _after_id3(file)
    window = _Window(file, start)
    head = file.read(HEAD)
    file.seek(max(start, size - HEAD))
    source = _Source(head, file.read(HEAD), size - start, window)
    window.seek(0)
    for pattern, read in READERS.items():
        if re.match(pattern, head, re.DOTALL):
            return read(source)
    raise _unsupported(_("This is %(kind)s, not audio.") % {"kind": _other_kind(head)})


def _other_kind(head: bytes) -> str:
    kinds = {
        rb"PK": _("a ZIP archive"),
        rb"%PDF": _("a PDF document"),
        rb"MZ|\x7fELF": _("a program"),
        rb"\x89PNG|\xff\xd8\xff|GIF8": _("a picture"),
        rb"\s*<": _("HTML or XML"),
        rb"\s*[{[]": _("JSON"),
        rb"[\s!-~]+\Z": _("text"),
    }
    return next(
        (kind for pattern, kind in kinds.items() if re.match(pattern, head)),
        _("a file of unknown kind"),
    )


def _after_id3(file: IO[bytes]) -> int:
    """Where the sound begins: tags in front may be of any size, and are not read."""
    start = 0
    for _number in range(MAX_ID3_TAGS):
        file.seek(start)
        tag = file.read(10)
        if len(tag) < 10 or not tag.startswith(b"ID3"):
            break
        # Four times seven bits; a footer doubles the header of ten bytes.
        start += sum(
            (byte & 0x7F) << shift for byte, shift in zip(tag[6:], (21, 14, 7, 0), strict=True)
        )
        start += 20 if tag[5] & 0x10 else 10
    return start


def _read_wav(source: _Source) -> Audio:
    """RIFF is read here because mutagen's duration is that of uncompressed sound in a finished file only."""
    if source.head[8:12] != b"WAVE":
        raise _unsupported(_("This is a RIFF file that is not WAVE."))
    codec, byte_rate = "", 0.0
    offset = 12
    while offset + 8 <= source.size:
        source.window.seek(offset)
        name, length = struct.unpack("<4sI", source.window.read(8))
        offset += 8
        if name == b"fmt ":
            form = source.window.read(min(length, 20))
            tag, _channels, rate, byte_rate = struct.unpack_from("<HHII", form)
            if (
                tag in IN_BLOCKS and len(form) == 20
            ):  # of so many bytes and samples; writers get the byte rate wrong
                align, _bits, _rest, samples = struct.unpack_from("<HHHH", form, 12)
                byte_rate = rate * align / max(samples, 1)
            if tag == EXTENSIBLE:
                source.window.seek(offset + 24)
                (tag,) = struct.unpack("<H", source.window.read(2))
            codec = WAVE_CODECS.get(tag, f"wave-{tag:#06x}")
        elif name == b"data" and codec:
            # A recorder that writes to a pipe, or was stopped, leaves no length or an impossible one.
            rest = source.size - offset
            sound = min(length or rest, rest)
            if not sound:
                raise _unsupported(_("There is no sound in this file."))
            return _audio("audio/wav", ".wav", codec, sound / byte_rate if byte_rate else None)
        offset += length + length % 2
    raise _unsupported(_("This WAVE file ends before its sound begins."))


def _read_flac(source: _Source) -> Audio:
    if len(source.head) <= 42:
        raise _unsupported(_("This FLAC file ends before its sound begins."))
    return _audio("audio/flac", ".flac", "flac", FLACInfo(source.head[8:42]).length)


def _read_ogg(source: _Source) -> Audio:
    if b"\x80theora" in source.head:
        raise _unsupported(_("This is video, not audio."))
    first_page = source.head[:128]
    if b"OpusHead" in first_page:
        codec, rate, serial = "opus", 48000, OggOpusInfo(source.window).serial
    elif b"\x01vorbis" in first_page:
        vorbis = OggVorbisInfo(source.window)
        codec, rate, serial = "vorbis", vorbis.sample_rate, vorbis.serial
    else:
        raise _unsupported(_("This is an Ogg file without Opus or Vorbis sound."))
    # A page begins with "OggS", version, flags, the number of samples up to its end (-1: not known) and the stream.
    end = len(source.tail)
    while (end := source.tail.rfind(b"OggS", 0, end)) >= 0:
        page = source.tail[end : end + 18]
        if len(page) == 18:
            _magic, samples, stream = struct.unpack("<6sqI", page)
            if stream == serial and samples > 0:
                return _audio("audio/ogg", ".ogg", codec, samples / rate)
    raise _unsupported(_("This Ogg file ends before its sound begins."))


def _read_mp4(source: _Source) -> Audio:
    atoms = Atoms(source.window)
    handlers = {
        trak[b"mdia", b"hdlr"].read(source.window)[1][8:12]
        for trak in atoms[b"moov"].findall(b"trak")
    }
    _require_sound_only(sound=b"soun" in handlers, video=b"vide" in handlers)
    info = MP4Info(atoms, source.window)
    codec = (
        "aac" if info.codec == "mp4a" or info.codec.startswith("mp4a.40") else info.codec.lower()
    )
    return _audio("audio/mp4", ".m4a", codec, info.length)


def _read_webm(source: _Source) -> Audio:
    head = source.head
    if _elements(head, EBML, DOC_TYPE) != [b"webm"]:
        raise _unsupported(_("This is Matroska, not WebM."))
    types = [
        int.from_bytes(kind) for kind in _elements(head, SEGMENT, TRACKS, TRACK_ENTRY, TRACK_TYPE)
    ]
    _require_sound_only(sound=2 in types, video=1 in types)
    codec = _elements(head, SEGMENT, TRACKS, TRACK_ENTRY, CODEC_ID)[0].decode("ascii")
    scales = _elements(head, SEGMENT, INFO, TIMESTAMP_SCALE)
    nanoseconds = int.from_bytes(scales[0]) if scales else 1_000_000
    durations = _elements(head, SEGMENT, INFO, DURATION)
    duration = (
        struct.unpack(">f" if len(durations[0]) == 4 else ">d", durations[0])[0] if durations else 0
    )
    return _audio(
        "audio/webm", ".webm", codec.removeprefix("A_").lower(), duration * nanoseconds / 1e9
    )


def _read_adts(source: _Source) -> Audio:
    info = AACInfo(source.window)
    if not info.sample_rate:
        raise _unsupported(_("The headers of this file are damaged or incomplete."))

    def frame(header: bytes) -> tuple[int, float]:
        if len(header) < HEADER or not header.startswith(
            (b"\xff\xf0", b"\xff\xf1", b"\xff\xf8", b"\xff\xf9")
        ):
            return 0, 0
        length = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
        return length, 1024 * (1 + (header[6] & 3)) / info.sample_rate

    return _audio("audio/aac", ".aac", "aac", _counted(source, 0, frame))


def _read_mpeg(source: _Source) -> Audio:
    info = MPEGInfo(source.window)
    if info.frame_offset:
        raise _unsupported(_("The headers of this file are damaged or incomplete."))
    # Without a header that tells its length it is guessed from the first bit rate, which may change.
    is_guessed = info.bitrate_mode == BitrateMode.UNKNOWN
    duration = (
        _counted(source, 0, lambda header: _mpeg_frame(header[:4])) if is_guessed else info.length
    )
    return _audio("audio/mpeg", f".mp{info.layer}", f"mp{info.layer}", duration)


@lru_cache(1000)
def _mpeg_frame(header: bytes) -> tuple[int, float]:
    file = BytesIO(header)
    try:
        frame = MPEGFrame(file)
    except MutagenError:
        return 0, 0
    samples = 384 if frame.layer == 1 else 576 if frame.layer == 3 and frame.version != 1 else 1152
    return file.tell(), samples / frame.sample_rate


def _read_amr(source: _Source) -> Audio:
    wide = source.head.startswith(b"#!AMR-WB\n")
    start, sizes = (9, AMR_WIDE) if wide else (6, AMR)
    if source.size <= start:
        raise _unsupported(_("There is no sound in this file."))

    def frame(header: bytes) -> tuple[int, float]:
        return (sizes.get(header[0] >> 3 & 15, 0), 0.02) if header else (0, 0)

    duration = _counted(source, start, frame)
    return _audio(
        "audio/amr-wb" if wide else "audio/amr", ".awb" if wide else ".amr", "amr", duration
    )


def _counted(source: _Source, start: int, frame: Callable[[bytes], tuple[int, float]]) -> float:
    """The seconds of all frames from ``start`` on; ``frame`` tells by its first bytes how long each is, in bytes
    and seconds. What is behind the last one that is counted is taken to be like those before."""
    file, begin, seconds, offset = source.window.file, source.window.start, 0.0, start
    for _number in range(MAX_FRAMES):
        file.seek(begin + offset)
        length, duration = frame(file.read(HEADER))
        if not length:
            break
        offset += length
        seconds += duration
    return seconds * max((source.size - start) / max(offset - start, 1), 1)


def _elements(data: bytes, *path: int) -> list[bytes]:
    """The bodies of the EBML elements (RFC 8794) at ``path``, a row of ids each inside the one before."""
    bodies = [data]
    for wanted in path:
        bodies = [body for parent in bodies for id_, body in _children(parent) if id_ == wanted]
    return bodies


def _children(data: bytes) -> Iterator[tuple[int, bytes]]:
    position = 0
    while position < len(data):
        numbers = []
        for _number in ("id", "length"):
            width = 9 - data[position].bit_length() if position < len(data) else 9
            if width > 8:
                return
            numbers.append(int.from_bytes(data[position : position + width]))
            position += width
        unknown = (1 << 7 * width) - 1
        length = numbers[1] & unknown
        # A length of nothing but ones, as in a live recording, reaches to the end.
        end = len(data) if length == unknown else position + length
        yield numbers[0], data[position:end]
        position = end


def _require_sound_only(*, sound: bool, video: bool) -> None:
    if video:
        raise _unsupported(_("This is video, not audio."))
    if not sound:
        raise _unsupported(_("There is no sound in this file."))


def _audio(content_type: str, extension: str, codec: str, duration: float | None) -> Audio:
    known = duration is not None and 0 < duration <= MAX_DURATION
    return Audio(
        content_type=content_type,
        extension=extension,
        codec=codec,
        duration=duration if known else None,
    )


def _unsupported(reason: str) -> UnsupportedMediaType:
    return UnsupportedMediaType(reason, fields={"recording": [reason]})


# The format tags of WAVE (RFC 2361); EXTENSIBLE says that the tag proper stands further behind.
EXTENSIBLE = 0xFFFE
WAVE_CODECS = {
    0x0001: "pcm",
    0x0002: "adpcm",
    0x0003: "float",
    0x0006: "alaw",
    0x0007: "mulaw",
    0x0011: "adpcm",
    0x0031: "gsm",
    0x0055: "mp3",
}
IN_BLOCKS = {0x0002, 0x0011, 0x0031}

HEADER = 7
"""So many bytes of a frame tell its length, whatever the codec."""

# Bytes of a frame of 20 ms by its type (RFC 4867, and 3GPP TS 26.101 and 26.201): speech, comfort noise, nothing.
AMR = dict(enumerate((13, 14, 16, 18, 20, 21, 27, 32, 6))) | {15: 1}
AMR_WIDE = dict(enumerate((18, 24, 33, 37, 41, 47, 51, 59, 61, 6))) | {14: 1, 15: 1}

# The element ids of WebM (RFC 9559).
EBML, DOC_TYPE = 0x1A45DFA3, 0x4282
SEGMENT, INFO, TRACKS = 0x18538067, 0x1549A966, 0x1654AE6B
TIMESTAMP_SCALE, DURATION = 0x2AD7B1, 0x4489
TRACK_ENTRY, TRACK_TYPE, CODEC_ID = 0xAE, 0x83, 0x86

# By the first bytes. The two last tell the sync word of AAC (layer 0) from that of MPEG audio (layers 1 to 3).
READERS: dict[bytes, Callable[[_Source], Audio]] = {
    rb"RIFF": _read_wav,
    rb"fLaC": _read_flac,
    rb"OggS": _read_ogg,
    rb"\x1a\x45\xdf\xa3": _read_webm,
    rb"#!AMR(-WB)?\n": _read_amr,
    rb".{4}ftyp": _read_mp4,
    rb"\xff[\xf0\xf1\xf8\xf9]": _read_adts,
    rb"\xff[\xe0-\xff]": _read_mpeg,
}
