"""A caller that costs little: it measures the agent's first sound, and can keep talking."""

import asyncio
import time
from dataclasses import dataclass, field

import numpy as np
from livekit import rtc

from bench.load.question import RATE
from bench.workers.worker import MeasuredWorker
from contract.tenant import call_room, new_nonce
from project.connection import Project
from project.dispatches import create_dispatch
from project.participants import agents_in
from project.rooms import create_room, delete_room
from project.tokens import caller_token

_SOUND = 500  # of 32767: above any codec's noise, below any voice
# A caller that has heard nothing by then hangs up, and counts as having waited that long.
PATIENCE_SECONDS = 15.0
_FRAME_SAMPLES = RATE // 50
_POLL_SECONDS = 0.25


@dataclass
class BenchCaller:
    """One call in progress; `first_audio_after` in seconds since the dispatch was asked for."""

    room_name: str
    room: rtc.Room
    first_sound: asyncio.Event = field(default_factory=asyncio.Event)
    first_audio_after: float | None = None
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    @property
    def was_answered(self) -> bool:
        """Tell whether the agent was heard."""
        return self.first_audio_after is not None

    @property
    def waited_seconds(self) -> float:
        """Give the seconds until the first sound, or the caller's patience where there was none."""
        return PATIENCE_SECONDS if self.first_audio_after is None else self.first_audio_after

    async def call(self, project: Project, worker: MeasuredWorker) -> None:
        """Join a new room, dispatch the agent, and wait for its first sound."""
        await create_room(project, self.room_name)
        self.room.on("track_subscribed", self._start_listening)
        token = caller_token(project.credentials, self.room_name, "caller")
        await self.room.connect(project.credentials.ws_url, token)
        self._dispatched_at = time.monotonic()
        await create_dispatch(project, self.room_name, worker.agent_name, "")
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await self.first_sound.wait()
        except TimeoutError:
            self.first_audio_after = None

    async def talk(self, pcm: np.ndarray, pause_seconds: float) -> None:
        """Say the same again and again, with pauses for the answers."""
        source = rtc.AudioSource(RATE, 1)
        track = rtc.LocalAudioTrack.create_audio_track("voice", source)
        options = rtc.TrackPublishOptions(source=rtc.TrackSource.SOURCE_MICROPHONE)
        await self.room.local_participant.publish_track(track, options)
        pause = np.zeros(int(RATE * pause_seconds), dtype=np.int16)
        loop = np.concatenate([pcm, pause])
        self._tasks.append(asyncio.create_task(_speak(source, loop), name="bench voice"))

    async def hang_up(self, project: Project) -> None:
        """Leave, and delete the room."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.room.disconnect()
        await delete_room(project, self.room_name)

    def _start_listening(self, track: rtc.Track, *_: object) -> None:
        if track.kind == rtc.TrackKind.KIND_AUDIO:
            self._tasks.append(
                asyncio.create_task(self._wait_for_sound(track), name="bench listener")
            )

    async def _wait_for_sound(self, track: rtc.Track) -> None:
        stream = rtc.AudioStream(track, sample_rate=16_000, num_channels=1)
        try:
            async for event in stream:
                if np.abs(np.frombuffer(event.frame.data, dtype=np.int16)).max() > _SOUND:
                    self.first_audio_after = time.monotonic() - self._dispatched_at
                    self.first_sound.set()
                    return
        finally:
            await stream.aclose()

    _dispatched_at: float = 0.0


def new_caller(worker: MeasuredWorker) -> BenchCaller:
    """Make a caller for a new room that the worker serves."""
    return BenchCaller(call_room(worker.room_prefix, new_nonce()), rtc.Room())


async def start_calls(project: Project, worker: MeasuredWorker, number: int) -> list[BenchCaller]:
    """Make that many calls at once, and wait until each is answered or its caller gives up."""
    callers = [new_caller(worker) for _ in range(number)]
    await asyncio.gather(*(caller.call(project, worker) for caller in callers))
    return callers


async def end_calls(project: Project, callers: list[BenchCaller]) -> None:
    """End the calls, all at once."""
    await asyncio.gather(*(caller.hang_up(project) for caller in callers))


async def send_dispatch(project: Project, worker: MeasuredWorker) -> str:
    """Make a room with a dispatch for the worker's agent, and give the room's name."""
    room = call_room(worker.room_prefix, new_nonce())
    await create_room(project, room, agent_name=worker.agent_name)
    return room


async def count_joined_rooms(project: Project, rooms: list[str], patience_seconds: float) -> int:
    """Count the rooms that an agent joined within the patience."""
    empty_rooms = set(rooms)
    deadline = time.monotonic() + patience_seconds
    while empty_rooms and time.monotonic() < deadline:
        for room in tuple(empty_rooms):
            if await agents_in(project, room):
                empty_rooms.discard(room)
        await asyncio.sleep(_POLL_SECONDS)  # a silent agent shows only in the server's answer
    return len(rooms) - len(empty_rooms)


async def _speak(source: rtc.AudioSource, loop: np.ndarray) -> None:
    while True:
        for start in range(0, len(loop) - _FRAME_SAMPLES, _FRAME_SAMPLES):
            samples = loop[start : start + _FRAME_SAMPLES]
            await source.capture_frame(rtc.AudioFrame(samples.tobytes(), RATE, 1, _FRAME_SAMPLES))
