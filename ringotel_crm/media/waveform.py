"""A picture of the sound, from the loudest sample in each of its parts.

WAVE with PCM or G.711 is read here; everything else needs PyAV (``pip install ringotel-crm[waveform]``).
"""

from __future__ import annotations

import struct
import time
from array import array
from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import IO

BARS = 240

EXTENSIBLE = 0xFFFE
"""The format tag of WAVE that says that the tag proper stands further behind."""

WINDOW = 2000
"""So many samples of each part of a WAVE file are looked at, so that a long one costs no more than a short one."""

MAX_SECONDS = 20
"""How long a file may take to be decoded."""


def peaks(file: IO[bytes]) -> bytes | None:
    """:data:`BARS` values from 0 to 255, the loudest; ``b""`` for what is broken, None if no decoder is there."""
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
    """A drawing :data:`BARS` wide and 64 high that takes the colour of the text around it."""
    bars = "".join(
        f"M{x}.5 {32 - peak / 8.5:.1f}V{32 + peak / 8.5:.1f}" for x, peak in enumerate(peaks)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {BARS} 64" preserveAspectRatio="none">'
        f'<path d="M0 32H{BARS}{bars}" stroke="#417690" stroke-width=".8" fill="none"/></svg>'
    )


def _g711(byte: int, *, a_law: bool) -> int:
    """The magnitude of a sample (ITU-T G.711), 0 to 255."""
    code = (byte ^ 0x55 if a_law else ~byte) & 0x7F
    exponent, mantissa = code >> 4, code & 0xF
    if a_law:
        value = (
            (mantissa << 4) + 8 if exponent == 0 else ((mantissa << 4) + 0x108) << (exponent - 1)
        )
    else:
        value = (((mantissa << 3) + 0x84) << exponent) - 0x84
    return value >> 7


A_LAW = bytes(_g711(byte, a_law=True) for byte in range(256))
MU_LAW = bytes(_g711(byte, a_law=False) for byte in range(256))


def _loudest_16(data: bytes | bytearray) -> int:
    samples = struct.unpack(f"<{len(data) // 2}h", data[: len(data) // 2 * 2])
    return max(map(abs, samples), default=0)


def _loudest_wide(data: bytes, width: int) -> int:
    """Of samples of more than two bytes, by the two highest of each."""
    highest = bytearray(len(data) // width * 2)
    end = len(data) // width * width
    highest[::2], highest[1::2] = data[width - 2 : end : width], data[width - 1 : end : width]
    return _loudest_16(highest)


# By format tag and bits a sample: how loud some bytes are.
LOUDEST: dict[tuple[int, int], Callable[[bytes], int]] = {
    (1, 8): lambda data: max((abs(byte - 128) for byte in data), default=0),
    (1, 16): _loudest_16,
    (1, 24): lambda data: _loudest_wide(data, 3),
    (1, 32): lambda data: _loudest_wide(data, 4),
    (6, 8): lambda data: max(data.translate(A_LAW), default=0),
    (7, 8): lambda data: max(data.translate(MU_LAW), default=0),
}


def _wave_levels(file: IO[bytes]) -> Sequence[int] | None:
    """One value for each part; None for another kind of file."""
    head = file.read(12)
    loudest = None
    if head[:4] + head[8:] != b"RIFFWAVE":
        return None
    while len(header := file.read(8)) == 8:
        name, length = struct.unpack("<4sI", header)
        begin = file.tell()
        if name == b"fmt ":
            form = file.read(26).ljust(26, b"\0")
            tag, channels, _rate, _byte_rate, _align, bits = struct.unpack_from("<HHIIHH", form)
            if tag == EXTENSIBLE:
                (tag,) = struct.unpack_from("<H", form, 24)
            loudest = LOUDEST.get((tag, bits))
        elif name == b"data":
            rest = file.seek(0, 2) - begin
            if loudest is None:
                return None
            return _sampled(
                file, begin, min(length or rest, rest), max(channels, 1) * bits // 8, loudest
            )
        file.seek(begin + length + length % 2)
    return None


def _sampled(
    file: IO[bytes], begin: int, length: int, frame: int, loudest: Callable[[bytes], int]
) -> Sequence[int]:
    frames = length // frame
    levels = []
    for bar in range(BARS):
        first, end = bar * frames // BARS, (bar + 1) * frames // BARS
        file.seek(begin + first * frame)
        levels.append(loudest(file.read(min(max(end - first, 1), WINDOW) * frame)))
    return levels


def _decoded_levels(file: IO[bytes]) -> Sequence[int] | None:
    """One value for each decoded frame, of some hundredths of a second; none if it cannot be decoded in time."""
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
                    levels.append(
                        min(_loudest_16(bytes(part.planes[0])[: 2 * part.samples]), 0xFFFF)
                    )
                if time.monotonic() > deadline:
                    return ()
    except (av.FFmpegError, IndexError, ValueError):
        return ()
    return levels
