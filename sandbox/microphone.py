"""A caller's end of a LiveKit room: a microphone that is never quite off, and a recording."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine

from livekit import rtc

from sandbox.speech.sound import RATE, from_wav, loudness, resample, seconds
from sandbox.speech.turns import LOUD

_MICROPHONE_RATE = 48_000
_FRAME_SAMPLES = _MICROPHONE_RATE // 50
_FRAME_BYTES = _FRAME_SAMPLES * 2
_ONSET_SECONDS = 0.03
_POLL_SECONDS = 0.02


class Recording:
    """What the agent's tracks brought, and when it was loud; times are time.monotonic()."""

    def __init__(self) -> None:
        self.pcm = bytearray()
        self.loud_until: float | None = None
        self.onset_at: float | None = None
        self._onset_position = 0
        self._loud_seconds = 0.0

    def push(self, pcm: bytes, now: float) -> None:
        """Take a piece of sound that has just come."""
        self.pcm += pcm
        if loudness(pcm) < LOUD:
            self._loud_seconds = 0.0
            return
        self.loud_until = now
        self._loud_seconds += seconds(pcm)
        if self.onset_at is None and self._loud_seconds >= _ONSET_SECONDS:
            self.onset_at = now - self._loud_seconds
            lead = int((self._loud_seconds + 0.2) * RATE) * 2
            self._onset_position = max(0, len(self.pcm) - lead)

    def is_quiet_since(self, quiet_seconds: float) -> bool:
        """Tell whether nothing loud has come for so long."""
        return self.loud_until is not None and time.monotonic() - self.loud_until > quiet_seconds

    def take_utterance(self) -> bytes:
        """Give the sound since the onset, and wait for the next one."""
        pcm, self.onset_at = bytes(self.pcm[self._onset_position :]), None
        return pcm


class Microphone:
    """One connection to a room, as a caller."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.ended = asyncio.Event()
        self._room = rtc.Room()
        self._source = rtc.AudioSource(_MICROPHONE_RATE, 1, queue_size_ms=100)
        self._to_say: deque[bytes] = deque()
        self._silence = bytes(_FRAME_BYTES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._room.on("track_subscribed", self._start_recording)
        self._room.on("disconnected", lambda _: self.ended.set())

    @property
    def agent(self) -> rtc.RemoteParticipant | None:
        """The agent in the room, if one is there."""
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        people = self._room.remote_participants.values()
        return next((person for person in people if person.kind == kind), None)

    @property
    def agent_state(self) -> str | None:
        """What the agent's session says that it does: listening, thinking, speaking."""
        agent = self.agent
        return agent.attributes.get("lk.agent.state") if agent is not None else None

    async def connect(self, url: str, token: str) -> None:
        """Join the room and turn the microphone on."""
        await self._room.connect(url, token)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self._room.local_participant.publish_track(track, options)
        self._own(self._feed(), "microphone")

    async def play(self, wav: bytes) -> float:
        """Say a sound file; give the moment at which its last sample left."""
        pcm, rate = from_wav(wav)
        sound = resample(pcm, rate, _MICROPHONE_RATE)
        for start in range(0, len(sound), _FRAME_BYTES):
            self._to_say.append(sound[start : start + _FRAME_BYTES].ljust(_FRAME_BYTES, b"\0"))
        while self._to_say:
            await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() + self._source.queued_duration

    async def wait_until(self, is_true: Callable[[], bool], patience_seconds: float) -> bool:
        """Wait for something heard, or the end of the call; tell whether it came true in time."""
        deadline = time.monotonic() + patience_seconds
        while not is_true():
            if self.ended.is_set() or time.monotonic() > deadline:
                return False
            await asyncio.sleep(_POLL_SECONDS)
        return True

    async def hang_up(self) -> None:
        """Leave the room."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._room.disconnect()
        await self._source.aclose()

    async def _feed(self) -> None:
        while True:
            data = self._to_say.popleft() if self._to_say else self._silence
            frame = rtc.AudioFrame(data, _MICROPHONE_RATE, 1, _FRAME_SAMPLES)
            await self._source.capture_frame(frame)  # waits while a tenth of a second is queued

    def _start_recording(
        self,
        track: rtc.Track,
        _publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._own(self._record(track), f"recording of {participant.identity}")

    async def _record(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream.from_track(track=track, sample_rate=RATE, num_channels=1)
        with contextlib.suppress(asyncio.CancelledError):
            async for event in stream:
                self.recording.push(bytes(event.frame.data), time.monotonic())
        await stream.aclose()

    def _own(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
