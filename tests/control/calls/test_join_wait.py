"""When an agent has arrived: with its media up, and not with its signal alone."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest

from control.calls.call import Call, CallRequest, CallState
from control.calls.join_wait import JoinWait, LookPace
from control.workers.tenant_workers import NobodyToAsk
from project.connection import Project
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.servers import RunningProject
from tests.control.running import eventually
from tests.project.test_rooms import agent_token, joined

pytestmark = pytest.mark.integration

ROOM = "acme--arrival"
IDENTITY = "agent-AJ_1"


class CountedPace(LookPace):
    """Counts the looks into the room."""

    looks = 0

    def next_pause(self, pause: float) -> float:
        """Count one."""
        self.looks += 1
        return super().next_pause(pause)


@asynccontextmanager
async def signal_open(project: Project, token: str) -> AsyncIterator[None]:
    """Be in a room as the server lists it, while no media ever comes."""
    asked = {"access_token": token, "auto_subscribe": "0", "protocol": "9", "sdk": "python"}
    url = f"{project.credentials.ws_url}/rtc"
    async with aiohttp.ClientSession() as session, session.ws_connect(url, params=asked):
        yield


def _join_wait(project: Project, pace: LookPace) -> JoinWait:
    call = Call(
        id="1",
        tenant_id="acme",
        room=ROOM,
        makes_room=True,
        request=CallRequest("caller"),
        credentials=project.credentials,
        agent_name="acme-agent",
        state=CallState.PENDING,
        created_at=time.time(),
    )
    return JoinWait(project, call, NobodyToAsk(), frozenset(), pace)


async def test_an_agent_has_come_when_its_media_is_up_and_not_before(acme: RunningProject) -> None:
    async with Project(acme.credentials) as project:
        await create_room(project, ROOM)
        token, pace = agent_token(project, ROOM, IDENTITY, nonce=""), CountedPace()
        try:
            async with signal_open(project, token):

                async def states() -> list[str]:
                    return [agent.state for agent in await agents_in(project, ROOM)]

                assert await eventually(states) == ["joined"]
                waiting = asyncio.create_task(_join_wait(project, pace).wait())

                async def has_looked_thrice() -> bool:
                    return pace.looks > 2 or waiting.done()

                await eventually(has_looked_thrice, pause=0.02)
                assert not waiting.done()
            async with joined(project, token):
                assert (await waiting).identity == IDENTITY
        finally:
            await delete_room(project, ROOM)
