"""How real callers leave a real call: they never come, drop out for good, or come back in time."""

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import pytest

from sandbox.callers.caller import Caller
from sandbox.child import Child, plain_environment, start_child
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from tests.worker.conversing import QUESTION, answer, invite, is_gone, settled, talking_worker
from tests.worker.phone import ANSWERED, KEY, TOKEN
from tests.workers import RunningWorker
from worker.call.hang_up import DROP_SECONDS

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

# The server sees after 10 s that no sound comes any more, or after 21 s that nobody is there.
UNNOTICED_SECONDS = 21


@pytest.fixture(scope="module")
def worker(
    acme: RunningProject, speech: RunningSpeech, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningWorker]:
    """One worker with the built-in agent."""
    with talking_worker(acme.credentials, speech, tmp_path_factory.mktemp("worker")) as running:
        yield running


async def test_a_room_that_the_server_closes_since_nobody_came_ends_as_no_caller(
    acme: RunningProject, worker: RunningWorker
) -> None:
    await invite(acme, "acme--empty", empty_timeout=1)
    record = await settled(worker, "acme--empty")
    assert (record["outcome"], record["complete"]) == ("no-caller", True)
    assert await is_gone(acme, "acme--empty")


async def test_a_killed_caller_has_fifteen_seconds_and_one_who_returns_keeps_the_call(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker, tmp_path: Path
) -> None:
    """Two callers' processes are killed with SIGKILL at once; one of the callers comes back."""
    words, gone, back = await speech.speak(QUESTION), "acme--gone", "acme--back"
    tokens = {room: await invite(acme, room) for room in (gone, back)}
    killed_at = await _kill_callers(acme, speech, tokens, tmp_path)
    dropped_at = await _dropped(worker, back)
    async with Caller(acme.url, tokens[back], speech) as caller:
        while time.time() < dropped_at + DROP_SECONDS:
            await answer(caller, speech, words, "rotterdam")
        await answer(caller, speech, words, "rotterdam")
    assert (await settled(worker, back))["outcome"] == "caller-left"

    record = await settled(worker, gone)
    assert (record["outcome"], record["complete"]) == ("caller-left", True)
    dropped_at, ended_at = await _dropped(worker, gone), _seconds(record["ended_at"])
    assert dropped_at - killed_at < 2 * UNNOTICED_SECONDS
    assert DROP_SECONDS <= ended_at - dropped_at < 2 * DROP_SECONDS
    assert await is_gone(acme, gone)


async def _kill_callers(
    project: RunningProject, speech: RunningSpeech, tokens: dict[str, str], folder: Path
) -> float:
    """Let a caller's own process talk in each room, and kill them all; gives when."""
    children = [
        _start_caller(project, speech, token, folder / f"{room}.log")
        for room, token in tokens.items()
    ]
    try:
        for child in children:
            await asyncio.to_thread(child.wait_until, _is_answered(child), "answered", 60)
        return time.time()
    finally:
        for child in children:
            child.kill()


def _is_answered(child: Child) -> Callable[[], bool]:
    return lambda: ANSWERED in child.log_tail()


def _start_caller(project: RunningProject, speech: RunningSpeech, token: str, log: Path) -> Child:
    return start_child(
        "caller",
        [sys.executable, "-m", "tests.worker.phone", project.url, speech.url, QUESTION],
        log=log,
        environment=plain_environment() | {TOKEN: token, KEY: speech.api_key},
    )


async def _dropped(worker: RunningWorker, room: str) -> float:
    """Wait until the worker has noticed that a room's caller dropped out; gives when."""

    def told() -> list[float]:
        return [
            _seconds(record["time"])
            for record in worker.records()
            if record.get("room") == room and "connection dropped" in record["message"]
        ]

    await asyncio.to_thread(worker.wait_until, lambda: bool(told()), "told of the drop", 60)
    return told()[0]


def _seconds(written: str) -> float:
    return datetime.fromisoformat(written).timestamp()
