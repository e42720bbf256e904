"""Small real recordings made by ffmpeg and sox: 440 Hz for a tenth of a second (four tenths in ADTS), or what its name
says for half a second (eight in ADTS): without a header that tells its length, silent at first and so of fewer bits."""

from __future__ import annotations

import struct
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "audio"

SOUND = {
    "aac.m4a": ("audio/mp4", ".m4a", "aac"),
    "adpcm.wav": ("audio/wav", ".wav", "adpcm"),
    "adts.aac": ("audio/aac", ".aac", "aac"),
    "alaw.wav": ("audio/wav", ".wav", "alaw"),
    "amr.amr": ("audio/amr", ".amr", "amr"),
    "bare.mp3": ("audio/mpeg", ".mp3", "mp3"),
    "flac.flac": ("audio/flac", ".flac", "flac"),
    "fragmented.m4a": ("audio/mp4", ".m4a", "aac"),
    "gsm.wav": ("audio/wav", ".wav", "gsm"),
    "mulaw.wav": ("audio/wav", ".wav", "mulaw"),
    "opus.ogg": ("audio/ogg", ".ogg", "opus"),
    "opus.webm": ("audio/webm", ".webm", "opus"),
    "pcm.wav": ("audio/wav", ".wav", "pcm"),
    "piped.wav": ("audio/wav", ".wav", "pcm"),
    "tagged.mp3": ("audio/mpeg", ".mp3", "mp3"),
    "vbr.aac": ("audio/aac", ".aac", "aac"),
    "vbr.mp3": ("audio/mpeg", ".mp3", "mp3"),
    "vorbis.ogg": ("audio/ogg", ".ogg", "vorbis"),
}
"""The samples that are audio: content type, extension, codec."""

NO_DURATION = {"fragmented.m4a"}
"""Those that do not say how long they are."""

OTHER = {
    "opus.mka": "Matroska",
    "video.mp4": "video",
    "video.webm": "video",
}
"""The samples that are refused, and a word that says why."""


def sample(name: str) -> bytes:
    """The bytes of one of the samples above."""
    return (DATA / name).read_bytes()


def wav(*chunks: tuple[bytes, bytes]) -> bytes:
    """A WAVE file of these chunks, each a name of four letters and its body."""
    body = b"WAVE" + b"".join(
        struct.pack("<4sI", name, len(data)) + data + b"\0" * (len(data) % 2)
        for name, data in chunks
    )
    return struct.pack("<4sI", b"RIFF", len(body)) + body
