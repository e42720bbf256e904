"""Waveforms of recordings: the peak level of each of ``BARS`` segments.

WAVE with PCM or G.711 is read here; other formats need PyAV
(``pip install ringotel-crm[waveform]``).
"""

from __future__ import annotations

import struct
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import IO

from . import audio, wav

BARS = 240
# Samples read of each segment of a WAVE file, so that the time does not depend on its length.
WINDOW = 2000
# Seconds after which decoding is given up.
MAX_SECONDS = 20


def peaks(file: IO[bytes]) -> bytes | None:
    """Return ``BARS`` levels from 0 to 255, the loudest.

    Returns ``b""`` if the file cannot be decoded, None if no decoder is installed.
    """
    levels = _wave_levels(file)
    if levels is None:
        file.seek(0)
        levels = _decoded_levels(file)
    if levels is None:
        return None
    count = len(levels)
    if not count:
        return b""
    edges = [bar * count // BARS for bar in range(BARS + 1)]
    bars = [max(levels[first : max(end, first + 1)]) for first, end in pairwise(edges)]
    loudest = max(bars) or 1
    return bytes(255 * bar // loudest for bar in bars)


def svg(peaks: bytes) -> str:
    """Return a drawing of ``peaks``, ``BARS`` wide and 64 high; a flat line if they are empty."""
    bars = "".join(
        f"M{x}.5 {32 - peak / 8.5:.1f}V{32 + peak / 8.5:.1f}" for x, peak in enumerate(peaks)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {BARS} 64" '
        'preserveAspectRatio="none">'
        f'<path d="M0 32H{BARS}{bars}" stroke="#417690" stroke-width=".8" fill="none"/></svg>'
    )


def _g711_level(byte: int, *, a_law: bool) -> int:
    """Return the magnitude of an encoded sample (ITU-T G.711), from 0 to 255."""
    code = (byte ^ 0x55 if a_law else ~byte) & 0x7F
    exponent, mantissa = code >> 4, code & 0xF
    if not a_law:
        value = (((mantissa << 3) + 0x84) << exponent) - 0x84
    elif exponent:
        value = ((mantissa << 4) + 0x108) << (exponent - 1)
    else:
        value = (mantissa << 4) + 8
    return value >> 7


A_LAW = bytes(_g711_level(byte, a_law=True) for byte in range(256))
MU_LAW = bytes(_g711_level(byte, a_law=False) for byte in range(256))


def _peak_16(data: bytes | bytearray) -> int:
    samples = struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2])
    return max(map(abs, samples), default=0)


def _peak_wide(data: bytes, width: int) -> int:
    """Return the peak of samples of more than two bytes, by the two highest bytes of each."""
    highest = bytearray(len(data) // width * 2)
    end = len(data) // width * width
    highest[::2], highest[1::2] = data[width - 2 : end : width], data[width - 1 : end : width]
    return _peak_16(highest)


# The peak level of some bytes, by format tag and bits per sample.
PEAKS: dict[tuple[int, int], Callable[[bytes], int]] = {
    (wav.PCM, 8): lambda data: max((abs(byte - 128) for byte in data), default=0),
    (wav.PCM, 16): _peak_16,
    (wav.PCM, 24): lambda data: _peak_wide(data, 3),
    (wav.PCM, 32): lambda data: _peak_wide(data, 4),
    (wav.A_LAW, 8): lambda data: max(data.translate(A_LAW), default=0),
    (wav.MU_LAW, 8): lambda data: max(data.translate(MU_LAW), default=0),
}


def _wave_levels(file: IO[bytes]) -> Sequence[int] | None:
    """Return one level per segment; None for other formats than those in ``PEAKS``."""
    start = audio.after_id3(file)
    file.seek(start)
    if not wav.is_wave(file.read(12)):
        return None
    try:
        wave = wav.read_wave(file, start)
    except (wav.MissingChunk, struct.error):
        return None
    frame = wave.frame_size
    width = 8 * frame // max(wave.channels, 1)
    peak = PEAKS.get((wave.tag, width))
    if peak is None or wave.is_big_endian:
        return None
    frames, levels = wave.length // frame, []
    for bar in range(BARS):
        first, end = bar * frames // BARS, (bar + 1) * frames // BARS
        file.seek(wave.start + first * frame)
        levels.append(peak(file.read(min(max(end - first, 1), WINDOW) * frame)))
    return levels


def _decoded_levels(file: IO[bytes]) -> Sequence[int] | None:
    """Return one level per decoded frame; none if decoding fails or takes too long."""
    try:
        import av
    except ImportError:
        return None
    deadline = time.monotonic() + MAX_SECONDS
    levels = array("H")
    try:
        with av.open(file, "r") as container:
            resampler = av.AudioResampler("s16", "mono", 8000)
            for frame in container.decode(audio=0):
                for part in resampler.resample(frame):
                    samples = bytes(part.planes[0])[: 2 * part.samples]
                    levels.append(min(_peak_16(samples), 0xFFFF))
                if time.monotonic() > deadline:
                    return ()
    except (av.FFmpegError, IndexError, ValueError):
        return ()
    return levels
