"""What breaks while calls are made: projects down and slow, a database restarted, agents lost."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

import httpx
import pytest
from livekit import rtc

from project.connection import Project
from project.credentials import Credentials
from project.participants import agents_in, remove_participant
from sandbox.ports import free_port
from sandbox.servers import RunningProject
from tests.control.calls.gate import Gate
from tests.control.calls.test_receipts import CAUSES
from tests.control.postgres import RunningPostgres
from tests.control.running import Serving, Worker, eventually, register, rooms_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

CLIENTS_PATIENCE_SECONDS = 60


@pytest.fixture
async def client(
    serving: Serving, acme: RunningProject, acme_worker: Worker
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving.client(timeout=CLIENTS_PATIENCE_SECONDS) as asking:
        await register(asking, "acme", acme.credentials)
        yield asking


async def _call(client: httpx.AsyncClient, tenant_id: str, **more: Any) -> httpx.Response:
    body = {"identity": "caller", "wait_seconds": 30}
    return await client.post(f"/v1/tenants/{tenant_id}/calls", json=body | more)


def _elsewhere(credentials: Credentials, port: int) -> Credentials:
    return Credentials(f"ws://127.0.0.1:{port}", f"{credentials.api_key}x", credentials.api_secret)


async def test_a_project_down_or_slow_delays_no_other_tenant(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=64) as silent:  # takes, never answers
        await register(client, "slow", _elsewhere(acme.credentials, silent.getsockname()[1]))
        gone = _elsewhere(acme.credentials, free_port())
        await register(client, "down", Credentials(gone.url, gone.api_key + "y", gone.api_secret))

        async def timed() -> tuple[float, int]:
            began = time.monotonic()
            answer = await _call(client, "acme")
            await client.delete(f"/v1/tenants/acme/calls/{answer.json()['call_id']}")
            return time.monotonic() - began, answer.status_code

        alone = [await timed() for _ in range(3)]
        slow, down = (
            [asyncio.create_task(_call(client, tenant, wait_seconds=12)) for _ in range(5)]
            for tenant in ("slow", "down")
        )
        beside = [await timed() for _ in range(3)]
        assert not any(task.done() for task in slow)
        answers = await asyncio.gather(*slow, *down)
    assert {status for _, status in alone + beside} == {201}
    assert {answer.status_code for answer in answers} == {202}
    assert {answer.json()["agent"]["cause"] for answer in answers} == {"unreachable"}
    quick, beside_them = min(alone)[0], min(beside)[0]
    print(f"\na call alone {quick:.2f} s, beside ten to projects down or slow {beside_them:.2f} s")
    # Who waited for a slow project would wait 5 s.
    assert beside_them < 5 * quick


async def test_a_caller_whose_agent_is_lost_gets_another(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    body = (await _call(client, "acme")).json()
    caller = rtc.Room()
    await caller.connect(body["url"], body["token"])
    try:
        async with Project(acme.credentials) as project:
            await remove_participant(project, body["room"], body["agent"]["identity"])
            lost_at = time.monotonic()

            async def another() -> str:
                agents = await agents_in(project, body["room"])
                assert len(agents) <= 1
                names = [agent.identity for agent in agents]
                return next((n for n in names if n != body["agent"]["identity"]), "")

            identity = await eventually(another, 30)
            print(f"\nanother agent was there {time.monotonic() - lost_at:.1f} s later")
        path = f"/v1/tenants/acme/calls/{body['call_id']}"

        async def is_known() -> bool:
            agent = (await client.get(path)).json()["agent"]
            return bool(agent["state"] == "joined" and agent["identity"] == identity)

        await eventually(is_known)
    finally:
        await caller.disconnect()
        await client.delete(path)


async def test_a_call_ended_while_its_project_is_away_ends_as_soon_as_it_is_back(
    client: httpx.AsyncClient, globex: RunningProject
) -> None:
    gate = Gate(globex)
    await gate.open()
    try:
        await register(client, "globex", gate.credentials)
        made = (await _call(client, "globex", wait_seconds=0)).json()
        path = f"/v1/tenants/globex/calls/{made['call_id']}"
        await gate.shut()
        began = time.monotonic()
        told = await client.delete(path)
        took = time.monotonic() - began
        assert (told.status_code, told.json()["agent"]["state"]) == (202, "ending")
        assert told.json()["ended_at"] is None
        assert took < CLIENTS_PATIENCE_SECONDS / 4
        again = await client.delete(path)
        assert (again.status_code, again.json()["agent"]["state"]) == (202, "ending")
        await gate.open()

        async def has_ended() -> bool:
            return bool((await client.get(path)).json()["agent"]["state"] == "ended")

        await eventually(has_ended)
        assert made["room"] not in await rooms_of(globex)
        assert (await client.delete(path)).status_code == 200
        print(f"\nan absent project's call was ending after {took:.1f} s")
    finally:
        await gate.shut()


async def test_a_database_restarted_amid_calls_loses_none(
    client: httpx.AsyncClient, acme: RunningProject, postgres: RunningPostgres
) -> None:
    before = await rooms_of(acme)
    calls = [asyncio.create_task(_call(client, "acme")) for _ in range(12)]
    await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
    calls += [asyncio.create_task(_call(client, "acme")) for _ in range(6)]
    # In this thread: a child dies with the thread that started it.
    postgres.stop()
    calls += [asyncio.create_task(_call(client, "acme")) for _ in range(6)]
    postgres.start()
    answers = await asyncio.gather(*calls)
    assert {answer.status_code for answer in answers} <= {201, 202}
    made = {answer.json()["room"]: answer.json() for answer in answers}
    assert len(made) == 24
    for answer in answers:
        agent = answer.json()["agent"]
        assert agent["state"] == "joined" or agent["cause"] in CAUSES

    async def each_has_its_agent() -> bool:
        return await _agents_shown(client, made) == await _agents_there(acme, made)

    await eventually(each_has_its_agent, 90)
    assert await rooms_of(acme) - before == set(made)
    for call in made.values():
        await client.delete(f"/v1/tenants/acme/calls/{call['call_id']}")


async def _agents_shown(client: httpx.AsyncClient, made: Mapping[str, Any]) -> dict[str, list[str]]:
    """Read which agent each call is shown with, by its room."""
    shown = {}
    for room, call in made.items():
        one = (await client.get(f"/v1/tenants/acme/calls/{call['call_id']}")).json()
        assert one["room"] == room
        shown[room] = [str(one["agent"].get("identity", "none has come yet"))]
    return shown


async def _agents_there(project: RunningProject, made: Mapping[str, Any]) -> dict[str, list[str]]:
    """Read which agents each room has."""
    async with Project(project.credentials) as asked:
        return {room: [one.identity for one in await agents_in(asked, room)] for room in made}
