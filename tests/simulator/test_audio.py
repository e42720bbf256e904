from __future__ import annotations

import io
import wave

from ringotel_crm.simulator.audio import sample_wav


def test_melody_is_a_wav_of_this_length_that_can_be_heard() -> None:
    with wave.open(io.BytesIO(sample_wav(1.3))) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (8000, 1, 2)
        assert wav.getnframes() == 10400
        samples = memoryview(wav.readframes(wav.getnframes())).cast("h")
    assert 8000 < max(samples) < 2**15 - 1


def test_melody_is_the_same_for_the_same_seed() -> None:
    assert sample_wav(1, seed=1) == sample_wav(1, seed=1) != sample_wav(1, seed=2)
