"""A caller's connection to a LiveKit room: its microphone, and the recording of what it hears."""

import asyncio
import contextlib
import time
from collections import deque
from collections.abc import Callable, Coroutine

from livekit import rtc

from sandbox.callers.recording import Recording
from sandbox.speech.sound import RATE, from_wav, resample

_MICROPHONE_RATE = 48_000
_FRAME_SAMPLES = _MICROPHONE_RATE // 50
_FRAME_BYTES = _FRAME_SAMPLES * 2
_POLL_SECONDS = 0.02


class RoomConnection:
    """One participant in a room, whose microphone sends silence while there is nothing to say."""

    def __init__(self) -> None:
        self.recording = Recording()
        self.ended = asyncio.Event()
        self._room = rtc.Room()
        self._source = rtc.AudioSource(_MICROPHONE_RATE, 1, queue_size_ms=100)
        self._frames: deque[bytes] = deque()
        self._silence = bytes(_FRAME_BYTES)
        self._tasks: set[asyncio.Task[None]] = set()
        self._room.on("track_subscribed", self._start_recording)
        self._room.on("disconnected", lambda _: self.ended.set())

    @property
    def agent(self) -> rtc.RemoteParticipant | None:
        """The agent in the room, if one is there."""
        kind = rtc.ParticipantKind.PARTICIPANT_KIND_AGENT
        participants = self._room.remote_participants.values()
        return next((agent for agent in participants if agent.kind == kind), None)

    @property
    def agent_state(self) -> str | None:
        """The state that the agent's session shows: listening, thinking, speaking."""
        agent = self.agent
        return agent.attributes.get("lk.agent.state") if agent is not None else None

    async def connect(self, url: str, token: str) -> None:
        """Join the room and publish the microphone."""
        await self._room.connect(url, token)
        track = rtc.LocalAudioTrack.create_audio_track("microphone", self._source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self._room.local_participant.publish_track(track, options)
        self._start_task(self._send_frames(), "microphone")

    async def play(self, wav: bytes) -> float:
        """Send a wav file as the microphone's sound; give the moment of its last sample."""
        pcm, rate = from_wav(wav)
        sound = resample(pcm, rate, _MICROPHONE_RATE)
        for start in range(0, len(sound), _FRAME_BYTES):
            self._frames.append(sound[start : start + _FRAME_BYTES].ljust(_FRAME_BYTES, b"\0"))
        while self._frames:
            await asyncio.sleep(_POLL_SECONDS)
        return time.monotonic() + self._source.queued_duration

    async def wait_until(self, is_true: Callable[[], bool], patience_seconds: float) -> bool:
        """Wait until a condition holds or the call ends; tell whether it held in time."""
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

    async def _send_frames(self) -> None:
        while True:
            samples = self._frames.popleft() if self._frames else self._silence
            frame = rtc.AudioFrame(samples, _MICROPHONE_RATE, 1, _FRAME_SAMPLES)
            await self._source.capture_frame(frame)  # waits while a tenth of a second is queued

    def _start_recording(
        self,
        track: rtc.Track,
        _publication: rtc.RemoteTrackPublication,
        participant: rtc.RemoteParticipant,
    ) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._start_task(self._record(track), f"recording of {participant.identity}")

    async def _record(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream.from_track(track=track, sample_rate=RATE, num_channels=1)
        with contextlib.suppress(asyncio.CancelledError):
            async for event in stream:
                self.recording.push(bytes(event.frame.data), time.monotonic())
        await stream.aclose()

    def _start_task(self, work: Coroutine[None, None, None], name: str) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
