from __future__ import annotations

import contextlib
import io
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringotel_crm.exceptions import UnsupportedMediaType
from ringotel_crm.media.audio import inspect
from ringotel_crm.media.audio_source import MAX_DURATION, Audio
from tests.media.audio_samples import NO_DURATION, OTHER, SOUND, sample, wav


def fmt(tag: int = 1, channels: int = 1, rate: int = 8000, bits: int = 16, **wrong: int) -> bytes:
    """A fmt chunk; ``byte_rate`` and ``block_size`` are right unless they are given."""
    block_size = wrong.get("block_size", channels * bits // 8)
    byte_rate = wrong.get("byte_rate", rate * channels * bits // 8)
    return struct.pack("<HHIIHH", tag, channels, rate, byte_rate, block_size, bits)


PCM = fmt()
MULAW_IN_EXTENSIBLE = fmt(0xFFFE, bits=8) + struct.pack("<HHI16s", 22, 8, 4, b"\x07\0")


class CountingFile(io.BytesIO):
    """A file that counts the bytes that are read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def id3(content: bytes, flags: int = 0, size: int | bytes | None = None) -> bytes:
    """An ID3v2 tag, with a footer if the flags ask for it; ``size`` is what its header states."""
    size = len(content) if size is None else size
    if isinstance(size, int):
        size = bytes(size >> shift & 0x7F for shift in (21, 14, 7, 0))
    footer = b"3DI\4\0" if flags & 0x10 else b""
    return b"ID3\4\0" + bytes([flags]) + size + content + footer.ljust(10 * bool(footer), b"\0")


def inspect_or_none(data: bytes) -> Audio | None:
    """What ``inspect`` returns, None if it refuses the file. Other errors are failures."""
    try:
        return inspect(io.BytesIO(data))
    except UnsupportedMediaType:
        return None


@pytest.mark.parametrize("name", SOUND)
def test_format_is_detected_by_content(name: str) -> None:
    file = io.BytesIO(sample(name))
    file.seek(5)
    audio = inspect(file)
    assert (audio.content_type, audio.extension, audio.codec) == SOUND[name]
    assert (audio.duration is None) == (name in NO_DURATION)
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        *((name, 0.001) for name in ("aiff.aiff", "alaw.wav", "amr.amr", "flac.flac", "flac.ogg")),
        *(
            (name, 0.001)
            for name in ("mulaw.au", "mulaw.wav", "pcm.wav", "piped.wav", "vorbis.ogg")
        ),
        # Blocks of 20 to 40 ms, and the delay of the codec.
        *((name, 0.04) for name in ("gsm.wav", "opus.mka", "opus.ogg", "opus.webm")),
        *((name, 0.04) for name in ("speex.ogg", "wma.wma")),
        *((name, 0.2) for name in ("aac.m4a", "bare.mp3", "tagged.mp3")),
    ],
)
def test_duration_is_read_from_headers(name: str, tolerance: float) -> None:
    assert inspect(io.BytesIO(sample(name))).duration == pytest.approx(0.1, abs=tolerance)


@pytest.mark.parametrize(
    ("name", "seconds"), [("adpcm.wav", 0.51), ("gsm.gsm", 1), ("vbr.aac", 8.1), ("vbr.mp3", 0.57)]
)
def test_duration_is_counted_where_headers_lack_it(name: str, seconds: float) -> None:
    """By the first bit rate, or the stated byte rate, it would be much longer or shorter."""
    duration = inspect(io.BytesIO(sample(name))).duration
    assert duration == pytest.approx(seconds, abs=0.05)
    tagged = inspect(io.BytesIO(sample(name) + b"TAG".ljust(128, b"\0"))).duration
    assert tagged == pytest.approx(duration, rel=0.1)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        *((sample(name), reason) for name, reason in OTHER.items()),
        (b"", "empty"),
        (b"PK\3\4" + sample("pcm.wav"), "ZIP"),
        (b"PK\3\4" + sample("bare.mp3"), "ZIP"),
        (b"call.mp3".ljust(257, b"\0") + b"ustar".ljust(255, b"\0") + sample("vbr.mp3"), "archive"),
        (b"%PDF-1.7\n" + sample("bare.mp3"), "PDF"),
        (b"MZ\x90\0", "program"),
        (b"\x7fELF\2", "program"),
        (b"\0\0\1\xba" + sample("vbr.mp3"), "video"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\n <!DOCTYPE html><audio src='x.wav'>", "HTML"),
        (b'{"error": "expired"}', "JSON"),
        (b"Not Found", "text"),
        (b"\0" * 1000, "unknown"),
        (id3(bytes(10)) + b"PK\3\4", "ZIP"),
        (b"RIFF\x24\0\0\0AVI LIST", "not a WAVE file"),
        (b"OggS\0\2" + b"\0" * 22 + b"\x80theora", "video"),
        (b"OggS\0\2" + b"\0" * 22 + b"CELT    ", "contains no Opus"),
        (wav((b"fmt ", PCM)), "ends before its audio"),
        (wav((b"fmt ", PCM), (b"data", b"")), "contains no audio"),
        (wav((b"data", b"\0" * 99)), "ends before its audio"),
        (wav((b"fmt ", b"\1\0"), (b"data", b"\0" * 99)), "damaged"),
        (sample("flac.flac")[:42], "ends before its audio"),
        (sample("opus.ogg")[:100], "ends before its audio"),
        (sample("vorbis.ogg")[:100], "ends before its audio"),
        (sample("aac.m4a")[:300], "damaged"),
        (sample("mulaw.au")[:32], "contains no audio"),
        (sample("opus.webm")[:100], "damaged|contains no audio"),
        (b"\0#!AMR\n", "contains no audio"),
        (b"\xff\xfb\x90\x64" + b"\0" * 99, "unknown"),
        (b"\xff\xf1" * 999, "unknown"),
        (b"\xff\xfe" + "Grüße".encode("utf-16-le"), "unknown"),
        (b"\0\0\0\x10ftypM4A \0\0\0\0", "damaged"),
        (b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\0\x08moov", "contains no audio"),
    ],
)
def test_other_files_are_refused_with_the_reason(data: bytes, reason: str) -> None:
    file = io.BytesIO(data)
    with pytest.raises(UnsupportedMediaType, match=reason) as refusal:
        inspect(file)
    assert refusal.value.fields == {"recording": [refusal.value.message]}
    assert file.tell() == 0


# WAVE


@pytest.mark.parametrize(
    ("data", "codec", "duration"),
    [
        (wav((b"LIST", b"odd"), (b"fmt ", PCM), (b"data", bytes(8000))), "pcm", 0.5),
        (wav((b"data", bytes(8000)), (b"fmt ", PCM)), "pcm", 0.5),
        (wav((b"fmt ", MULAW_IN_EXTENSIBLE), (b"data", bytes(8000))), "mulaw", 1.0),
        (wav((b"fmt ", fmt(0x83)), (b"data", bytes(8000))), "wave-0x0083", 0.5),
        (wav((b"fmt ", fmt(0x83, byte_rate=0)), (b"data", bytes(99))), "wave-0x0083", None),
        (wav((b"fmt ", fmt(0x55, byte_rate=0)), (b"data", bytes(99))), "mp3", None),
        # A recorder that was killed, one that wrote to a pipe, and a file that was cut off.
        (wav((b"fmt ", PCM), (b"data", b"")) + bytes(8000), "pcm", 0.5),
        (wav((b"fmt ", PCM))[:36] + b"data\xff\xff\xff\xff" + bytes(8000), "pcm", 0.5),
        (wav((b"fmt ", PCM), (b"data", bytes(16000)))[:-8000], "pcm", 0.5),
        # More than a week.
        (wav((b"fmt ", fmt(rate=1)), (b"data", bytes(1_400_000))), "pcm", None),
    ],
)
def test_wave_is_read_by_chunks(data: bytes, codec: str, duration: float | None) -> None:
    assert inspect(io.BytesIO(data)) == Audio(
        content_type="audio/wav", extension=".wav", codec=codec, duration=duration
    )


@pytest.mark.parametrize(
    "form",
    [
        fmt(channels=2),
        fmt(channels=2, byte_rate=16000),
        fmt(channels=2, byte_rate=0),
        fmt(channels=2, block_size=0),
        fmt(channels=2, block_size=2),
        fmt(channels=2, byte_rate=0, block_size=0),
        fmt(channels=4, bits=8, byte_rate=1),
        fmt(7, channels=4, bits=8, byte_rate=64000),
        fmt(6, channels=4, bits=16, block_size=8),
        fmt(3, channels=1, bits=32, byte_rate=0),
        fmt(channels=1, bits=24, block_size=4),  # in 32 bits each
        fmt(bits=0, block_size=4, byte_rate=0),
        fmt(rate=0, byte_rate=32000),
        fmt(channels=2)[:14],
    ],
)
def test_wave_duration_is_by_block_and_sample_rate(form: bytes) -> None:
    """96,000 bytes of 8000 samples of 4 bytes per second."""
    data = wav((b"fmt ", form), (b"data", bytes(96_000)))
    assert inspect(io.BytesIO(data)).duration == 3.0


@pytest.mark.parametrize(
    ("form", "length", "seconds"),
    [
        (fmt(0x0002, bits=4, block_size=256), 256 * 16, 1.0),  # 500 samples in each block
        (fmt(0x0002, channels=2, bits=4, block_size=512), 512 * 16, 1.0),
        (fmt(0x0011, bits=4, block_size=256), 256 * 16, 1.01),  # 505
        (fmt(0x0011, channels=2, bits=4, block_size=512), 512 * 16, 1.01),
        (fmt(0x0031, bits=0, block_size=65), 65 * 25, 1.0),  # 320
        (fmt(0x0031, bits=0, block_size=0, byte_rate=1625), 65 * 25, 1.0),
    ],
)
def test_wave_duration_of_block_codecs_ignores_the_byte_rate(
    form: bytes, length: int, seconds: float
) -> None:
    data = wav((b"fmt ", form), (b"data", bytes(length)))
    assert inspect(io.BytesIO(data)).duration == pytest.approx(seconds)


def test_wave_duration_of_mp3_is_counted() -> None:
    data = wav((b"fmt ", fmt(0x55, byte_rate=1)), (b"data", sample("vbr.mp3")))
    audio = inspect(io.BytesIO(data))
    assert audio.codec == "mp3"
    assert audio.duration == pytest.approx(0.57, abs=0.05)


@pytest.mark.parametrize("form", [b"RF64", b"BW64"])
@pytest.mark.parametrize("size", [16_000, 10**12])
def test_wave_of_64_bits_has_its_length_in_ds64(form: bytes, size: int) -> None:
    ds64 = struct.pack("<QQQI", 0, size, 0, 0)
    data = wav((b"ds64", ds64), (b"fmt ", PCM), (b"data", bytes(16_000)), form=form)
    data = data.replace(b"data" + struct.pack("<I", 16_000), b"data\xff\xff\xff\xff")
    trailer = b"" if size > 16_000 else b"LIST\4\0\0\0INFO"
    assert inspect(io.BytesIO(data + trailer)) == Audio(
        content_type="audio/wav", extension=".wav", codec="pcm", duration=1.0
    )


def test_big_endian_wave_is_read() -> None:
    form = struct.pack(">HHIIHH", 1, 1, 8000, 16000, 2, 16)
    data = wav((b"fmt ", form), (b"data", bytes(16_000)), form=b"RIFX")
    assert inspect(io.BytesIO(data)).duration == 1.0


# Bytes before the first frame

NOISE = bytes(n * n * 7 % 251 for n in range(3000))
PICTURE = b"APIC\0\0\x9c\x40\0\0\0image/jpeg\0\3\0\xff\xd8\xff\xe0" + NOISE * 14

DAMAGE: dict[str, Callable[[bytes], bytes]] = {
    "four zeros": lambda data: bytes(4) + data,
    "padding": lambda data: bytes(50_000) + data,
    "line end": lambda data: b"\r\n" + data,
    "byte order mark": lambda data: b"\xef\xbb\xbf" + data,
    "ones": lambda data: b"\xff" * 7 + data,
    "noise": lambda data: NOISE + data,
    "HTTP chunk": lambda data: b"1f40\r\n" + data,
    "HTTP headers": lambda data: b"HTTP/1.1 200 OK\r\nContent-Type: audio/mpeg\r\n\r\n" + data,
    "multipart": lambda data: b"--x\r\nContent-Type: audio/wav\r\n\r\n" + data + b"\r\n--x--\r\n",
    "markup": lambda data: b"<\0" + data,
    "APE tag": lambda data: b"APETAGEX\xd0\7\0\0".ljust(64, b"\0") + data,
    "ID3v1 tag": lambda data: b"TAG".ljust(128, b" ") + data,
    "ID3, then padding": lambda data: id3(bytes(300)) + bytes(2000) + data,
    "ID3, then noise": lambda data: id3(bytes(300)) + NOISE + data,
    "ID3 stated empty": lambda data: id3(PICTURE, size=0) + data,
    "ID3 stated too short": lambda data: id3(PICTURE, size=100) + data,
    "ID3 size with eight bits": lambda data: id3(bytes(200), size=b"\0\0\0\xc8") + data,
    "ID3 stated longer than the file": lambda data: id3(b"", size=2**28 - 1) + data,
    "twice ID3, the second stated empty": lambda data: id3(bytes(9)) + id3(NOISE, size=0) + data,
}


@pytest.mark.parametrize("damage", DAMAGE)
@pytest.mark.parametrize(
    "name",
    [
        "vbr.mp3",
        "bare.mp3",
        "tagged.mp3",
        "vbr.aac",
        "amr.amr",
        "opus.ogg",
        "speex.ogg",
        "flac.flac",
    ],
)
def test_bytes_before_the_first_frame_are_skipped(name: str, damage: str) -> None:
    whole, damaged = inspect(io.BytesIO(sample(name))), DAMAGE[damage](sample(name))
    audio = inspect(io.BytesIO(damaged))
    assert (audio.content_type, audio.codec) == (whole.content_type, whole.codec)
    assert audio.duration == pytest.approx(whole.duration, rel=0.2)


@pytest.mark.parametrize("name", ["vbr.mp3", "vbr.aac"])
@pytest.mark.parametrize("size", [1, 77])
def test_stream_may_begin_inside_a_frame(name: str, size: int) -> None:
    whole, audio = inspect(io.BytesIO(sample(name))), inspect(io.BytesIO(sample(name)[size:]))
    assert audio.content_type == whole.content_type
    assert audio.duration == pytest.approx(whole.duration, rel=0.3)


@pytest.mark.parametrize("name", ["vbr.mp3", "vbr.aac"])
def test_tag_may_be_stated_to_end_inside_the_stream(name: str) -> None:
    audio = inspect(io.BytesIO(id3(bytes(300), size=1000) + sample(name)))
    assert audio.content_type == SOUND[name][0]


def test_gsm_may_begin_inside_a_frame() -> None:
    audio = inspect(io.BytesIO(sample("gsm.gsm")[20:]))
    assert audio.codec == "gsm"
    assert audio.duration == pytest.approx(1, rel=0.05)


def flac_frame(number: int) -> bytes:
    """A frame of 4096 samples at 8 kHz, mono, 16 bits, up to where its samples would be."""
    header, crc = b"\xff\xf8\xc4\x08" + bytes([number]), 0
    for bit in "".join(f"{byte:08b}" for byte in header):
        crc = (crc << 1) ^ (0x107 if (crc >> 7) ^ int(bit) else 0)
        crc &= 0xFF
    return header + bytes([crc])


def test_flac_may_begin_inside_a_frame() -> None:
    data = NOISE + flac_frame(5) + NOISE + flac_frame(6) + NOISE
    assert inspect(io.BytesIO(data)) == Audio(
        content_type="audio/flac", extension=".flac", codec="flac", duration=None
    )


@pytest.mark.parametrize("name", ["bare.mp3", "flac.flac", "adts.aac", "pcm.wav"])
@pytest.mark.parametrize(
    "tags",
    [id3(bytes(3_000_000)), id3(b""), id3(bytes(20), flags=0x10), id3(bytes(99)) * 3],
    ids=["long", "empty", "footer", "three"],
)
def test_tags_change_nothing(name: str, tags: bytes) -> None:
    assert inspect(io.BytesIO(tags + sample(name))) == inspect(io.BytesIO(sample(name)))


def test_live_webm_needs_no_lengths() -> None:
    """As browsers record it: the segment has no length, and there is no duration."""
    data = sample("opus.webm")
    segment = data.index(b"\x18\x53\x80\x67") + 4
    live = data[:segment] + b"\x01" + b"\xff" * 7
    live += data[segment + 8 :].replace(b"\x44\x89", b"\x44\x90", 1)
    assert inspect(io.BytesIO(live)) == Audio(
        content_type="audio/webm", extension=".webm", codec="opus", duration=None
    )


def test_ogg_may_be_followed_by_other_bytes() -> None:
    audio = inspect(io.BytesIO(sample("opus.ogg") + bytes(100_000)))
    assert (audio.codec, audio.duration) == ("opus", None)


def test_mp4_may_begin_with_any_atom() -> None:
    audio = inspect(io.BytesIO(b"\0\0\0\x08wide" + sample("aac.m4a")))
    assert audio.content_type == "audio/mp4"


# Damaged and forged files


@pytest.mark.slow
@pytest.mark.parametrize("name", [*SOUND, *OTHER])
def test_truncation_raises_no_other_error(name: str) -> None:
    data = sample(name)
    assert all(inspect_or_none(data[:length]) is None for length in range(7))
    for length in range(7, len(data)):
        audio = inspect_or_none(data[:length])
        assert audio is None or (name in SOUND and audio.content_type == SOUND[name][0])


def is_described(audio: Audio) -> bool:
    """Return whether content type and extension match, and the duration is possible."""
    kinds = {(content_type, extension) for content_type, extension, _codec in SOUND.values()}
    kinds |= {("audio/mpeg", ".mp1"), ("audio/mpeg", ".mp2"), ("audio/amr-wb", ".awb")}
    possible = audio.duration is None or 0 < audio.duration <= MAX_DURATION
    return (audio.content_type, audio.extension) in kinds and possible


@pytest.mark.slow
@given(data=st.binary())
def test_accepted_bytes_are_described(data: bytes) -> None:
    audio = inspect_or_none(data)
    assert audio is None or is_described(audio)


@pytest.mark.slow
@given(
    name=st.sampled_from([*SOUND, *OTHER]),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)
def test_accepted_forged_header_is_described(name: str, edits: list[tuple[int, int]]) -> None:
    data = bytearray(sample(name))
    for position, value in edits:
        data[position % len(data)] = value
    audio = inspect_or_none(bytes(data))
    assert audio is None or is_described(audio)


ATOMS = b"\0\0\0\x08free" * 200_000
NESTED = b"".join(struct.pack(">I4s", 8 * (5000 - depth), b"moov") for depth in range(5000))


@pytest.mark.parametrize(
    "data",
    [
        id3(b"\0") * 300_000,
        b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 300_000,
        b"\0\0\0\x08ftyp" + ATOMS,
        b"\0\0\0\x08ftyp" + struct.pack(">I4s", len(ATOMS) + 8, b"moov") + ATOMS,
        b"\0\0\0\x08ftyp" + NESTED,
        b"\xff\xfb" * 1_500_000,
        b"\xff\xfb\x90\x64" * 750_000,
        b"\xff\xf1" * 1_500_000,
        b"\xff\xf1\x50\x80" * 750_000,
        b"\xff\xf8\xc4\x08" * 750_000,
        b"\xdf" * 32 + bytes(3_000_000),
        b"\x1a\x45\xdf\xa3\x83\x42\x82\x80" * 400_000,
        sample("opus.ogg")[:47] + b"OggS" * 750_000,
        sample("opus.ogg") + bytes(3_000_000),
        b"\xff\xfb" + bytes(3_000_000),
    ],
    ids=range(15),
)
def test_forged_files_cost_little(data: bytes) -> None:
    file = CountingFile(data)
    with contextlib.suppress(UnsupportedMediaType):
        inspect(file)
    assert file.count < 2_000_000
