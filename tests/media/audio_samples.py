"""Small real recordings, made with FFmpeg and SoX: a 440 Hz tone of 0.1 s.

Exceptions: 0.4 s in ``adts.aac`` and 1 s in ``gsm.gsm``; and half a second (8 s in ADTS) that
begins with silence, so with fewer bits, in the files whose names state what is special about them.
"""

from __future__ import annotations

import struct
from pathlib import Path

DATA = Path(__file__).parents[1] / "data" / "audio"

# Content type, extension and codec of the samples that are audio.
SOUND = {
    "aac.m4a": ("audio/mp4", ".m4a", "aac"),
    "adpcm.wav": ("audio/wav", ".wav", "adpcm"),
    "adts.aac": ("audio/aac", ".aac", "aac"),
    "aiff.aiff": ("audio/aiff", ".aiff", "pcm"),
    "alaw.wav": ("audio/wav", ".wav", "alaw"),
    "amr.amr": ("audio/amr", ".amr", "amr"),
    "bare.mp3": ("audio/mpeg", ".mp3", "mp3"),
    "flac.flac": ("audio/flac", ".flac", "flac"),
    "flac.ogg": ("audio/ogg", ".ogg", "flac"),
    "fragmented.m4a": ("audio/mp4", ".m4a", "aac"),
    "gsm.gsm": ("audio/x-gsm", ".gsm", "gsm"),
    "gsm.wav": ("audio/wav", ".wav", "gsm"),
    "mulaw.au": ("audio/basic", ".au", "mulaw"),
    "mulaw.wav": ("audio/wav", ".wav", "mulaw"),
    "opus.mka": ("audio/x-matroska", ".mka", "opus"),
    "opus.ogg": ("audio/ogg", ".ogg", "opus"),
    "opus.webm": ("audio/webm", ".webm", "opus"),
    "pcm.wav": ("audio/wav", ".wav", "pcm"),
    "piped.wav": ("audio/wav", ".wav", "pcm"),
    "speex.ogg": ("audio/ogg", ".ogg", "speex"),
    "tagged.mp3": ("audio/mpeg", ".mp3", "mp3"),
    "vbr.aac": ("audio/aac", ".aac", "aac"),
    "vbr.mp3": ("audio/mpeg", ".mp3", "mp3"),
    "vorbis.ogg": ("audio/ogg", ".ogg", "vorbis"),
    "wma.wma": ("audio/x-ms-wma", ".wma", "wma"),
}

# Samples whose headers do not state the duration.
NO_DURATION = {"fragmented.m4a"}

# The samples that are refused, and a word of the reason.
OTHER = {
    "video.mp4": "video",
    "video.webm": "video",
}


def sample(name: str) -> bytes:
    """Return the content of one of the samples above."""
    return (DATA / name).read_bytes()


def wav(*chunks: tuple[bytes, bytes], form: bytes = b"RIFF") -> bytes:
    """Return a WAVE file with these chunks, each a name of four letters and its content."""
    order = ">" if form == b"RIFX" else "<"
    body = b"WAVE"
    for name, data in chunks:
        body += struct.pack(f"{order}4sI", name, len(data)) + data + b"\0" * (len(data) % 2)
    return struct.pack(f"{order}4sI", form, len(body)) + body
