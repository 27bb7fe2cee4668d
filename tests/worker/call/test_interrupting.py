"""A caller who speaks into a long answer: AGENT_CONFIG says whether the agent stops for it."""

import asyncio
import json
from pathlib import Path

import pytest

from sandbox.callers.caller import Caller
from sandbox.callers.recording import Recording
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from tests.worker.conversing import hear, invite, settled, talking_worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

ANSWER = (
    "The menu has tomato soup, green salad, fried fish, roast chicken, white rice, "
    "black beans, apple pie, lemon cake, strong coffee, and at the very end pancakes."
)
QUESTION = "What is on the menu?"
INTERRUPTION = "Please stop, I have heard enough already."
FIRST, LAST = "tomato", "pancakes"


async def test_a_caller_stops_a_long_answer_only_where_the_agents_configuration_lets_him(
    acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    """Two calls at once, alike but for what their dispatches say of `caller_may_interrupt`."""
    with talking_worker(acme.credentials, speech, tmp_path, {"instructions": ANSWER}) as worker:
        interrupted, told_to_the_end = await asyncio.gather(
            _answer_talked_into(acme, speech, "acme--may", may_interrupt=True),
            _answer_talked_into(acme, speech, "acme--may-not", may_interrupt=False),
        )
        for room in ("acme--may", "acme--may-not"):
            assert (await settled(worker, room))["outcome"] == "caller-left"
    assert FIRST in interrupted
    assert LAST not in interrupted
    assert FIRST in told_to_the_end
    assert LAST in told_to_the_end


async def _answer_talked_into(
    project: RunningProject, speech: RunningSpeech, room: str, may_interrupt: bool
) -> str:
    """Ask, speak when the answer is under way, and give what was to be heard of the answer."""
    question, words = await speech.speak(QUESTION), await speech.speak(INTERRUPTION)
    said = json.dumps({"session": {"caller_may_interrupt": may_interrupt}})
    token = await invite(project, room, metadata=said)
    async with Caller(project.url, token, speech) as caller:
        await hear(caller, speech)
        await caller.connection.play(question)
        assert await caller.connection.wait_until(
            lambda: _is_under_way(caller.connection.recording), 30
        )
        await caller.connection.play(words)
        return (await hear(caller, speech))[1]


def _is_under_way(answer: Recording) -> bool:
    began, ended = answer.onset_at, answer.loud_until
    return began is not None and ended is not None and ended - began > 2.0
