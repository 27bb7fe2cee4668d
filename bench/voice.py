"""What the bench's callers say, spoken by the speech endpoint itself."""

import httpx
import numpy as np

from sandbox.speech import RunningSpeech

_SPOKEN_RATE = 24_000
_RATE = 48_000
_QUESTION = "When does the office open?"


def question(speech: RunningSpeech) -> np.ndarray:
    """Give a spoken question as 48 kHz mono samples."""
    reply = httpx.post(
        f"{speech.url}/audio/speech",
        headers={"Authorization": f"Bearer {speech.api_key}"},
        json={"model": "tts-1", "voice": "alloy", "input": _QUESTION, "response_format": "pcm"},
        timeout=30,
    )
    reply.raise_for_status()
    samples = np.frombuffer(reply.content, dtype=np.int16)
    return np.repeat(samples, _RATE // _SPOKEN_RATE)
