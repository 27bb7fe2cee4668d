"""Turn detection: finds the start and the end of speech in a stream of sound, by its loudness."""

from enum import StrEnum

from sandbox.speech.sound import BYTES_PER_SECOND, LOUD, loudness, seconds

_FRAME_BYTES = BYTES_PER_SECOND // 50
_FRAME_SECONDS = 0.02
_PADDING_BYTES = BYTES_PER_SECOND * 3 // 10
_STARTS_AFTER = 3  # loud frames in a row


class TurnChange(StrEnum):
    """What a piece of sound changed."""

    STARTED = "started"
    STOPPED = "stopped"


class TurnDetector:
    """The sound of the turn in progress, and whether there is speech in it."""

    def __init__(self, silence_seconds: float = 0.5) -> None:
        self.silence_seconds = silence_seconds
        self.received_seconds = 0.0
        self._turn, self._partial_frame = b"", b""
        self._has_speech = self._is_speaking = False
        self._loud_frames = self._quiet_frames = 0

    def push(self, pcm: bytes) -> list[TurnChange]:
        """Take a piece of sound; tell what started or stopped in it."""
        self._partial_frame += pcm
        changes = []
        while len(self._partial_frame) >= _FRAME_BYTES:
            frame = self._partial_frame[:_FRAME_BYTES]
            self._partial_frame = self._partial_frame[_FRAME_BYTES:]
            if (change := self._push_frame(frame)) is not None:
                changes.append(change)
        return changes

    def take(self) -> bytes:
        """Give the turn's sound, from a third of a second before its first word."""
        pcm = self._turn + self._partial_frame
        self._turn, self._partial_frame = b"", b""
        self._has_speech = self._is_speaking = False
        self._loud_frames = self._quiet_frames = 0
        return pcm

    def _push_frame(self, frame: bytes) -> TurnChange | None:
        self.received_seconds += seconds(frame)
        self._turn += frame
        is_loud = loudness(frame) > LOUD
        self._loud_frames = self._loud_frames + 1 if is_loud else 0
        self._quiet_frames = 0 if is_loud else self._quiet_frames + 1
        if not self._is_speaking and self._loud_frames >= _STARTS_AFTER:
            self._is_speaking = self._has_speech = True
            return TurnChange.STARTED
        if self._is_speaking and self._quiet_frames * _FRAME_SECONDS >= self.silence_seconds:
            self._is_speaking = False
            return TurnChange.STOPPED
        if not self._has_speech:
            self._turn = self._turn[-_PADDING_BYTES:]
        return None
