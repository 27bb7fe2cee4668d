"""Rooms with dispatches for tests: made many at once, watched, and removed again."""

import asyncio
import contextlib
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterable, Iterator
from pathlib import Path

from project.connection import Project
from project.credentials import Credentials
from project.participants import Participant, agents_in
from project.rooms import create_room, delete_room
from sandbox.child import Child, plain_environment, start_child
from tests.workers import RunningWorker

_ROOT = Path(__file__).parent.parent.parent
_POLL_SECONDS = 0.1


@contextlib.asynccontextmanager
async def rooms_of(
    credentials: Credentials, names: Iterable[str], agent_name: str = "acme-agent"
) -> AsyncIterator[Project]:
    """Make rooms, each with a dispatch in the same request, all at once; remove them at the end."""
    names = list(names)
    async with Project(credentials, timeout_seconds=30) as project:
        try:
            await asyncio.gather(
                *(create_room(project, name, agent_name=agent_name) for name in names)
            )
            yield project
        finally:
            await asyncio.gather(*(delete_room(project, name) for name in names))


async def until_answered(count: int, worker: RunningWorker, seconds: float = 60.0) -> list[str]:
    """Wait until a worker has answered so many offers; give the answers."""
    deadline = time.monotonic() + seconds
    while len(answers := [offer["answer"] for offer in worker.status()["offers"]]) < count:
        assert time.monotonic() < deadline, f"{len(answers)} answered instead of {count}"
        await asyncio.sleep(_POLL_SECONDS)
    return answers


async def until_offered(room: str, worker: RunningWorker, seconds: float = 60.0) -> str:
    """Wait until a worker has answered the offer for a room; give the answer."""
    deadline = time.monotonic() + seconds
    while True:
        for offer in worker.status()["offers"]:
            if offer["room"] == room:
                return str(offer["answer"])
        assert time.monotonic() < deadline, f"{room} was never offered"
        await asyncio.sleep(_POLL_SECONDS)


async def until_calls_are(count: int, worker: RunningWorker, seconds: float = 60.0) -> None:
    """Wait until a worker serves so many calls."""
    deadline = time.monotonic() + seconds
    while (calls := worker.status()["calls"]) != count:
        assert time.monotonic() < deadline, f"{calls} calls instead of {count}"
        await asyncio.sleep(_POLL_SECONDS)


async def until_refused(count: int, worker: RunningWorker, seconds: float = 60.0) -> None:
    """Wait until a worker has given back so many offers, or more."""
    deadline = time.monotonic() + seconds
    while (refused := sum(worker.status()["refused"].values())) < count:
        assert time.monotonic() < deadline, f"{refused} refused instead of {count}"
        await asyncio.sleep(_POLL_SECONDS)


async def until_joined(project: Project, room: str, seconds: float = 60.0) -> Participant:
    """Wait until an agent is in a room with its media up."""
    deadline = time.monotonic() + seconds
    while True:
        for agent in await agents_in(project, room):
            if agent.is_active:
                return agent
        assert time.monotonic() < deadline, f"no agent in {room} after {seconds:.0f} s"
        await asyncio.sleep(_POLL_SECONDS)


async def count_joined(project: Project, rooms: Iterable[str], seconds: float) -> int:
    """Count the rooms that have an agent, waiting so long for all of them."""
    missing, deadline = set(rooms), time.monotonic() + seconds
    total = len(missing)
    while missing and time.monotonic() < deadline:
        for room in list(missing):
            if await agents_in(project, room):
                missing.discard(room)
        await asyncio.sleep(_POLL_SECONDS)
    return total - len(missing)


@contextlib.contextmanager
def all_cpu_taken(processes: int = 2) -> Iterator[None]:
    """Have processes that burn all CPU."""
    burning = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(processes)
    ]
    try:
        yield
    finally:
        for one in burning:
            one.kill()
            one.wait()


@contextlib.contextmanager
def stock_worker(credentials: Credentials, folder: Path, agent_name: str) -> Iterator[Child]:
    """Have the stock worker registered, as `start` runs it."""
    child = start_child(
        "stock worker",
        [sys.executable, "-m", "tests.worker.stock_agent", "start"],
        log=folder / "stock.log",
        environment=plain_environment()
        | {
            "LIVEKIT_URL": credentials.ws_url,
            "LIVEKIT_API_KEY": credentials.api_key,
            "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
            "STOCK_AGENT_NAME": agent_name,
        },
    )
    try:
        child.wait_until(
            lambda: "registered worker" in child.log.read_text(errors="replace"), "registered", 90
        )
        yield child
    finally:
        child.kill()
