"""The private names of the SDK's session that a conversation needs; tests pin each of them."""

import asyncio
from typing import Any, cast

from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.room_io._output import _ParticipantAudioOutput


class _OneAtATime:
    """An audio source that two may feed: a frame pushed beside another is never answered for."""

    def __init__(self, source: rtc.AudioSource) -> None:
        self._source = source
        self._turn = asyncio.Lock()

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        async with self._turn:
            await self._source.capture_frame(frame)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._source, name)


def microphone(session: AgentSession[Any]) -> rtc.AudioSource | None:
    """Give what the agent's track is fed from; None when something else speaks for the agent.

    A prepared sentence goes straight into it, past the queue of speeches, where it would wait
    behind an answer that hangs.
    """
    output = session.output.audio
    while output is not None and output.next_in_chain is not None:
        output = output.next_in_chain
    if not isinstance(output, _ParticipantAudioOutput):
        return None
    if not isinstance(output._audio_source, _OneAtATime):
        output._audio_source = cast(rtc.AudioSource, _OneAtATime(output._audio_source))
    return output._audio_source


def default_to(session: AgentSession[Any], options: SessionConnectOptions) -> None:
    """Give a session of a tenant's own code our way of taking turns and our time limits.

    Only where it chose none: the SDK's default detector loads 244 MiB of weights, and its default
    limits let a caller wait for forty seconds.
    """
    if not session._turn_detection_explicit:
        session.update_options(turn_detection="vad")
    if session._conn_options == SessionConnectOptions():
        session._conn_options = options
