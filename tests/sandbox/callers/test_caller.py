"""A caller in a room with an agent of the SDK, without any worker."""

import json
from typing import Any

import pytest
from livekit.agents import Agent, AgentSession, function_tool

from contract.tenant import new_nonce
from project.tokens import caller_token
from sandbox.callers.caller import NothingHeard, call
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from tests.sandbox.agents import GREETING, INSTRUCTIONS, agent_in, chained, realtime

pytestmark = pytest.mark.integration


class Receptionist(Agent):
    """Greets, answers from its instructions, and looks up orders."""

    def __init__(self) -> None:
        super().__init__(instructions=INSTRUCTIONS)

    async def on_enter(self) -> None:
        self.session.generate_reply(instructions=f'Say: "{GREETING}"')

    @function_tool
    async def order_state(self, number: int) -> str:
        """Look up the state of an order by its number."""
        return json.dumps({"state": f"shipped in {number} parcels"})


async def _call(
    project: RunningProject, speech: RunningSpeech, session: AgentSession[Any], *questions: str
) -> Any:
    room = f"acme--{new_nonce()}"
    async with agent_in(project, room, session, Receptionist()):
        token = caller_token(project.credentials, room, "caller")
        return await call(project.url, token, speech=speech, say=questions)


async def test_a_caller_hears_the_greeting_and_the_answer_of_chained_models(
    acme: RunningProject, speech: RunningSpeech
) -> None:
    result = await _call(acme, speech, chained(speech), "What is the state of my order number 12?")
    assert "hello" in result.greeting_text.lower()
    assert "parcels" in result.answer_text
    assert result.first_audio_after > 0
    assert result.answered_after > 0
    assert result.wav[:4] == b"RIFF"


async def test_a_caller_hears_the_greeting_and_the_answer_of_a_realtime_model(
    acme: RunningProject, speech: RunningSpeech
) -> None:
    result = await _call(acme, speech, realtime(speech), "When are you open on Saturday?")
    assert "hello" in result.greeting_text.lower()
    assert "Saturday" in result.answer_text


async def test_a_caller_says_so_when_nobody_answers(
    acme: RunningProject, speech: RunningSpeech
) -> None:
    token = caller_token(acme.credentials, f"acme--{new_nonce()}", "caller")
    with pytest.raises(NothingHeard, match="no agent is in the room"):
        await call(acme.url, token, speech=speech, listen_seconds=1.0)
