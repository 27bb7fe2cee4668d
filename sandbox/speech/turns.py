"""Who speaks when: finds the start and the end of speech in a stream of sound, by its loudness."""

from enum import StrEnum

from sandbox.speech.sound import BYTES_PER_SECOND, loudness, seconds

_FRAME_BYTES = BYTES_PER_SECOND // 50
_FRAME_SECONDS = 0.02
_PADDING_BYTES = BYTES_PER_SECOND * 3 // 10
LOUD = 0.01  # of full scale; a silent line in a call is far below
_STARTS_AFTER = 3  # loud frames in a row


class Turn(StrEnum):
    """What a piece of sound changed."""

    STARTED = "started"
    STOPPED = "stopped"


class SpokenTurns:
    """The sound of the turn in progress, and whether somebody is speaking."""

    def __init__(self, silence_seconds: float = 0.5) -> None:
        self.silence_seconds = silence_seconds
        self.heard_seconds = 0.0
        self._pcm, self._rest = b"", b""
        self._has_speech = self._is_speaking = False
        self._loud = self._quiet = 0

    def push(self, pcm: bytes) -> list[Turn]:
        """Take a piece of sound; tell what started or stopped in it."""
        self._rest += pcm
        changes = []
        while len(self._rest) >= _FRAME_BYTES:
            frame, self._rest = self._rest[:_FRAME_BYTES], self._rest[_FRAME_BYTES:]
            if (change := self._weigh(frame)) is not None:
                changes.append(change)
        return changes

    def take(self) -> bytes:
        """Give the turn's sound, a third of a second before the first word included."""
        pcm = self._pcm + self._rest
        self._pcm, self._rest = b"", b""
        self._has_speech = self._is_speaking = False
        self._loud = self._quiet = 0
        return pcm

    def _weigh(self, frame: bytes) -> Turn | None:
        self.heard_seconds += seconds(frame)
        self._pcm += frame
        is_loud = loudness(frame) > LOUD
        self._loud = self._loud + 1 if is_loud else 0
        self._quiet = 0 if is_loud else self._quiet + 1
        if not self._is_speaking and self._loud >= _STARTS_AFTER:
            self._is_speaking = self._has_speech = True
            return Turn.STARTED
        if self._is_speaking and self._quiet * _FRAME_SECONDS >= self.silence_seconds:
            self._is_speaking = False
            return Turn.STOPPED
        if not self._has_speech:
            self._pcm = self._pcm[-_PADDING_BYTES:]
        return None
