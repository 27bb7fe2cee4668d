"""An agent in a room without any worker: the SDK's own session."""

import contextlib
from collections.abc import AsyncIterator
from typing import Any

from livekit import api, rtc
from livekit.agents import Agent, AgentSession, inference
from livekit.agents.utils import http_context
from livekit.plugins import openai

from sandbox.servers import RunningProject
from sandbox.speech.client import SpeechClient

GREETING = "Hello, this is Acme."
INSTRUCTIONS = (
    "You are the assistant of Acme. We are open from nine to five on Saturdays. "
    "Parking is free behind the building."
)


@contextlib.asynccontextmanager
async def agent_in(
    project: RunningProject, room: str, session: AgentSession[Any], agent: Agent
) -> AsyncIterator[AgentSession[Any]]:
    """Have an agent's session in a room, as a worker's job would."""
    token = (
        api.AccessToken(
            project.credentials.api_key, project.credentials.api_secret.get_secret_value()
        )
        .with_identity("agent-test")
        .with_kind("agent")
        .with_grants(api.VideoGrants(room_join=True, room=room, agent=True))
        .to_jwt()
    )
    connection = rtc.Room()
    async with http_context.open():
        await connection.connect(project.url, token)
        await session.start(agent, room=connection, record=False)
        try:
            yield session
        finally:
            await session.aclose()
            await connection.disconnect()


def chained(speech: SpeechClient) -> AgentSession[Any]:
    """Make a session of separate models."""
    access: dict[str, Any] = {"base_url": speech.url, "api_key": speech.api_key}
    return AgentSession(
        stt=openai.STT(model="gpt-4o-mini-transcribe", **access),
        llm=openai.LLM(model="gpt-4.1", **access),
        tts=openai.TTS(model="gpt-4o-mini-tts", **access),
        vad=inference.VAD(model="silero"),
        turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
    )


def realtime(speech: SpeechClient, **options: Any) -> AgentSession[Any]:
    """Make a session of one realtime model."""
    model = openai.realtime.RealtimeModel(base_url=speech.url, api_key=speech.api_key, **options)
    return AgentSession(llm=model)
