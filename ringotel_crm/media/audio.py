"""Detection of audio formats by content. File names and declared types are ignored.

Only headers are read, within fixed limits, whatever sizes a file states.
"""

from __future__ import annotations

import os
import re
import struct
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache
from io import BytesIO
from itertools import islice
from typing import IO, Any, NamedTuple

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from mutagen import MutagenError
from mutagen.aiff import AIFFInfo
from mutagen.asf import ASF
from mutagen.flac import StreamInfo as FLACInfo
from mutagen.mp3 import MPEGFrame
from mutagen.mp4 import MP4Info
from mutagen.mp4._atom import Atoms
from mutagen.oggflac import OggFLACStreamInfo
from mutagen.oggopus import OggOpusInfo
from mutagen.oggspeex import OggSpeexInfo
from mutagen.oggvorbis import OggVorbisInfo

from ..exceptions import UnsupportedMediaType
from . import wav

# Bytes read at each end of a file. An Ogg page, which holds the end time, is at most this long.
HEAD = 64 * 1024
# Bytes searched for the first frame of a stream, enough for a misplaced cover picture.
MAX_JUNK = 256 * 1024
# Positions within these bytes at which a frame may start that are tried.
MAX_CANDIDATES = 10_000
# Limits for mutagen, enough for two hours of MP4 in fragments of one second.
MAX_HEADER_BYTES = 512 * 1024
MAX_HEADER_READS = 50_000
# Frames counted in a file without a stated duration: over five hours in every format.
MAX_FRAMES = 1_000_000
# Some recorders write several ID3 tags.
MAX_ID3_TAGS = 8
# Size of the ID3v1 tag at the end of a file.
ID3V1_TAG = 128
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


def inspect(file: IO[bytes]) -> Audio:
    """Return the format of ``file``, which must be seekable and is rewound, also after an error.

    Bytes before the first frame of MPEG audio, AAC, Ogg, FLAC, AMR and GSM are skipped.
    Raises ``UnsupportedMediaType`` with the reason for anything that is not audio.
    """
    size = file.seek(0, os.SEEK_END)
    try:
        return _inspect(file, size)
    except UnsupportedMediaType:
        raise
    except Exception as exc:  # mutagen raises many types of exceptions for damaged headers
        raise _unsupported(_("The headers of this file are damaged or incomplete.")) from exc
    finally:
        file.seek(0)


class _Source:
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


def _inspect(file: IO[bytes], size: int) -> Audio:
    if not size:
        raise _unsupported(_("The file is empty."))
    start = after_id3(file)
    head = _Source(file, start, size).head
    for pattern, read in CONTAINERS.items():
        if re.match(pattern, head, re.DOTALL):
            return read(_Source(file, start, size))
    # If the size in a tag is wrong, the audio may start before its end.
    positions = () if re.match(NEVER_AUDIO, head, re.DOTALL) else dict.fromkeys((start, 0))
    for position in positions:
        if audio := _find_stream(file, position, size):
            return audio
    kinds = (kind for first, kind in OTHER_KINDS.items() if re.match(first, head, re.DOTALL))
    kind = next(kinds, _("a file of unknown kind"))
    raise _unsupported(_("This is %(kind)s, not audio.") % {"kind": kind})


def after_id3(file: IO[bytes]) -> int:
    """Return the position after the ID3v2 tags at the beginning, by their headers."""
    start = 0
    for _number in range(MAX_ID3_TAGS):
        file.seek(start)
        tag = file.read(10)
        if len(tag) < 10 or not tag.startswith(b"ID3"):
            break
        # Seven bits in each of four bytes; some writers use all eight. A footer is 10 bytes more.
        bits = 8 if max(tag[6:]) > 0x7F else 7
        start += sum(byte << bits * place for place, byte in enumerate(reversed(tag[6:])))
        start += 20 if tag[5] & 0x10 else 10
    return start


def _find_stream(file: IO[bytes], start: int, end: int) -> Audio | None:
    """Return the first stream of frames within ``MAX_JUNK`` bytes from ``start``, else None."""
    data = _Source(file, start, end).peek(0, MAX_JUNK)
    for stream in STREAMS:
        candidates = re.compile(stream.sync).finditer(data, 0, stream.max_junk)
        for match in islice(candidates, MAX_CANDIDATES):
            source = _Source(file, start + match.start(), end)
            if stream.is_start(source):
                source.seek(0)
                return stream.read(source)
    return None


# Containers


def _read_wave(source: _Source) -> Audio:
    if not wav.is_wave(source.head):
        raise _unsupported(_("This RIFF file is not a WAVE file."))
    try:
        wave = wav.read_wave(source.file, source.start)
    except wav.MissingChunk as exc:
        raise _unsupported(_("This WAVE file ends before its audio data.")) from exc
    if not wave.length:
        raise _unsupported(_("This file contains no audio."))
    duration = wave.duration
    if wave.tag == wav.MP3:
        frames = _Source(source.file, wave.start, wave.start + wave.length)
        duration = _seconds(frames, _mpeg_frame)
    return _audio("audio/wav", ".wav", wave.codec, duration)


def _read_aiff(source: _Source) -> Audio:
    # After the name and size of the chunk, and 18 bytes, AIFF-C names the compression.
    compression = source.head[source.head.find(b"COMM") + 26 :][:4]
    is_compressed = source.head[8:12] == b"AIFC" and compression not in (b"NONE", b"sowt")
    codec = compression.decode("ascii").strip().lower() if is_compressed else "pcm"
    return _audio("audio/aiff", ".aiff", codec, AIFFInfo(source).length)


def _read_au(source: _Source) -> Audio:
    offset, length, encoding, rate, channels = struct.unpack(">5I", source.head[4:24])
    codec, width = AU_CODECS.get(encoding, (f"au-{encoding}", 0))
    length = min(length, source.size - offset)
    if length <= 0:
        raise _unsupported(_("This file contains no audio."))
    return _audio(
        "audio/basic", ".au", codec, length / max(width * channels * rate, 1) if width else None
    )


def _read_asf(source: _Source) -> Audio:
    _require_audio_only(audio=ASF_AUDIO in source.head, video=ASF_VIDEO in source.head)
    info = ASF(source).info
    return _audio("audio/x-ms-wma", ".wma", "wma", info.length if info else None)


def _read_mp4(source: _Source) -> Audio:
    atoms = Atoms(source)
    tracks = atoms[b"moov"].findall(b"trak")
    handlers = {track[b"mdia", b"hdlr"].read(source)[1][8:12] for track in tracks}
    _require_audio_only(audio=b"soun" in handlers, video=b"vide" in handlers)
    info = MP4Info(atoms, source)
    is_aac = info.codec == "mp4a" or info.codec.startswith("mp4a.40")
    return _audio("audio/mp4", ".m4a", "aac" if is_aac else info.codec.lower(), info.length)


def _read_matroska(source: _Source) -> Audio:
    head = source.head
    types = [
        int.from_bytes(kind) for kind in _elements(head, SEGMENT, TRACKS, TRACK_ENTRY, TRACK_TYPE)
    ]
    _require_audio_only(audio=2 in types, video=1 in types)
    codec = _elements(head, SEGMENT, TRACKS, TRACK_ENTRY, CODEC_ID)[0].decode("ascii")
    scales = _elements(head, SEGMENT, INFO, TIMESTAMP_SCALE)
    nanoseconds = int.from_bytes(scales[0]) if scales else 1_000_000
    durations = _elements(head, SEGMENT, INFO, DURATION)
    duration = 0.0
    if durations:
        (duration,) = struct.unpack(">f" if len(durations[0]) == 4 else ">d", durations[0])
    is_webm = _elements(head, EBML, DOC_TYPE) == [b"webm"]
    content_type, extension = ("audio/webm", ".webm") if is_webm else ("audio/x-matroska", ".mka")
    codec = codec.removeprefix("A_").lower()
    return _audio(content_type, extension, codec, duration * nanoseconds / 1e9)


def _elements(data: bytes, *path: int) -> list[bytes]:
    """Return the bodies of the EBML elements (RFC 8794) at ``path``, ids from outer to inner."""
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
        # In a live recording, a length of ones only means: to the end.
        end = len(data) if length == unknown else position + length
        yield numbers[0], data[position:end]
        position = end


# Streams


class Frame(NamedTuple):
    """Size in bytes and seconds of a frame, and a value that the frames of a stream share."""

    size: int
    seconds: float
    stream: object = None


FrameReader = Callable[[bytes], Frame | None]


def _frames(source: _Source, read: FrameReader) -> Iterator[tuple[int, Frame]]:
    """Yield the frames of a stream, each with the position of its end, until one does not fit.

    ``read`` returns the frame that starts with the given bytes, None if there is none.
    """
    offset, stream = 0, None
    for number in range(MAX_FRAMES):
        source.file.seek(source.start + offset)
        frame = read(source.file.read(HEADER))
        if frame is None or (number and frame.stream != stream):
            return
        offset, stream = offset + frame.size, frame.stream
        yield offset, frame


def _has_frames(read: FrameReader, count: int) -> Callable[[_Source], bool]:
    """Return a test for ``count`` frames in a row, or half as many if the file ends after them."""

    def test(source: _Source) -> bool:
        ends = [end for end, _frame in islice(_frames(source, read), count)]
        return len(ends) == count or (
            len(ends) >= count // 2 and ends[-1] >= source.size - ID3V1_TAG
        )

    return test


def _seconds(source: _Source, read: FrameReader) -> float:
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


def _mpeg_frame(header: bytes) -> Frame | None:
    return _parse_mpeg_header(header[:4])


def _read_mpeg(source: _Source) -> Audio:
    first = MPEGFrame(source)
    # A Xing, Info or VBRI header states the duration.
    duration = getattr(first, "length", 0) or _seconds(source, _mpeg_frame)
    return _audio("audio/mpeg", f".mp{first.layer}", f"mp{first.layer}", duration)


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


def _read_adts(source: _Source) -> Audio:
    return _audio("audio/aac", ".aac", "aac", _seconds(source, _adts_frame))


def _gsm_frame(header: bytes) -> Frame | None:
    return Frame(33, 0.02) if header[:1] and header[0] >> 4 == 0xD else None


def _read_gsm(source: _Source) -> Audio:
    return _audio("audio/x-gsm", ".gsm", "gsm", _seconds(source, _gsm_frame))


def _amr_frame(header: bytes, sizes: dict[int, int]) -> Frame | None:
    if not header or header[0] & 0x83:
        return None
    size, quality = sizes.get(header[0] >> 3), header[0] & 4
    return Frame(size, 0.02, quality) if size else None


def _amr_narrow_frame(header: bytes) -> Frame | None:
    return _amr_frame(header, AMR)


def _amr_wide_frame(header: bytes) -> Frame | None:
    return _amr_frame(header, AMR_WIDE)


def _read_amr(source: _Source) -> Audio:
    is_wide = source.head.startswith(b"#!AMR-WB\n")
    start = 9 if is_wide else 6
    if source.size <= start:
        raise _unsupported(_("This file contains no audio."))
    frames = _Source(source.file, source.start + start, source.start + source.size)
    return _read_amr_wide(frames) if is_wide else _read_amr_narrow(frames)


def _read_amr_narrow(source: _Source) -> Audio:
    return _audio("audio/amr", ".amr", "amr", _seconds(source, _amr_narrow_frame))


def _read_amr_wide(source: _Source) -> Audio:
    return _audio("audio/amr-wb", ".awb", "amr", _seconds(source, _amr_wide_frame))


def _read_flac(source: _Source) -> Audio:
    if len(source.head) <= 42:
        raise _unsupported(_("This FLAC file ends before its audio data."))
    return _audio("audio/flac", ".flac", "flac", FLACInfo(source.head[8:42]).length)


def _read_flac_frames(source: _Source) -> Audio:
    return _audio("audio/flac", ".flac", "flac", None)


def _has_flac_frames(source: _Source) -> bool:
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


def _read_ogg(source: _Source) -> Audio:
    if b"\x80theora" in source.head:
        raise _unsupported(_("This is video, not audio."))
    found = [codec for mark, codec in OGG_CODECS.items() if mark in source.head]
    if not found:
        raise _unsupported(_("This Ogg file contains no Opus, Vorbis, Speex or FLAC audio."))
    codec, read_info = found[0]
    info = read_info(source)
    rate = getattr(info, "sample_rate", 48000)  # the rate of Opus
    if samples := _last_ogg_sample(source.tail, info.serial):
        return _audio("audio/ogg", ".ogg", codec, samples / rate)
    if _last_ogg_sample(source.head, info.serial):
        return _audio("audio/ogg", ".ogg", codec, None)
    raise _unsupported(_("This Ogg file ends before its audio data."))


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


def _require_audio_only(*, audio: bool, video: bool) -> None:
    if video:
        raise _unsupported(_("This is video, not audio."))
    if not audio:
        raise _unsupported(_("This file contains no audio."))


def _audio(content_type: str, extension: str, codec: str, duration: float | None) -> Audio:
    is_known = duration is not None and 0 < duration <= MAX_DURATION
    return Audio(
        content_type=content_type,
        extension=extension,
        codec=codec,
        duration=duration if is_known else None,
    )


def _unsupported(reason: str) -> UnsupportedMediaType:
    return UnsupportedMediaType(reason, fields={"recording": [reason]})


# Bytes from which the size of a frame can be read in every format.
HEADER = 7
# Bytes of the longest frame header of FLAC.
FLAC_HEADER = 16

# Other kinds of files, by their first bytes. Audio may begin with some of them by chance.
OTHER_KINDS: dict[bytes, Any] = {
    rb"PK\x03\x04|PK\x05\x06": gettext_lazy("a ZIP archive"),
    rb"Rar!|7z\xbc\xaf|\x1f\x8b|.{257}ustar": gettext_lazy("an archive"),
    rb"%PDF": gettext_lazy("a PDF document"),
    rb"MZ|\x7fELF": gettext_lazy("a program"),
    rb"\0\0\x01[\xb3\xba]|FLV\x01|G.{187}G.{187}G": gettext_lazy("video"),
    rb"\x89PNG|\xff\xd8\xff|GIF8": gettext_lazy("a picture"),
    rb"\s*<": gettext_lazy("HTML or XML"),
    rb"\s*[{[]": gettext_lazy("JSON"),
    rb"[\s!-~]+\Z": gettext_lazy("text"),
}
# Of these, what is not searched for frames: audio in it is not the recording itself.
NEVER_AUDIO = b"|".join([*list(OTHER_KINDS)[:5], rb"[\s!-~]+\Z"])

# Codec and bytes per sample by encoding in an AU file.
AU_CODECS = {
    1: ("mulaw", 1),
    2: ("pcm", 1),
    3: ("pcm", 2),
    4: ("pcm", 3),
    5: ("pcm", 4),
    6: ("float", 4),
    7: ("float", 8),
    27: ("alaw", 1),
}

# Types of streams in ASF (Windows Media).
ASF_AUDIO = bytes.fromhex("409E69F84D5BCF11A8FD00805F5C442B")
ASF_VIDEO = bytes.fromhex("C0EF19BC4D5BCF11A8FD00805F5C442B")

# Element ids of Matroska and WebM (RFC 9559).
EBML, DOC_TYPE = 0x1A45DFA3, 0x4282
SEGMENT, INFO, TRACKS = 0x18538067, 0x1549A966, 0x1654AE6B
TIMESTAMP_SCALE, DURATION = 0x2AD7B1, 0x4489
TRACK_ENTRY, TRACK_TYPE, CODEC_ID = 0xAE, 0x83, 0x86

# Sample rates in Hz by the index in an ADTS header (ISO 14496-3).
ADTS_RATES = (
    *(96000, 88200, 64000, 48000, 44100, 32000),
    *(24000, 22050, 16000, 12000, 11025, 8000, 7350),
)

# Bytes of an AMR frame by its type (RFC 4867; 3GPP TS 26.101 and 26.201): speech, comfort noise,
# no data.
AMR = dict(enumerate((13, 14, 16, 18, 20, 21, 27, 32, 6))) | {15: 1}
AMR_WIDE = dict(enumerate((18, 24, 33, 37, 41, 47, 51, 59, 61, 6))) | {14: 1, 15: 1}

# The first byte of a frame of speech or comfort noise.
AMR_FRAME = rb"[\x04\x0c\x14\x1c\x24\x2c\x34\x3c\x44\x4c]"

# By the first bytes of the first packet: codec, and the class that reads its header.
OGG_CODECS: dict[bytes, tuple[str, Any]] = {
    b"OpusHead": ("opus", OggOpusInfo),
    b"\x01vorbis": ("vorbis", OggVorbisInfo),
    b"Speex   ": ("speex", OggSpeexInfo),
    b"\x7fFLAC": ("flac", OggFLACStreamInfo),
}

# Readers of formats that begin at the first byte, after ID3 tags, by that beginning.
CONTAINERS: dict[bytes, Callable[[_Source], Audio]] = {
    rb"RIFF|RIFX|RF64|BW64": _read_wave,
    rb"FORM.{4}AIF[FC]": _read_aiff,
    rb"\.snd": _read_au,
    rb"0&\xb2u\x8ef\xcf\x11": _read_asf,
    rb"\x1a\x45\xdf\xa3": _read_matroska,
    rb".{4}(ftyp|styp|moov|mdat|free|skip|wide|pnot)": _read_mp4,
}


class _Stream(NamedTuple):
    """A format that may follow other bytes: a pattern of its first bytes, and what proves it."""

    sync: bytes
    read: Callable[[_Source], Audio]
    is_start: Callable[[_Source], bool] = lambda source: True
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
        _has_frames(_mpeg_frame, 4),
    ),
    _Stream(rb"\xff[\xf0\xf1\xf8\xf9]", _read_adts, _has_frames(_adts_frame, 4)),
    _Stream(rb"\xff[\xf8\xf9][\x10-\xff]", _read_flac_frames, _has_flac_frames),
    # Formats without a sync word. AMR without its header starts with a frame of good quality.
    _Stream(rb"[\xd0-\xdf]", _read_gsm, _has_frames(_gsm_frame, 50), 4096),
    _Stream(AMR_FRAME, _read_amr_narrow, _has_frames(_amr_narrow_frame, 100), 4096),
    _Stream(AMR_FRAME, _read_amr_wide, _has_frames(_amr_wide_frame, 100), 4096),
]
