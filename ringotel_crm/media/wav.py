"""Headers of WAVE files: RIFF, RIFX (big-endian), RF64 and BW64."""

from __future__ import annotations

import os
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO

FORMS = (b"RIFF", b"RIFX", b"RF64", b"BW64")
# Chunks read before the data.
MAX_CHUNKS = 10_000

# Format tags (RFC 2361). EXTENSIBLE: the tag is in the subformat.
PCM, FLOAT = 0x0001, 0x0003
A_LAW, MU_LAW = 0x0006, 0x0007
MS_ADPCM, IMA_ADPCM, GSM = 0x0002, 0x0011, 0x0031
MP3 = 0x0055
EXTENSIBLE = 0xFFFE

CODECS = {
    PCM: "pcm",
    FLOAT: "float",
    A_LAW: "alaw",
    MU_LAW: "mulaw",
    MS_ADPCM: "adpcm",
    IMA_ADPCM: "adpcm",
    GSM: "gsm",
    MP3: "mp3",
}
# Samples per channel in a block, by its size in bytes and the number of channels.
BLOCK_SAMPLES: dict[int, Callable[[int, int], float]] = {
    MS_ADPCM: lambda size, channels: (size - 7 * channels) * 2 // channels + 2,
    IMA_ADPCM: lambda size, channels: (size - 4 * channels) * 2 // channels + 1,
    GSM: lambda size, channels: size * 320 / 65,
}


class MissingChunk(ValueError):
    """A WAVE file without a format or without data."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wave:
    """The format of a WAVE file, and the position of its samples: ``length`` bytes from ``start``.

    ``rate`` is in samples per second, ``byte_rate`` in bytes per second, ``block_size`` in bytes.
    """

    tag: int
    channels: int
    rate: int
    byte_rate: int
    block_size: int
    bits: int
    start: int
    length: int
    is_big_endian: bool

    @property
    def codec(self) -> str:
        """The name of the codec, such as ``"pcm"``."""
        return CODECS.get(self.tag, f"wave-{self.tag:#06x}")

    @property
    def frame_size(self) -> int:
        """Bytes of one sample of all channels, 0 if the codec works on longer blocks.

        As in FFmpeg, the block size is used only if the number of bits or channels is missing.
        """
        if self.tag in (A_LAW, MU_LAW):
            return self.channels or self.block_size
        if self.tag not in (PCM, FLOAT):
            return 0
        is_padded = self.bits == 24 and self.block_size == 4 * self.channels
        width = 4 if is_padded else (self.bits + 7) // 8
        return self.channels * width or self.block_size

    @property
    def duration(self) -> float | None:
        """Seconds, by block size and sample rate: many writers get the byte rate wrong."""
        size, samples = self.frame_size, 1.0
        if self.tag in BLOCK_SAMPLES:
            size = self.block_size
            samples = BLOCK_SAMPLES[self.tag](size, max(self.channels, 1))
        if self.rate and size > 0 and samples > 0:
            return self.length / size * samples / self.rate
        return self.length / self.byte_rate if self.byte_rate else None


def is_wave(head: bytes) -> bool:
    """Check the first 12 bytes of a file."""
    return head[:4] in FORMS and head[8:12] == b"WAVE"


def read_wave(file: IO[bytes], start: int = 0) -> Wave:
    """Return the format of the WAVE file that begins at ``start``.

    Raises ``MissingChunk``, and ``struct.error`` for a chunk that is too short.
    """
    end = file.seek(0, os.SEEK_END)
    file.seek(start)
    order = ">" if file.read(4) == b"RIFX" else "<"
    chunks = _find_chunks(file, start + 12, end, order)
    if missing := {b"fmt ", b"data"} - chunks.keys():
        raise MissingChunk(missing)
    offset, length = chunks[b"fmt "]
    file.seek(offset)
    form = file.read(min(length, 26))
    # PCMWAVEFORMAT has 16 bytes, its predecessor 14; the subformat is at byte 24.
    values = struct.unpack_from(f"{order}HHIIH", form)
    bits, subformat = struct.unpack_from(f"{order}H8xH", form.ljust(26, b"\0"), 14)
    return Wave(
        tag=subformat if values[0] == EXTENSIBLE else values[0],
        channels=values[1],
        rate=values[2],
        byte_rate=values[3],
        block_size=values[4],
        bits=bits,
        start=chunks[b"data"][0],
        length=chunks[b"data"][1],
        is_big_endian=order == ">",
    )


def _find_chunks(
    file: IO[bytes], offset: int, end: int, order: str
) -> dict[bytes, tuple[int, int]]:
    """Return position and length of the chunks up to the format and the data, by name."""
    chunks: dict[bytes, tuple[int, int]] = {}
    for _number in range(MAX_CHUNKS):
        file.seek(offset)
        header = file.read(8)
        if len(header) < 8 or chunks.keys() >= {b"fmt ", b"data"}:
            break
        name, length = struct.unpack(f"{order}4sI", header)
        offset += 8
        if name == b"data":
            if length == 0xFFFFFFFF and b"ds64" in chunks:
                file.seek(chunks[b"ds64"][0] + 8)
                (length,) = struct.unpack(f"{order}Q", file.read(8))
            # Recorders that write to a pipe, or were stopped, leave no length or a wrong one.
            length = min(length or end, end - offset)
        chunks.setdefault(name, (offset, length))
        offset += length + length % 2
    return chunks
