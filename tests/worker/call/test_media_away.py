"""A call whose media is away for a while, or for good, with its worker's connection or without.

The worker is behind a router that swallows packets; its caller stays with the server.
"""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from project.connection import Project
from project.dispatches import create_dispatch
from project.participants import Participant, agents_in
from sandbox.callers.caller import Caller
from sandbox.speech.process import RunningSpeech
from tests.worker.conversing import INSTRUCTIONS, QUESTION, answer, calling, hear, settled
from tests.worker.relay import relayed
from tests.worker.routed import Route, RoutedProject, laid_route
from tests.workers import RunningWorker, launch_worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

# A server misses an agent after 10 s without media and has it out of the room after 20 s.
AWAY_SECONDS = 6
NAME = "routed"


@dataclass(frozen=True)
class Far:
    """A ready worker on the far side of a router, and its project on the near one."""

    route: Route
    project: RoutedProject
    worker: RunningWorker

    async def agent(self, room: str) -> Participant:
        """Find the one agent of a room."""
        async with Project(self.project.credentials) as link:
            (agent,) = await agents_in(link, room)
        return agent


@asynccontextmanager
async def _far_worker(speech: RunningSpeech, folder: Path) -> AsyncIterator[Far]:
    with laid_route() as route:
        project = RoutedProject("routed", folder, route)
        try:
            async with relayed(route.here, urlsplit(speech.url).port or 0) as provider:
                worker = _launch(project, route, f"http://{provider}/v1", speech, folder)
                try:
                    await _until_ready(worker)
                    yield Far(route, project, worker)
                finally:
                    worker.child.kill()
        finally:
            project.kill()


def _launch(
    project: RoutedProject, route: Route, provider: str, speech: RunningSpeech, folder: Path
) -> RunningWorker:
    agent = folder / "agent.yaml"
    told = {"instructions": INSTRUCTIONS, "greeting": "Welcome to the warehouse."}
    agent.write_text(json.dumps(told))  # JSON is YAML
    return launch_worker(
        replace(project.credentials, url=project.far_url),
        folder / "worker",
        prefix=("ip", "netns", "exec", route.namespace),
        OPENAI_API_KEY=speech.api_key,
        OPENAI_BASE_URL=provider,
        AGENT="",
        AGENT_CONFIG=str(agent),
        LIVEKIT_AGENT_NAME=NAME,
    )


async def _until_ready(worker: RunningWorker) -> None:
    async with asyncio.timeout(60):
        while worker.state().get("state") != "ready":
            assert worker.child.is_running, worker.child.log_tail()
            await asyncio.sleep(0.05)


async def _ask_in_vain(caller: Caller, words: bytes) -> None:
    """Ask while media is away: nothing of it is heard, and nothing comes."""
    away_until = time.monotonic() + AWAY_SECONDS
    await caller.connection.play(words)
    await asyncio.sleep(away_until - time.monotonic())
    assert caller.connection.recording.onset_at is None


async def test_a_call_talks_on_after_its_media_was_away_for_some_seconds(
    speech: RunningSpeech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, room = await speech.speak(QUESTION), "acme--away"
    async with _far_worker(speech, tmp_path) as far:
        async with calling(far.project, speech, room, NAME) as caller:
            await hear(caller, speech)
            await answer(caller, speech, words, "rotterdam")
            before = await far.agent(room), far.worker.call_pids()
            answered = []
            for swallow in (_media_of(far), far.route.swallow_everything):
                swallow()
                await _ask_in_vain(caller, words)
                far.route.pass_on()
                back_at = time.monotonic()
                await answer(caller, speech, words, "rotterdam")
                answered.append(time.monotonic() - back_at)
            after = await far.agent(room), far.worker.call_pids()
        record = await settled(far.worker, room)
    # The same session of the same participant: it never left.
    assert (before[0].sid, before[1]) == (after[0].sid, after[1])
    assert (record["outcome"], record["complete"]) == ("caller-left", True)
    assert {model["kind"] for model in record["models"]} == {"stt", "llm", "tts"}
    with capsys.disabled():
        print(
            f"\n  media away {AWAY_SECONDS} s: asked and answered within {answered[0]:.1f} s"
            f" of its return; with signalling away too, {answered[1]:.1f} s"
        )


async def test_an_agent_whose_network_was_away_so_long_that_it_left_comes_back_and_talks_on(
    speech: RunningSpeech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, room = await speech.speak(QUESTION), "acme--left"
    async with _far_worker(speech, tmp_path) as far:
        async with calling(far.project, speech, room, NAME) as caller:
            await hear(caller, speech)
            before, processes = await far.agent(room), far.worker.call_pids()
            away_at = time.monotonic()
            far.route.swallow_everything()
            assert await caller.connection.wait_until(lambda: caller.connection.agent is None, 60)
            left = time.monotonic() - away_at
            far.route.pass_on()
            back_at = time.monotonic()
            assert await caller.connection.wait_until(lambda: _is_heard(caller), 90)
            back = time.monotonic() - back_at
            await _is_answered_again(caller, speech, words)
            after = await far.agent(room)
            assert (after.identity, far.worker.call_pids()) == (before.identity, processes)
            assert after.sid != before.sid
        record = await settled(far.worker, room)
    assert (record["outcome"], record["complete"]) == ("caller-left", True)
    with capsys.disabled():
        print(
            f"\n  network away: the agent is out of its room after {left:.1f} s,"
            f" and in it again {back:.1f} s after the return"
        )


async def test_a_call_whose_media_stays_away_fails_and_its_caller_may_be_sent_another_agent(
    speech: RunningSpeech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words, room = await speech.speak(QUESTION), "acme--mute"
    async with _far_worker(speech, tmp_path) as far:
        async with calling(far.project, speech, room, NAME) as caller:
            await hear(caller, speech)
            await answer(caller, speech, words, "rotterdam")
            away_at = time.monotonic()
            _media_of(far)()
            record = await settled(far.worker, room, 90)
            ended = time.monotonic() - away_at
            assert (record["outcome"], record["complete"]) == ("failed", True)
            assert {model["kind"] for model in record["models"]} == {"stt", "llm", "tts"}
            assert far.worker.state()["state"] == "ready"
            far.route.pass_on()
            async with Project(far.project.credentials) as link:
                await create_dispatch(link, room, NAME, "")
            await hear(caller, speech)
            await answer(caller, speech, words, "rotterdam")
    with capsys.disabled():
        print(f"\n  media away for good: the call is over after {ended:.1f} s")


async def test_a_call_whose_network_stays_away_ends_by_itself_and_leaves_its_place_free(
    speech: RunningSpeech, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    room = "acme--gone"
    async with _far_worker(speech, tmp_path) as far:
        async with calling(far.project, speech, room, NAME) as caller:
            await hear(caller, speech)
            away_at = time.monotonic()
            far.route.swallow_everything()
            record = await settled(far.worker, room, 150)
            ended = time.monotonic() - away_at
        assert (record["outcome"], record["complete"]) == ("failed", True)
        assert far.worker.call_pids() == []
        far.route.pass_on()
        await _until_ready(far.worker)
    with capsys.disabled():
        print(f"\n  network away for good: the call is over after {ended:.1f} s")


def _media_of(far: Far) -> Callable[[], None]:
    return partial(far.route.swallow_media, far.project.ports.tcp)


def _is_heard(caller: Caller) -> bool:
    agent = caller.connection.agent
    return agent is not None and any(one.track for one in agent.track_publications.values())


async def _is_answered_again(caller: Caller, speech: RunningSpeech, words: bytes) -> None:
    """Ask, as often as callers do whose first words fell into the gap."""
    recording = caller.connection.recording
    for _ in range(3):
        await caller.connection.play(words)
        while await caller.connection.wait_until(lambda: recording.onset_at is not None, 10):
            if "rotterdam" in (await hear(caller, speech))[1]:
                return
    pytest.fail("the agent that came back does not answer")
