"""The question that the benchmark's callers ask, spoken by the speech endpoint."""

import io
import wave

import numpy as np

from sandbox.speech.client import SpeechClient

RATE = 24_000
_QUESTION = "When does the office open?"


async def spoken_question(speech: SpeechClient) -> np.ndarray:
    """Give the question as mono samples at `RATE`."""
    with wave.open(io.BytesIO(await speech.speak(_QUESTION))) as sound:
        return np.frombuffer(sound.readframes(sound.getnframes()), dtype=np.int16)
