"""The recording of a call: the sound of the agent's tracks, and when it was loud."""

import time

from sandbox.speech.sound import LOUD, RATE, loudness, seconds

_ONSET_SECONDS = 0.03
_LEAD_SECONDS = 0.2  # of sound before the onset: a word may begin softly


class Recording:
    """All that the agent's tracks brought (`pcm`); moments are time.monotonic()."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.loud_until: float | None = None
        self.onset_at: float | None = None
        self._onset_position = 0
        self._loud_seconds = 0.0

    def push(self, pcm: bytes, now: float) -> None:
        """Add a piece of sound that has just arrived."""
        self.pcm += pcm
        if loudness(pcm) < LOUD:
            self._loud_seconds = 0.0
            return
        self.loud_until = now
        self._loud_seconds += seconds(pcm)
        if self.onset_at is None and self._loud_seconds >= _ONSET_SECONDS:
            self.onset_at = now - self._loud_seconds
            lead_bytes = int((self._loud_seconds + _LEAD_SECONDS) * RATE) * 2
            self._onset_position = max(0, len(self.pcm) - lead_bytes)

    def is_quiet_since(self, quiet_seconds: float) -> bool:
        """Tell whether nothing loud has arrived for that long."""
        return self.loud_until is not None and time.monotonic() - self.loud_until > quiet_seconds

    def take_utterance(self) -> bytes:
        """Give the sound since the onset, and wait for the next onset."""
        pcm, self.onset_at = bytes(self.pcm[self._onset_position :]), None
        return pcm
