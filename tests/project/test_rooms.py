"""Rooms, dispatches, participants and probes against a real project."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from livekit import api, rtc

from contract.metadata import ProbeWant
from contract.tenant import new_nonce
from project import dispatches, participants, probes, rooms
from project.connection import Project
from project.faults import Unreachable
from project.tokens import caller_token
from sandbox.servers import RunningProject

pytestmark = pytest.mark.integration

PREFIX = "acme--"


@pytest.fixture
async def project(acme: RunningProject) -> AsyncIterator[Project]:
    async with Project(acme.credentials) as connection:
        yield connection


@pytest.fixture
async def room(project: Project) -> AsyncIterator[str]:
    name = f"{PREFIX}{new_nonce()}"
    yield name
    await rooms.delete_room(project, name)


@asynccontextmanager
async def joined(project: Project, token: str) -> AsyncIterator[rtc.Room]:
    room = rtc.Room()
    await room.connect(project.credentials.ws_url, token)
    try:
        yield room
    finally:
        await room.disconnect()


def agent_token(project: Project, room: str, identity: str, nonce: str) -> str:
    credentials = project.credentials
    return (
        api.AccessToken(credentials.api_key, credentials.api_secret.get_secret_value())
        .with_identity(identity)
        .with_kind("agent")
        .with_attributes({"nonce": nonce})
        .with_grants(api.VideoGrants(room_join=True, room=room, agent=True))
        .to_jwt()
    )


async def probe_room_of(project: Project) -> tuple[str, str]:
    """Wait for a probe's room, and give its name and nonce, as a worker would read them."""
    async with asyncio.timeout(30):
        while True:
            for room in await probe_rooms(project):
                for dispatch in await dispatches.list_dispatches(project, room):
                    if dispatch.agent_name == "acme-agent":
                        return room, json.loads(dispatch.metadata)["probe"]
            await asyncio.sleep(0.05)


async def test_a_room_and_its_first_dispatch_are_made_in_one_request(
    project: Project, room: str
) -> None:
    await rooms.create_room(project, room, agent_name="acme-agent", metadata='{"call_id":"1"}')
    (dispatch,) = await dispatches.list_dispatches(project, room)
    assert (dispatch.agent_name, dispatch.room) == ("acme-agent", room)
    assert dispatch.metadata == '{"call_id":"1"}'
    assert await rooms.room_exists(project, room)
    assert room in [listed.name for listed in await rooms.list_rooms(project)]


async def test_a_room_is_removed_once_and_again(project: Project, room: str) -> None:
    await rooms.create_room(project, room)
    await rooms.delete_room(project, room)
    await rooms.delete_room(project, room)
    assert not await rooms.room_exists(project, room)


async def test_a_dispatch_is_listed_until_it_is_withdrawn(project: Project, room: str) -> None:
    await rooms.create_room(project, room)
    dispatch = await dispatches.create_dispatch(project, room, "acme-agent", "{}")
    assert await dispatches.is_listed(project, dispatch, room)
    await dispatches.delete_dispatch(project, dispatch, room)
    await dispatches.delete_dispatch(project, dispatch, room)
    assert not await dispatches.is_listed(project, dispatch, room)


async def test_an_absent_room_has_no_dispatches_and_nobody_in_it(project: Project) -> None:
    absent = f"{PREFIX}absent"
    async with asyncio.timeout(2.5):  # the server alone would take 3 s to say so
        assert await dispatches.list_dispatches(project, absent) == ()
    assert await participants.participants_in(project, absent) == ()
    await participants.remove_participant(project, absent, "bob")


async def test_who_is_in_a_room_is_read_from_the_server(project: Project, room: str) -> None:
    await rooms.create_room(project, room)
    callers_token = caller_token(project.credentials, room, "bob")
    agents_token = agent_token(project, room, "agent-1", "n")
    async with joined(project, callers_token), joined(project, agents_token):
        everybody = await participants.participants_in(project, room)
        assert [participant.identity for participant in everybody] == ["bob", "agent-1"]
        (agent,) = await participants.agents_in(project, room)
        assert (agent.identity, agent.kind) == ("agent-1", "agent")
        assert agent.attributes["nonce"] == "n"
        assert not agent.published
        assert agent.joined_at > 1_700_000_000
        await participants.remove_participant(project, room, "agent-1")
        assert await participants.agents_in(project, room) == ()


async def test_a_probe_nobody_answers_gives_nobody_and_leaves_no_room(project: Project) -> None:
    answers = await probes.probe(
        project,
        tenant_prefix=PREFIX,
        agent_name="acme-agent",
        want=ProbeWant.RIVALS,
        patience_seconds=0.3,
        plain_room=True,
    )
    assert answers == ()
    assert await probe_rooms(project) == []


async def test_a_probe_gives_whoever_answers_with_its_attributes(project: Project) -> None:
    probe = asyncio.create_task(
        probes.probe(
            project,
            tenant_prefix=PREFIX,
            agent_name="acme-agent",
            want=ProbeWant.ANSWER,
            patience_seconds=60,
        )
    )
    room, nonce = await probe_room_of(project)
    async with joined(project, agent_token(project, room, "agent-1", nonce)):
        (answer,) = await probe
    assert (answer.identity, answer.is_agent) == ("agent-1", True)
    assert answer.attributes["nonce"] == nonce
    assert await probe_rooms(project) == []


async def test_a_cancelled_probe_removes_its_room_first(project: Project) -> None:
    probe = asyncio.create_task(
        probes.probe(
            project,
            tenant_prefix=PREFIX,
            agent_name="acme-agent",
            want=ProbeWant.RIVALS,
            patience_seconds=60,
        )
    )
    await probe_room_of(project)
    probe.cancel()
    with suppress(asyncio.CancelledError):
        await probe
    assert probe.cancelled()
    assert await probe_rooms(project) == []


async def test_a_probe_of_a_project_that_is_gone_tells_the_fault(acme: RunningProject) -> None:
    async with Project(acme.credentials, proxy="http://127.0.0.1:9") as project:
        with pytest.raises(Unreachable):
            await probes.probe(
                project,
                tenant_prefix=PREFIX,
                agent_name="acme-agent",
                want=ProbeWant.ANSWER,
                patience_seconds=60,
            )


async def probe_rooms(project: Project) -> list[str]:
    names = [room.name for room in await rooms.list_rooms(project)]
    return [name for name in names if name.startswith(f"{PREFIX}probe-")]
