from __future__ import annotations

import io
import wave

from ringotel_crm.simulator.audio import sample_wav


def test_sample_is_an_audible_wav_of_the_given_length() -> None:
    with wave.open(io.BytesIO(sample_wav(1.3))) as wav:
        assert (wav.getframerate(), wav.getnchannels(), wav.getsampwidth()) == (8000, 1, 2)
        assert wav.getnframes() == 10400
        samples = memoryview(wav.readframes(wav.getnframes())).cast("h")
    assert 8000 < max(samples) < 2**15 - 1


def test_sample_depends_on_the_seed_only() -> None:
    assert sample_wav(1, seed=1) == sample_wav(1, seed=1) != sample_wav(1, seed=2)
