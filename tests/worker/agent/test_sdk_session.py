"""The private names of the SDK's session that a conversation uses are there, and hold."""

import asyncio
import inspect
from typing import Any, cast

import pytest
from livekit import rtc
from livekit.agents import AgentSession
from livekit.agents.voice.agent_session import SessionConnectOptions
from livekit.agents.voice.room_io._output import _ParticipantAudioOutput

from worker.agent import sdk_session

pytestmark = pytest.mark.private_names


class Source:
    """Stands for an audio source: notes whether two frames are ever under way at once."""

    def __init__(self) -> None:
        self.under_way = self.most_at_once = 0

    async def capture_frame(self, _frame: Any) -> None:
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await asyncio.sleep(0)
        self.under_way -= 1


def test_a_session_keeps_its_turn_taking_and_its_limits_where_we_look() -> None:
    written = inspect.getsource(AgentSession)
    assert "self._turn_detection_explicit = " in written
    assert "self._conn_options = " in written
    assert callable(AgentSession.update_options)


def test_the_agents_track_is_fed_from_where_we_look() -> None:
    assert "self._audio_source = " in inspect.getsource(_ParticipantAudioOutput)


async def test_a_tenants_own_session_takes_turns_by_voice_and_has_our_limits() -> None:
    session: AgentSession[None] = AgentSession()
    ours = SessionConnectOptions(max_unrecoverable_errors=1)
    sdk_session.default_to(session, ours)
    assert session.conn_options == ours
    assert session.turn_detection == "vad"


async def test_two_who_feed_one_track_take_turns() -> None:
    source = Source()
    one_at_a_time = sdk_session._OneAtATime(cast(rtc.AudioSource, source))
    frame = cast(rtc.AudioFrame, None)
    await asyncio.gather(*(one_at_a_time.capture_frame(frame) for _ in range(5)))
    assert source.most_at_once == 1
