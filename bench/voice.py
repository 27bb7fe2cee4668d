"""What the bench's callers say, spoken by the speech endpoint itself."""

import io
import wave

import numpy as np

from sandbox.speech.client import SpeechClient

RATE = 24_000
_QUESTION = "When does the office open?"


async def question(speech: SpeechClient) -> np.ndarray:
    """Give a spoken question as mono samples at `RATE`."""
    with wave.open(io.BytesIO(await speech.speak(_QUESTION))) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
