"""A tenant's own modules are found by its code, whatever they are called."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest

from contract.programs import ROOT
from sandbox.child import plain_environment
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from tests.livekit_tenant.programs import write
from tests.worker.conversing import calling, overhear, settled, talking_worker
from tests.workers import variables_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

SENTENCE = "Apples and pears, lemons and oranges, strawberries."
AGENT = """
import logging
import os
import threading
import time

from livekit.agents import Agent, AgentSession, JobContext
from livekit.plugins import openai

import contract
from livekit_tenant import Start
from project.prompts import INSTRUCTIONS

if os.environ.get("WITH_A_THREAD"):
    threading.Thread(target=time.sleep, args=(600,), name="of-the-tenant", daemon=True).start()


async def answer(ctx: JobContext, start: Start) -> None:
    import project.late
    from bootstrap import late

    session = AgentSession(
        stt=openai.STT(use_realtime=False), llm=openai.LLM(), tts=openai.TTS(response_format="pcm")
    )
    await start(session, Agent(instructions=INSTRUCTIONS))
    sentence = " ".join([contract.FIRST, project.late.SECOND, late.THIRD])
    logging.getLogger(__name__).info(sentence)
    session.say(sentence)
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """What a tenant mounts: its code, in modules that are called as our packages are."""
    folder = tmp_path / "agent"
    folder.mkdir()
    write(
        folder,
        worker=AGENT,
        contract="FIRST = 'Apples and pears,'\n",
        project__prompts="INSTRUCTIONS = 'You sell fruit.'\n",
        project__late="SECOND = 'lemons and oranges,'\n",
        project____init__="",
        bootstrap__late="THIRD = 'strawberries.'\n",  # a folder without __init__.py
    )
    return folder


@pytest.mark.parametrize(
    ("more", "forked"),
    [({}, True), ({"WITH_A_THREAD": "1"}, False)],
    ids=["in a forked process", "in a fresh process"],
)
async def test_they_are_found_at_import_and_later_in_a_call(
    acme: RunningProject,
    speech: RunningSpeech,
    folder: Path,
    tmp_path: Path,
    more: dict[str, str],
    forked: bool,
) -> None:
    own = {"AGENT": "worker:answer", "AGENT_CONFIG": "", "PYTHONPATH": str(folder)}
    with talking_worker(acme.credentials, speech, tmp_path, {}, **own, **more) as worker:
        slower = any("threads are running already" in text for text in worker.messages())
        assert slower is not forked
        async with calling(acme, speech, "acme--own") as caller:
            # On a busy machine a fresh process takes its time, and sound has gaps: not each word
            # is understood.
            await asyncio.to_thread(
                worker.wait_until, lambda: SENTENCE in worker.messages(), "speaking", 120
            )
            _, sound = await overhear(caller)
        record = await settled(worker, "acme--own")
    assert sound
    assert (record["outcome"], record["complete"]) == ("caller-left", True)


def test_the_check_finds_them_too(acme: RunningProject, folder: Path, tmp_path: Path) -> None:
    values = variables_for(acme.credentials, tmp_path, AGENT="worker:answer")
    ran = subprocess.run(
        [sys.executable, "-m", "bootstrap", "check"],
        cwd=folder,  # where Python looks first
        env=plain_environment() | values | {"PYTHONPATH": f"{folder}:{ROOT}"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
