"""The control plane is killed at each step of a call and started again."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from project.connection import Project
from project.participants import agents_in
from project.rooms import list_rooms
from sandbox.servers import RunningProject
from tests.control.running import Serving, Worker, eventually, register

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

STEPS = ("booked", "sending", "sent", "joined", "answered")


@pytest.fixture(scope="module")
async def serving(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Serving]:
    marks = tmp_path_factory.mktemp("marks")
    control = Serving({"MARKS": str(marks)}, program="tests.control.killing")
    try:
        yield control
    finally:
        control.child.kill()


async def _rooms(project: RunningProject) -> set[str]:
    async with Project(project.credentials) as asked:
        return {room.name for room in await list_rooms(asked)}


async def _ask(client: httpx.AsyncClient, identity: str, key: str | None) -> httpx.Response | None:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"identity": identity, "wait_seconds": 30}
    try:
        return await client.post("/v1/tenants/acme/calls", json=body, headers=headers)
    except httpx.HTTPError:
        return None  # whoever asked sees the connection break


@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_leaves_one_call_with_one_agent_and_no_orphan(
    serving: Serving, acme: RunningProject, acme_worker: Worker, step: str
) -> None:
    before = await _rooms(acme)
    async with serving.client() as client:
        await register(client, "acme", acme.credentials)
        # The second one has no key: nobody asks for it again, so nothing of it may stay.
        doomed = (f"dies-at-{step}", f"key-{step}"), ("bystander", None)
        ends = await asyncio.gather(*(_ask(client, *one) for one in doomed))
    assert ends[0] is None
    await asyncio.to_thread(serving.child.process.wait, 30)
    serving.start()
    answered = {ends[1].json()["room"]} if ends[1] is not None else set()
    async with serving.client() as client:
        answers = await asyncio.gather(*(_ask(client, *doomed[0]) for _ in range(5)))
        given = [answer for answer in answers if answer is not None]
        assert len(given) == 5
        assert {answer.status_code for answer in given} == {201}, given[0].text
        assert len({answer.text for answer in given}) == 1
        body = given[0].json()

        async def is_alone() -> bool:
            rooms = await _rooms(acme) - before - answered
            return rooms == {body["room"]}

        await eventually(is_alone, 60)
        async with Project(acme.credentials) as project:
            agents = [agent.identity for agent in await agents_in(project, body["room"])]
        assert agents == [body["agent"]["identity"]]
        await client.delete(f"/v1/tenants/acme/calls/{body['call_id']}")
