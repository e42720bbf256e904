from __future__ import annotations

import io
import math
import struct
import sys
import xml.etree.ElementTree as ET

import pytest
from django.test import Client

from ringotel_crm.media import waveform
from ringotel_crm.media.waveform import BARS, peaks, svg
from ringotel_crm.models import Recording
from tests.media.audio_samples import SOUND, sample, wav

RATE = 8000
# A second of silence, a loud one, and one half as loud.
LEVELS = [0.0] * RATE + [0.9] * RATE + [0.45] * RATE
TONE = [level * math.sin(2 * math.pi * 440 * n / RATE) for n, level in enumerate(LEVELS)]


def mu_law(value: float) -> int:
    magnitude = round(127 * math.log1p(255 * abs(value)) / math.log1p(255))
    return ~((0x80 if value < 0 else 0) | magnitude) & 0xFF


def a_law(value: float) -> int:
    x = 87.6 * abs(value)
    magnitude = round(127 * (x if x < 1 else 1 + math.log(x)) / (1 + math.log(87.6)))
    return ((0x80 if value >= 0 else 0) | magnitude) ^ 0x55


ENCODED = {
    "16 bits": (1, 16, struct.pack(f"<{len(TONE)}h", *(round(32767 * value) for value in TONE))),
    "24 bits": (
        1,
        24,
        b"".join(round(8388607 * value).to_bytes(3, "little", signed=True) for value in TONE),
    ),
    "32 bits": (
        1,
        32,
        struct.pack(f"<{len(TONE)}i", *(round(2147483647 * value) for value in TONE)),
    ),
    "8 bits": (1, 8, bytes(round(127 * value) + 128 for value in TONE)),
    "A-law": (6, 8, bytes(map(a_law, TONE))),
    "mu-law": (7, 8, bytes(map(mu_law, TONE))),
}


@pytest.mark.parametrize("name", ENCODED)
@pytest.mark.parametrize("channels", [1, 2])
@pytest.mark.parametrize("extensible", [False, True])
def test_wave_levels_are_measured(
    name: str, channels: int, extensible: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    tag, bits, data = ENCODED[name]
    width = bits // 8
    data = b"".join(data[at : at + width] * channels for at in range(0, len(data), width))
    fmt = struct.pack(
        "<HHIIHH", tag, channels, RATE, RATE * channels * width, channels * width, bits
    )
    if extensible:
        fmt = b"\xfe\xff" + fmt[2:] + struct.pack("<HHIH14x", 22, bits, 0, tag)
    found = peaks(io.BytesIO(wav((b"fmt ", fmt), (b"LIST", b"odd"), (b"data", data))))
    assert found is not None
    assert len(found) == BARS
    third = BARS // 3
    assert max(found[:third]) <= 8
    assert min(found[third : 2 * third]) >= 240
    # Real G.711 encoders approximate the curve of those above by segments.
    assert all(abs(bar - 127) < 20 for bar in found[2 * third :])


@pytest.mark.parametrize("name", SOUND)
def test_each_format_is_decoded_by_pyav(name: str) -> None:
    pytest.importorskip("av")
    found = peaks(io.BytesIO(sample(name)))
    assert found is not None
    assert len(found) == BARS
    assert max(found) == 255


@pytest.mark.parametrize("name", SOUND)
def test_only_wave_is_read_without_pyav(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "av", None)
    found = peaks(io.BytesIO(sample(name)))
    content_type, _extension, codec = SOUND[name]
    is_read = content_type == "audio/wav" and codec in ("pcm", "alaw", "mulaw")
    assert (found is not None) == is_read


@pytest.mark.parametrize("name", SOUND)
def test_damaged_files_raise_nothing(name: str) -> None:
    for data in (
        sample(name)[: len(sample(name)) // 2],
        sample(name)[:60] + bytes(500),
        sample(name)[:30],
    ):
        assert peaks(io.BytesIO(data)) is None or len(peaks(io.BytesIO(data)) or b"") in (0, BARS)


def test_slow_decoding_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("av")
    monkeypatch.setattr(waveform, "MAX_SECONDS", -1)
    assert peaks(io.BytesIO(sample("opus.ogg"))) == b""


def test_short_files_have_all_bars() -> None:
    fmt = sample("pcm.wav")[20:36]
    for samples in (0, 1, 7):
        found = peaks(io.BytesIO(wav((b"fmt ", fmt), (b"data", b"\0\1" * samples))))
        assert found is not None
        assert len(found) == BARS


@pytest.mark.parametrize("data", [b"", bytes(BARS), bytes(range(BARS))])
def test_svg_has_one_line_per_bar(data: bytes) -> None:
    drawing = ET.fromstring(svg(data))
    assert drawing.get("viewBox") == f"0 0 {BARS} 64"
    path = drawing[0].get("d") or ""
    assert path.count("M") == 1 + len(data)


@pytest.mark.django_db
def test_waveform_is_made_once(
    recording_id: int, listener: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = f"/ringotel/recordings/{recording_id}/waveform.svg"
    first = listener.get(url)
    assert first["Content-Type"] == "image/svg+xml"
    assert first["X-Content-Type-Options"] == "nosniff"
    stored = Recording.objects.get().peaks
    assert stored is not None
    assert len(stored) == BARS
    monkeypatch.setattr(waveform, "peaks", None)
    assert listener.get(url).content == first.content
