"""Audio formats of frames, which may follow other bytes: MPEG, ADTS, AMR, GSM, FLAC and Ogg."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from io import BytesIO
from itertools import islice
from typing import IO, Any, NamedTuple

from django.utils.translation import gettext as _
from mutagen import MutagenError
from mutagen.flac import StreamInfo as FLACInfo
from mutagen.mp3 import MPEGFrame
from mutagen.oggflac import OggFLACStreamInfo
from mutagen.oggopus import OggOpusInfo
from mutagen.oggspeex import OggSpeexInfo
from mutagen.oggvorbis import OggVorbisInfo

from .audio_source import (
    HEAD,
    Audio,
    Source,
    make_audio,
    unsupported,
)

# Size of the ID3v1 tag at the end of a file.
ID3V1_TAG = 128
# Bytes searched for the first frame of a stream, enough for a misplaced cover picture.
MAX_JUNK = 256 * 1024
# Positions within these bytes at which a frame may start that are tried.
MAX_CANDIDATES = 10_000
# Frames counted in a file without a stated duration: over five hours in every format.
MAX_FRAMES = 1_000_000


def find_stream(file: IO[bytes], start: int, end: int) -> Audio | None:
    """Return the first stream of frames within ``MAX_JUNK`` bytes from ``start``, else None."""
    data = Source(file, start, end).peek(0, MAX_JUNK)
    for stream in STREAMS:
        candidates = re.compile(stream.sync).finditer(data, 0, stream.max_junk)
        for match in islice(candidates, MAX_CANDIDATES):
            source = Source(file, start + match.start(), end)
            if stream.is_start(source):
                source.seek(0)
                return stream.read(source)
    return None


class Frame(NamedTuple):
    """Size in bytes and seconds of a frame, and a value that the frames of a stream share."""

    size: int
    seconds: float
    stream: object = None


FrameReader = Callable[[bytes], Frame | None]


def _frames(source: Source, read: FrameReader) -> Iterator[tuple[int, Frame]]:
    """Yield the frames of a stream, each with the position of its end, until one does not fit.

    ``read`` returns the frame that starts with the given bytes, or None.
    """
    offset, stream = 0, None
    for number in range(MAX_FRAMES):
        source.file.seek(source.start + offset)
        frame = read(source.file.read(HEADER))
        if frame is None or (number and frame.stream != stream):
            return
        offset, stream = offset + frame.size, frame.stream
        yield offset, frame


def _has_frames(read: FrameReader, count: int) -> Callable[[Source], bool]:
    """Return a test for ``count`` frames in a row, or half as many if the file ends after them."""

    def test(source: Source) -> bool:
        ends = [end for end, _frame in islice(_frames(source, read), count)]
        return len(ends) == count or (
            len(ends) >= count // 2 and ends[-1] >= source.size - ID3V1_TAG
        )

    return test


def duration_of_frames(source: Source, read: FrameReader) -> float:
    """Return the duration of a stream. Bytes after its last frame are taken for similar frames."""
    seconds, end = 0.0, 0
    for frame_end, frame in _frames(source, read):
        seconds, end = seconds + frame.seconds, frame_end
    return seconds * max(source.size / max(end, 1), 1)


@lru_cache(1000)
def _parse_mpeg_header(header: bytes) -> Frame | None:
    file = BytesIO(header)
    try:
        frame = MPEGFrame(file)
    except MutagenError:
        return None
    half = frame.layer == 3 and frame.version != 1
    samples = 384 if frame.layer == 1 else 576 if half else 1152
    stream = (frame.version, frame.layer, frame.sample_rate)
    return Frame(file.tell(), samples / frame.sample_rate, stream)


def mpeg_frame(header: bytes) -> Frame | None:
    """Return the frame of MPEG audio that starts with ``header``, or None."""
    return _parse_mpeg_header(header[:4])


def _read_mpeg(source: Source) -> Audio:
    first = MPEGFrame(source)
    # A Xing, Info or VBRI header states the duration.
    duration = getattr(first, "length", 0) or duration_of_frames(source, mpeg_frame)
    return make_audio("audio/mpeg", f".mp{first.layer}", f"mp{first.layer}", duration)


def _adts_frame(header: bytes) -> Frame | None:
    if len(header) < HEADER or header[0] != 0xFF or header[1] & 0xF6 != 0xF0:
        return None
    rate = header[2] >> 2 & 15
    size = (header[3] & 3) << 11 | header[4] << 3 | header[5] >> 5
    if rate >= len(ADTS_RATES) or size < HEADER:
        return None
    private_bit = 0x02
    stream = (header[1], header[2] & ~private_bit)
    return Frame(size, 1024 * (1 + (header[6] & 3)) / ADTS_RATES[rate], stream)


def _read_adts(source: Source) -> Audio:
    return make_audio("audio/aac", ".aac", "aac", duration_of_frames(source, _adts_frame))


def _gsm_frame(header: bytes) -> Frame | None:
    return Frame(33, 0.02) if header[:1] and header[0] >> 4 == 0xD else None


def _read_gsm(source: Source) -> Audio:
    return make_audio("audio/x-gsm", ".gsm", "gsm", duration_of_frames(source, _gsm_frame))


def _amr_frame(header: bytes, sizes: dict[int, int]) -> Frame | None:
    if not header or header[0] & 0x83:
        return None
    size, quality = sizes.get(header[0] >> 3), header[0] & 4
    return Frame(size, 0.02, quality) if size else None


def _amr_narrow_frame(header: bytes) -> Frame | None:
    return _amr_frame(header, AMR)


def _amr_wide_frame(header: bytes) -> Frame | None:
    return _amr_frame(header, AMR_WIDE)


def _read_amr(source: Source) -> Audio:
    is_wide = source.head.startswith(b"#!AMR-WB\n")
    start = 9 if is_wide else 6
    if source.size <= start:
        raise unsupported(_("This file contains no audio."))
    frames = Source(source.file, source.start + start, source.start + source.size)
    return _read_amr_wide(frames) if is_wide else _read_amr_narrow(frames)


def _read_amr_narrow(source: Source) -> Audio:
    return make_audio("audio/amr", ".amr", "amr", duration_of_frames(source, _amr_narrow_frame))


def _read_amr_wide(source: Source) -> Audio:
    return make_audio("audio/amr-wb", ".awb", "amr", duration_of_frames(source, _amr_wide_frame))


def _read_flac(source: Source) -> Audio:
    if len(source.head) <= 42:
        raise unsupported(_("This FLAC file ends before its audio data."))
    return make_audio("audio/flac", ".flac", "flac", FLACInfo(source.head[8:42]).length)


def _read_flac_frames(source: Source) -> Audio:
    return make_audio("audio/flac", ".flac", "flac", None)


def _has_flac_frames(source: Source) -> bool:
    """Check for two frame headers of the same stream."""
    if not _is_flac_header(source.peek(0, FLAC_HEADER)):
        return False
    head = source.peek(0, HEAD)
    others = re.compile(re.escape(head[:2])).finditer(head, FLAC_HEADER)
    return any(_is_flac_header(head[other.start() :][:FLAC_HEADER]) for other in others)


def _is_flac_header(head: bytes) -> bool:
    """Check the CRC of a frame header (RFC 9639, section 9.1)."""
    head = head.ljust(FLAC_HEADER, b"\0")
    # Four bytes, the number of the frame in UTF-8, and what these two codes announce.
    size = 4 + max(1, 8 - (head[4] ^ 0xFF).bit_length())
    size += {6: 1, 7: 2}.get(head[2] >> 4, 0) + {12: 1, 13: 2, 14: 2}.get(head[2] & 15, 0)
    crc = 0
    for byte in head[:size]:
        crc ^= byte
        for _bit in range(8):
            crc = crc << 1 ^ (0x107 if crc & 0x80 else 0)
    return crc == head[size]


def _read_ogg(source: Source) -> Audio:
    if b"\x80theora" in source.head:
        raise unsupported(_("This is video, not audio."))
    found = [codec for mark, codec in OGG_CODECS.items() if mark in source.head]
    if not found:
        raise unsupported(_("This Ogg file contains no Opus, Vorbis, Speex or FLAC audio."))
    codec, read_info = found[0]
    info = read_info(source)
    rate = getattr(info, "sample_rate", 48000)  # the rate of Opus
    if samples := _last_ogg_sample(source.tail, info.serial):
        return make_audio("audio/ogg", ".ogg", codec, samples / rate)
    if _last_ogg_sample(source.head, info.serial):
        return make_audio("audio/ogg", ".ogg", codec, None)
    raise unsupported(_("This Ogg file ends before its audio data."))


def _last_ogg_sample(data: bytes, serial: int) -> int:
    """Return the number of samples up to the last page of the stream in ``data``, 0 if unknown."""
    end = len(data)
    while (end := data.rfind(b"OggS", 0, end)) >= 0:
        page = data[end : end + 18]
        if len(page) == 18:
            # A page begins with "OggS", version, flags, this number (-1: unknown) and the stream.
            _magic, samples, stream = struct.unpack("<6sqI", page)
            if stream == serial and samples > 0:
                return int(samples)
    return 0


# Bytes from which the size of a frame can be read in every format.
HEADER = 7
# Bytes of the longest frame header of FLAC.
FLAC_HEADER = 16

# Sample rates in Hz by the index in an ADTS header (ISO 14496-3).
ADTS_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000),
    *(24000, 22050, 16000, 12000, 11025, 8000, 7350),
)

# Bytes of an AMR frame by its type (RFC 4867; 3GPP TS 26.101 and 26.201): speech, comfort noise,
# no data.
AMR = dict(enumerate((13, 14, 16, 18, 20, 21, 27, 32, 6))) | {15: 1}
AMR_WIDE = dict(enumerate((18, 24, 33, 37, 41, 47, 51, 59, 61, 6))) | {14: 1, 15: 1}

# By the first bytes of the first packet: codec, and the class that reads its header.
OGG_CODECS: dict[bytes, tuple[str, Any]] = {
    b"OpusHead": ("opus", OggOpusInfo),
    b"\x01vorbis": ("vorbis", OggVorbisInfo),
    b"Speex   ": ("speex", OggSpeexInfo),
    b"\x7fFLAC": ("flac", OggFLACStreamInfo),
}


class _Stream(NamedTuple):
    """A format that may follow other bytes: a pattern of its first bytes, and what proves it."""

    sync: bytes
    read: Callable[[Source], Audio]
    is_start: Callable[[Source], bool] = lambda source: True
    max_junk: int = MAX_JUNK


# In the order in which they are looked for.
STREAMS = [
    _Stream(rb"#!AMR(-WB)?\n", _read_amr),
    _Stream(rb"OggS\0[\x02\x06]", _read_ogg),
    _Stream(rb"fLaC[\0\x80]\0\0\x22", _read_flac),
    # Layer I is not looked for in other bytes: FF FE and FF FF are frequent in every kind of file.
    _Stream(
        rb"\A\xff[\xe0-\xff]|\xff[\xe2-\xe5\xf2-\xf5\xfa-\xfd][\x10-\xef]",
        _read_mpeg,
        _has_frames(mpeg_frame, 4),
    ),
    _Stream(rb"\xff[\xf0\xf1\xf8\xf9]", _read_adts, _has_frames(_adts_frame, 4)),
    _Stream(rb"\xff[\xf8\xf9][\x10-\xff]", _read_flac_frames, _has_flac_frames),
    # A format without a sync word.
    _Stream(rb"[\xd0-\xdf]", _read_gsm, _has_frames(_gsm_frame, 50), 4096),
]
