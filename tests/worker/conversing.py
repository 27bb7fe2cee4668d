"""Whole calls for tests: a worker with the built-in agent, a caller, and what was said."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import yaml

from project.connection import Project
from project.credentials import Credentials
from project.rooms import EMPTY_TIMEOUT_SECONDS, create_room, room_exists
from project.tokens import caller_token
from sandbox.callers.caller import Caller
from sandbox.servers import RunningProject
from sandbox.speech.process import RunningSpeech
from sandbox.speech.sound import to_wav
from tests.workers import RunningWorker, running_worker
from worker.agent.announcements import Announcement

INSTRUCTIONS = "You answer callers. The warehouse is in Rotterdam. The office opens at nine."
QUESTION = "Where is the warehouse?"
CALLER = "alice"


def talking_worker(
    credentials: Credentials,
    speech: RunningSpeech,
    folder: Path,
    config: dict[str, Any] | None = None,
    **changed: str,
) -> AbstractContextManager[RunningWorker]:
    """Have a ready worker whose agent talks, with `config` over a greeting and instructions."""
    agent = {"instructions": INSTRUCTIONS, "greeting": "Welcome to the warehouse."} | (config or {})
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "agent.yaml"
    path.write_text(yaml.safe_dump(agent))
    values = {
        "OPENAI_API_KEY": speech.api_key,
        "OPENAI_BASE_URL": speech.url,
        "AGENT": "",
        "AGENT_CONFIG": str(path),
    }
    return running_worker(credentials, folder, **(values | changed))


def wait_for_phrases(worker: RunningWorker) -> None:
    """Wait until the sentences that need no provider are rendered."""
    cache = worker.folder / "state" / "announcements"
    worker.wait_until(
        lambda: len(list(cache.glob("*.pcm"))) == len(Announcement), "announcements are rendered"
    )


async def invite(
    project: RunningProject,
    room: str,
    agent_name: str = "acme-agent",
    empty_timeout: int = EMPTY_TIMEOUT_SECONDS,
    metadata: str = "",
) -> str:
    """Make a room with its dispatch; give the caller's token."""
    async with Project(project.credentials) as connection:
        await create_room(
            connection,
            room,
            agent_name=agent_name,
            empty_timeout=empty_timeout,
            metadata=metadata,
        )
    return caller_token(project.credentials, room, CALLER)


@asynccontextmanager
async def calling(
    project: RunningProject, speech: RunningSpeech, room: str, agent_name: str = "acme-agent"
) -> AsyncIterator[Caller]:
    """Have a caller on the line of a room of its own."""
    token = await invite(project, room, agent_name)
    async with Caller(project.url, token, speech) as caller:
        yield caller


async def overhear(caller: Caller) -> tuple[float, bytes]:
    """Listen to what comes next; gives when it began, and its sound."""
    recording = caller.connection.recording
    assert await caller.connection.wait_until(lambda: recording.onset_at is not None, 30), (
        "nothing came"
    )
    await caller.connection.wait_until(lambda: recording.is_quiet_since(1.2), 30)
    assert recording.onset_at is not None
    began = recording.onset_at
    return began, recording.take_utterance()


async def hear(caller: Caller, speech: RunningSpeech, since: float = 0.0) -> tuple[float, str]:
    """Listen to what comes next; gives how long after `since` it began, and its words."""
    began, sound = await overhear(caller)
    text = await speech.transcribe(to_wav(sound))
    return began - since, text.lower()


async def ask(caller: Caller, speech: RunningSpeech, words: bytes) -> tuple[float, str]:
    """Say something and listen to what comes after it."""
    return await hear(caller, speech, await caller.connection.play(words))


async def answer(caller: Caller, speech: RunningSpeech, words: bytes, expected: str) -> None:
    """Ask until the end of the answer; on a slow machine "one moment" may come before it."""
    await caller.connection.play(words)
    heard: list[str] = []
    while not heard or expected not in heard[-1]:
        heard.append((await hear(caller, speech))[1].replace("7", "seven"))
        assert len(heard) < 6, heard


async def hear_goodbye(caller: Caller, speech: RunningSpeech) -> None:
    """Listen until the agent says goodbye."""
    while "goodbye" not in (await hear(caller, speech))[1].replace("good bye", "goodbye"):
        pass


async def settled(worker: RunningWorker, room: str, seconds: float = 30.0) -> dict[str, Any]:
    """Wait for the one usage record of a room."""

    def found() -> list[dict[str, Any]]:
        return [record for record in worker.usage() if record["room"] == room]

    await asyncio.to_thread(
        worker.wait_until, lambda: bool(found()), f"a record of {room}", seconds
    )
    (record,) = found()
    return record


async def is_gone(project: RunningProject, room: str) -> bool:
    """Tell whether a room is no more."""
    async with Project(project.credentials) as link:
        return not await room_exists(link, room)
