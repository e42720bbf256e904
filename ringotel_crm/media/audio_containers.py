"""Audio formats that begin at the first byte of a file: WAVE, AIFF, AU, ASF, MP4 and Matroska."""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterator

from django.utils.translation import gettext as _
from mutagen.aiff import AIFFInfo
from mutagen.asf import ASF
from mutagen.mp4 import MP4Info
from mutagen.mp4._atom import Atoms

from . import wav
from .audio_source import (
    Audio,
    Source,
    make_audio,
    require_audio_only,
    unsupported,
)
from .audio_streams import duration_of_frames, mpeg_frame


def _read_wave(source: Source) -> Audio:
    if not wav.is_wave(source.head):
        raise unsupported(_("This RIFF file is not a WAVE file."))
    try:
        wave = wav.read_wave(source.file, source.start)
    except wav.MissingChunk as exc:
        raise unsupported(_("This WAVE file ends before its audio data.")) from exc
    if not wave.length:
        raise unsupported(_("This file contains no audio."))
    duration = wave.duration
    if wave.tag == wav.MP3:
        frames = Source(source.file, wave.start, wave.start + wave.length)
        duration = duration_of_frames(frames, mpeg_frame)
    return make_audio("audio/wav", ".wav", wave.codec, duration)


def _read_aiff(source: Source) -> Audio:
    # After the name and size of the chunk, and 18 bytes, AIFF-C names the compression.
    compression = source.head[source.head.find(b"COMM") + 26 :][:4]
    is_compressed = source.head[8:12] == b"AIFC" and compression not in (b"NONE", b"sowt")
    codec = compression.decode("ascii").strip().lower() if is_compressed else "pcm"
    return make_audio("audio/aiff", ".aiff", codec, AIFFInfo(source).length)


def _read_au(source: Source) -> Audio:
    offset, length, encoding, rate, channels = struct.unpack(">5I", source.head[4:24])
    codec, width = AU_CODECS.get(encoding, (f"au-{encoding}", 0))
    length = min(length, source.size - offset)
    if length <= 0:
        raise unsupported(_("This file contains no audio."))
    return make_audio(
        "audio/basic", ".au", codec, length / max(width * channels * rate, 1) if width else None
    )


def _read_asf(source: Source) -> Audio:
    require_audio_only(audio=ASF_AUDIO in source.head, video=ASF_VIDEO in source.head)
    info = ASF(source).info
    return make_audio("audio/x-ms-wma", ".wma", "wma", info.length if info else None)


def _read_mp4(source: Source) -> Audio:
    atoms = Atoms(source)
    tracks = atoms[b"moov"].findall(b"trak")
    handlers = {track[b"mdia", b"hdlr"].read(source)[1][8:12] for track in tracks}
    require_audio_only(audio=b"soun" in handlers, video=b"vide" in handlers)
    info = MP4Info(atoms, source)
    is_aac = info.codec == "mp4a" or info.codec.startswith("mp4a.40")
    return make_audio("audio/mp4", ".m4a", "aac" if is_aac else info.codec.lower(), info.length)


def _read_matroska(source: Source) -> Audio:
    head = source.head
    types = [
        int.from_bytes(kind) for kind in _elements(head, SEGMENT, TRACKS, TRACK_ENTRY, TRACK_TYPE)
    ]
    require_audio_only(audio=2 in types, video=1 in types)
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
    return make_audio(content_type, extension, codec, duration * nanoseconds / 1e9)


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

# Readers of formats that begin at the first byte, after ID3 tags, by that beginning.
CONTAINERS: dict[bytes, Callable[[Source], Audio]] = {
    rb"RIFF|RIFX|RF64|BW64": _read_wave,
    rb"FORM.{4}AIF[FC]": _read_aiff,
    rb"\.snd": _read_au,
    rb"0&\xb2u\x8ef\xcf\x11": _read_asf,
    rb"\x1a\x45\xdf\xa3": _read_matroska,
    rb".{4}(ftyp|styp|moov|mdat|free|skip|wide|pnot)": _read_mp4,
}
