from __future__ import annotations

import contextlib
import io
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ringotel_crm.exceptions import UnsupportedMediaType
from ringotel_crm.media.audio import MAX_DURATION, Audio, inspect
from tests.media.audio_samples import NO_DURATION, OTHER, SOUND, sample, wav

PCM_8_KHZ = struct.pack("<HHIIHH", 1, 1, 8000, 16000, 2, 16)
MULAW_IN_EXTENSIBLE = struct.pack(
    "<HHIIHHHHI16s", 0xFFFE, 1, 8000, 8000, 1, 8, 22, 8, 4, b"\x07\0" + b"\0" * 14
)


class CountingFile(io.BytesIO):
    """How much of it was read."""

    count = 0

    def read(self, size: int | None = -1) -> bytes:
        data = super().read(size)
        self.count += len(data)
        return data


def id3(length: int, flags: int = 0) -> bytes:
    """A tag of so many NULs, and the footer if the flags say so."""
    digits = bytes(length >> shift & 0x7F for shift in (21, 14, 7, 0))
    footer = b"3DI\4\0" if flags & 0x10 else b""
    return (
        b"ID3\4\0"
        + bytes([flags])
        + digits
        + bytes(length)
        + footer.ljust(10 * bool(footer), b"\0")
    )


@pytest.mark.parametrize("name", SOUND)
def test_each_kind_is_known_by_its_bytes(name: str) -> None:
    file = io.BytesIO(sample(name))
    file.seek(5)
    audio = inspect(file)
    assert (audio.content_type, audio.extension, audio.codec) == SOUND[name]
    assert (audio.duration is None) == (name in NO_DURATION)
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("name", "tolerance"),
    [
        *(
            (name, 0.001)
            for name in (
                "alaw.wav",
                "amr.amr",
                "flac.flac",
                "mulaw.wav",
                "pcm.wav",
                "piped.wav",
                "vorbis.ogg",
            )
        ),
        # Blocks of 20 to 40 ms, and what a codec needs to get going.
        *((name, 0.04) for name in ("gsm.wav", "opus.ogg", "opus.webm")),
        *((name, 0.2) for name in ("aac.m4a", "bare.mp3", "tagged.mp3")),
    ],
)
def test_duration(name: str, tolerance: float) -> None:
    assert inspect(io.BytesIO(sample(name))).duration == pytest.approx(0.1, abs=tolerance)


@pytest.mark.parametrize(
    ("name", "seconds"), [("adpcm.wav", 0.51), ("vbr.aac", 8.1), ("vbr.mp3", 0.57)]
)
def test_duration_of_what_does_not_tell_it(name: str, seconds: float) -> None:
    """Guessed from the first bit rate, or as its writer says, they would be much longer or shorter."""
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
        (b"%PDF-1.7\n", "PDF"),
        (b"MZ\x90\0", "program"),
        (b"\x7fELF\2", "program"),
        (b"\x89PNG\r\n\x1a\n", "picture"),
        (b"\n <!DOCTYPE html><audio src='x.wav'>", "HTML"),
        (b'{"error": "gone"}', "JSON"),
        (b"Not Found", "text"),
        (b"\0" * 1000, "unknown"),
        (id3(10) + b"PK\3\4", "ZIP"),
        (b"RIFF\x24\0\0\0AVI LIST", "RIFF file that is not WAVE"),
        (b"OggS" + b"\0" * 24 + b"\x80theora", "video"),
        (b"OggS" + b"\0" * 24 + b"Speex   ", "Ogg file without"),
        (wav((b"fmt ", PCM_8_KHZ)), "ends before its sound"),
        (wav((b"fmt ", PCM_8_KHZ), (b"data", b"")), "no sound"),
        (wav((b"data", b"\0" * 99)), "ends before its sound"),
        (wav((b"fmt ", b"\1\0"), (b"data", b"\0" * 99)), "damaged"),
        (sample("flac.flac")[:42], "ends before its sound"),
        (sample("opus.ogg")[:100], "ends before its sound"),
        (sample("vorbis.ogg")[:100], "ends before its sound"),
        (sample("aac.m4a")[:300], "damaged"),
        (sample("opus.webm")[:100], "damaged|no sound"),
        (b"#!AMR\n", "no sound"),
        (b"\xff\xfb\x90\x64" + b"\0" * 99, "damaged"),
        (b"\xff\xf1" * 999, "damaged"),
        (b"\0" * 9 + sample("bare.mp3"), "unknown"),
        (b"\xff\xe0" + sample("bare.mp3"), "damaged"),
        (b"\xff\xfe" + "Grüße".encode("utf-16-le"), "damaged"),
        (b"\0\0\0\x10ftypM4A \0\0\0\0", "damaged"),
        (b"\0\0\0\x10ftypM4A \0\0\0\0\0\0\0\x08moov", "no sound"),
    ],
)
def test_everything_else_is_refused_with_the_reason(data: bytes, reason: str) -> None:
    file = io.BytesIO(data)
    with pytest.raises(UnsupportedMediaType, match=reason) as refusal:
        inspect(file)
    assert refusal.value.fields == {"recording": [refusal.value.message]}
    assert file.tell() == 0


@pytest.mark.parametrize(
    ("data", "codec", "duration"),
    [
        (wav((b"LIST", b"odd"), (b"fmt ", PCM_8_KHZ), (b"data", bytes(8000))), "pcm", 0.5),
        (wav((b"fmt ", MULAW_IN_EXTENSIBLE), (b"data", bytes(8000))), "mulaw", 1.0),
        (wav((b"fmt ", b"\x83\0" + PCM_8_KHZ[2:]), (b"data", bytes(8000))), "wave-0x0083", 0.5),
        (
            wav(
                (b"fmt ", b"\x55\0" + PCM_8_KHZ[2:8] + bytes(4) + PCM_8_KHZ[12:]),
                (b"data", bytes(99)),
            ),
            "mp3",
            None,
        ),
        # A recorder that was killed, one that wrote to a pipe, and a file that was cut off.
        (wav((b"fmt ", PCM_8_KHZ), (b"data", b"")) + bytes(8000), "pcm", 0.5),
        (wav((b"fmt ", PCM_8_KHZ))[:36] + b"data\xff\xff\xff\xff" + bytes(8000), "pcm", 0.5),
        (wav((b"fmt ", PCM_8_KHZ), (b"data", bytes(16000)))[:-8000], "pcm", 0.5),
        # More than a week is a lie.
        (
            wav((b"fmt ", PCM_8_KHZ[:8] + b"\1\0\0\0" + PCM_8_KHZ[12:]), (b"data", bytes(700_000))),
            "pcm",
            None,
        ),
    ],
)
def test_wave_files_as_they_come(data: bytes, codec: str, duration: float | None) -> None:
    assert inspect(io.BytesIO(data)) == Audio(
        content_type="audio/wav", extension=".wav", codec=codec, duration=duration
    )


@pytest.mark.parametrize("name", ["bare.mp3", "flac.flac", "adts.aac"])
@pytest.mark.parametrize(
    "tags",
    [id3(3_000_000), id3(0), id3(20, flags=0x10), id3(99) * 3],
    ids=["long", "empty", "footer", "three"],
)
def test_tags_in_front_change_nothing(name: str, tags: bytes) -> None:
    assert inspect(io.BytesIO(tags + sample(name))) == inspect(io.BytesIO(sample(name)))


def test_live_webm_without_lengths() -> None:
    """As browsers record it: the segment has no length, and there is no duration."""
    data = sample("opus.webm")
    segment = data.index(b"\x18\x53\x80\x67") + 4
    live = (
        data[:segment]
        + b"\x01"
        + b"\xff" * 7
        + data[segment + 8 :].replace(b"\x44\x89", b"\x44\x90", 1)
    )
    assert inspect(io.BytesIO(live)) == Audio(
        content_type="audio/webm", extension=".webm", codec="opus", duration=None
    )


def settle(data: bytes) -> Audio | None:
    """What ``inspect`` says; every other error is a failure."""
    try:
        return inspect(io.BytesIO(data))
    except UnsupportedMediaType:
        return None


@pytest.mark.parametrize("name", [*SOUND, *OTHER])
def test_no_cut_makes_another_error(name: str) -> None:
    data = sample(name)
    assert all(settle(data[:length]) is None for length in range(7))
    for length in range(7, len(data)):
        audio = settle(data[:length])
        assert audio is None or (name in SOUND and audio.content_type == SOUND[name][0])


def is_described(audio: Audio) -> bool:
    """Return whether content type and extension match, and the duration is possible."""
    kinds = {(content_type, extension) for content_type, extension, _codec in SOUND.values()}
    kinds |= {("audio/mpeg", ".mp1"), ("audio/mpeg", ".mp2"), ("audio/amr-wb", ".awb")}
    possible = audio.duration is None or 0 < audio.duration <= MAX_DURATION
    return (audio.content_type, audio.extension) in kinds and possible


@given(data=st.binary())
def test_accepted_bytes_are_described(data: bytes) -> None:
    audio = settle(data)
    assert audio is None or is_described(audio)


@given(
    name=st.sampled_from([*SOUND, *OTHER]),
    edits=st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=6),
)
def test_accepted_forged_header_is_described(name: str, edits: list[tuple[int, int]]) -> None:
    data = bytearray(sample(name))
    for position, value in edits:
        data[position % len(data)] = value
    audio = settle(bytes(data))
    assert audio is None or is_described(audio)


ATOMS = b"\0\0\0\x08free" * 200_000
NESTED = b"".join(struct.pack(">I4s", 8 * (5000 - depth), b"moov") for depth in range(5000))


@pytest.mark.parametrize(
    "data",
    [
        id3(1) * 300_000,
        b"RIFF\xff\xff\xff\xffWAVE" + b"LIST\0\0\0\0" * 300_000,
        b"\0\0\0\x08ftyp" + ATOMS,
        b"\0\0\0\x08ftyp" + struct.pack(">I4s", len(ATOMS) + 8, b"moov") + ATOMS,
        b"\0\0\0\x08ftyp" + NESTED,
        b"\xff\xfb" * 1_500_000,
        b"\xff\xf1" * 1_500_000,
        b"\x1a\x45\xdf\xa3\x83\x42\x82\x80" * 400_000,
        sample("opus.ogg")[:47] + b"OggS" * 750_000,
        sample("opus.ogg") + bytes(3_000_000),
        b"\xff\xfb" + bytes(3_000_000),
    ],
    ids=range(11),
)
def test_forged_files_cost_little(data: bytes) -> None:
    file = CountingFile(data)
    with contextlib.suppress(UnsupportedMediaType):
        inspect(file)
    assert file.count < 1_000_000
