"""A generated recording."""

from __future__ import annotations

import functools
import io
import math
import random
import wave
from array import array

# Hz, as on a telephone line.
SAMPLE_RATE = 8000
# Hz, a pentatonic scale.
_NOTES = (262, 294, 330, 392, 440, 523)
_NOTE_SECONDS = 0.25


@functools.lru_cache(maxsize=16)
def sample_wav(seconds: float = 2.0, *, seed: int = 0) -> bytes:
    """Return a WAV file (PCM, 8 kHz, 16 bit, mono). The same arguments give the same melody."""
    rng = random.Random(seed)
    samples = array("h")
    while len(samples) < seconds * SAMPLE_RATE:
        samples.extend(_note(rng.choice(_NOTES)))
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setnchannels(1)
        wav.setsampwidth(2)
        wav.setframerate(SAMPLE_RATE)
        wav.writeframes(samples[: int(seconds * SAMPLE_RATE)].tobytes())
    return file.getvalue()


@functools.cache
def _note(frequency: int) -> array[int]:
    """Return the samples of a note, which fades in and out: an abrupt end clicks."""
    length = int(SAMPLE_RATE * _NOTE_SECONDS)
    step = 2 * math.pi * frequency / SAMPLE_RATE
    return array(
        "h",
        (int(12000 * math.sin(math.pi * i / length) * math.sin(step * i)) for i in range(length)),
    )
