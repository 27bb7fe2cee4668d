"""A call in mid-talk while its worker's own websocket is gone, for a while or for good.

A middleman cuts the worker's way to the server, as a broken proxy or a revoked key would, while the
call's own connection and its media stay: what a call needs is its room, not its worker's websocket.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from contract.exits import ExitCode
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from tests.worker.conversing import QUESTION, answer, calling, hear, settled, talking_worker
from tests.worker.middleman import Middleman, middleman_before
from tests.workers import RunningWorker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]


@asynccontextmanager
async def _worker_behind_a_middleman(
    project: RunningProject, speech: RunningSpeech, folder: Path, name: str
) -> AsyncIterator[tuple[RunningWorker, Middleman]]:
    async with middleman_before(project.url) as middleman:
        there = replace(project.credentials, url=middleman.url)
        starting = talking_worker(there, speech, folder, LIVEKIT_AGENT_NAME=name)
        with ExitStack() as stack:
            # In a thread: the worker's preflight asks through the middleman, in this loop.
            yield await asyncio.to_thread(stack.enter_context, starting), middleman


async def test_a_call_talks_on_while_its_workers_websocket_is_gone_and_after_it_is_back(
    acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    words, room, name = await speech.speak(QUESTION), "acme--cut-off", "cut-off"
    async with _worker_behind_a_middleman(acme, speech, tmp_path, name) as (worker, middleman):
        async with calling(acme, speech, room, name) as caller:
            await hear(caller, speech)
            await middleman.cut_worker(leads_to=None)
            await asyncio.to_thread(worker.wait_for_state, "disconnected")
            await answer(caller, speech, words, "rotterdam")
            status = worker.status()
            assert (status["state"], status["calls"]) == ("disconnected", 1)
            middleman.leads_to = acme.url
            await asyncio.to_thread(worker.wait_for_state, "ready")
            await answer(caller, speech, words, "rotterdam")
        record = await settled(worker, room)
        assert (record["outcome"], record["complete"]) == ("caller-left", True)


async def test_a_call_talks_on_when_the_credentials_are_revoked_and_its_end_is_the_workers(
    acme: RunningProject, globex: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    """From the cut on, the worker's way leads to a server that does not know its key."""
    words, room, name = await speech.speak(QUESTION), "acme--revoked", "revoked"
    async with _worker_behind_a_middleman(acme, speech, tmp_path, name) as (worker, middleman):
        async with calling(acme, speech, room, name) as caller:
            await hear(caller, speech)
            await middleman.cut_worker(leads_to=globex.url)
            await asyncio.to_thread(worker.wait_until, lambda: _revoked(worker), "told of it")
            status = worker.status()
            assert (status["state"], status["calls"]) == ("disconnected", 1)
            assert "the project does not know this API key" in status["reason"]
            await answer(caller, speech, words, "rotterdam")
            assert worker.child.is_running
        assert await asyncio.to_thread(worker.wait, 30) == ExitCode.REFUSED
    assert worker.state()["exit_code"] == ExitCode.REFUSED
    (record,) = worker.usage()
    assert (record["outcome"], record["complete"]) == ("caller-left", True)


def _revoked(worker: RunningWorker) -> bool:
    cause = "the project refuses this worker's credentials: the project does not know this API key"
    told = [record for record in worker.records() if record["message"].startswith(cause)]
    return [record["level"] for record in told] == ["ERROR"]
