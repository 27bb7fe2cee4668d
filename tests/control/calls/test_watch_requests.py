"""How few requests the watch over open calls costs a project, and that none of them overlap.

The project here only counts and answers as LiveKit's API does: no real one tells what it was asked.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from livekit import api
from pydantic import SecretStr

from control.calls.call import Call, CallState
from control.calls.connections import Connections
from control.calls.upkeep import project_watch
from control.calls.upkeep.watch import CallWatch
from project.credentials import Credentials
from tests.control.calls.stored import changed, make_call

pytestmark = pytest.mark.integration

PROTOBUF = "application/protobuf"


class CountingProject:
    """Answers for rooms with a caller and an agent each, and counts what it is asked."""

    def __init__(self) -> None:
        self.rooms: dict[str, int] = {}
        self.agents = set[str]()
        self.faulty = set[str]()
        self.asked = Counter[str]()
        self.looked_into = Counter[str]()
        self.under_way = Counter[str]()
        self.most_at_once = 0
        self.seconds = 0.0
        self.changed = asyncio.Event()

    async def answer(self, request: web.Request) -> web.Response:
        name, body = request.path.rsplit("/", 1)[1], await request.read()
        self.asked[name] += 1
        self.changed.set()
        if name == "ListRooms":
            wanted = api.ListRoomsRequest.FromString(body).names or list(self.rooms)
            rooms = [
                api.Room(name=room, num_participants=1, num_publishers=self.rooms[room])
                for room in wanted
                if room in self.rooms
            ]
            answer = api.ListRoomsResponse(rooms=rooms)
            return web.Response(body=answer.SerializeToString(), content_type=PROTOBUF)
        return await self._participants(api.ListParticipantsRequest.FromString(body).room)

    async def _participants(self, room: str) -> web.Response:
        self.looked_into[room] += 1
        self.under_way[room] += 1
        self.most_at_once = max(self.most_at_once, self.under_way[room])
        await asyncio.sleep(self.seconds)
        self.under_way[room] -= 1
        if room in self.faulty:
            return web.json_response({"code": "unavailable", "msg": "busy"}, status=503)
        people = [api.ParticipantInfo(identity="caller", kind="STANDARD", state="ACTIVE")]
        if room in self.agents:
            people.append(api.ParticipantInfo(identity="agent-1", kind="AGENT", state="ACTIVE"))
        answer = api.ListParticipantsResponse(participants=people)
        return web.Response(body=answer.SerializeToString(), content_type=PROTOBUF)

    async def until(self, is_true: Callable[[], bool]) -> None:
        while not is_true():
            self.changed.clear()
            await self.changed.wait()


class NoStore:
    """Says that every call is still this control plane's."""

    async def note(self, *_call: object, **_changes: object) -> bool:
        """Take it as written."""
        return True


@asynccontextmanager
async def watched(calls: int) -> AsyncIterator[tuple[CountingProject, CallWatch, list[Call]]]:
    project = CountingProject()
    app = web.Application()
    app.router.add_post("/{path:.*}", project.answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    credentials = Credentials(
        f"http://127.0.0.1:{runner.addresses[0][1]}", "APIacme", SecretStr("s" * 32)
    )
    connections = Connections()
    watch = CallWatch(NoStore(), connections, _send_for_nobody)  # type: ignore[arg-type] # see above
    made = [
        changed(
            make_call(),
            credentials=credentials,
            state=CallState.JOINED,
            agent_identity="agent-1",
            dispatch_id="AD_1",
        )
        for _ in range(calls)
    ]
    for call in made:
        project.rooms[call.room] = 2
        project.agents.add(call.room)
        watch.add(call)
    try:
        yield project, watch, made
    finally:
        await watch.close()
        await connections.close()
        await runner.cleanup()


def _send_for_nobody(_call: Call) -> object:
    raise AssertionError("no agent was lost")


@pytest.mark.parametrize("calls", [1, 10, 100])
async def test_a_look_costs_two_requests_however_many_calls_are_open(
    calls: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(project_watch, "_LOOK_EVERY_SECONDS", 0.01)
    async with watched(calls) as (project, _, made):
        await project.until(lambda: len(project.looked_into) == len(made))
        before = Counter(project.asked)
        await project.until(lambda: project.asked["ListRooms"] >= before["ListRooms"] + 30)
        cost = project.asked - before
        assert cost["ListParticipants"] <= cost["ListRooms"]
        assert set(cost) == {"ListRooms", "ListParticipants"}


async def test_every_room_is_looked_into_in_turn_though_nothing_is_counted_differently(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(project_watch, "_LOOK_EVERY_SECONDS", 0.01)
    async with watched(12) as (project, _, made):
        rooms = {call.room for call in made}
        await project.until(lambda: all(project.looked_into[room] >= 3 for room in rooms))
        counts = [project.looked_into[room] for room in rooms]
        assert max(counts) - min(counts) <= 1


async def test_a_room_that_is_counted_differently_is_looked_into_at_the_next_look() -> None:
    async with watched(50) as (project, _, made):
        await project.until(lambda: len(project.looked_into) == len(made))
        room = made[33].room
        before = Counter(project.looked_into)
        project.rooms[room] = 1
        await project.until(lambda: project.looked_into[room] > before[room])
        # One other may have been due in its turn, before the change was there to be seen.
        assert sum((project.looked_into - before).values()) <= 2


async def test_a_webhook_has_its_own_room_looked_into_and_no_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # By itself the watch looks after an hour only.
    monkeypatch.setattr(project_watch, "_LOOK_EVERY_SECONDS", 3600.0)
    async with watched(20) as (project, watch, made):
        room = made[7].room
        watch.look_into(made[7].credentials, "somebody-elses")
        watch.look_into(made[7].credentials, room)
        await project.until(lambda: project.looked_into[room] > 0)
        assert project.looked_into == Counter({room: 1})
        assert project.asked == Counter(ListRooms=1, ListParticipants=1)


async def test_one_rooms_fault_lets_no_look_run_into_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(project_watch, "_LOOK_EVERY_SECONDS", 0.01)
    async with watched(3) as (project, _, made):
        project.faulty.add(made[0].room)
        project.seconds = 0.2
        await project.until(lambda: project.looked_into[made[0].room] >= 4)
        assert project.most_at_once == 1
