"""The control plane is killed at each step of a call and started again."""

import asyncio
from collections.abc import Iterator

import httpx
import pytest

from project.connection import Project
from project.participants import agents_in
from sandbox.servers import RunningProject
from tests.control.running import Serving, Worker, eventually, register, rooms_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

STEPS = ("booked", "sending", "sent", "joined", "answered")


@pytest.fixture(scope="module")
def serving(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    marks = {"MARKS": str(tmp_path_factory.mktemp("marks"))}
    folder = tmp_path_factory.mktemp("control")
    with Serving(folder, marks, program="tests.control.killing") as control:
        yield control


async def _ask(
    client: httpx.AsyncClient, tenant_id: str, identity: str, key: str | None = None
) -> httpx.Response | None:
    headers = {"Idempotency-Key": key} if key else {}
    body = {"identity": identity, "wait_seconds": 30}
    try:
        return await client.post(f"/v1/tenants/{tenant_id}/calls", json=body, headers=headers)
    except httpx.HTTPError:
        return None  # whoever asked sees the connection break


@pytest.mark.parametrize("step", STEPS)
async def test_a_death_at_any_step_leaves_one_call_with_one_agent_and_no_orphan(
    serving: Serving, acme: RunningProject, globex: RunningProject, acme_worker: Worker, step: str
) -> None:
    doomed = ("acme", f"dies-at-{step}", f"key-{step}")
    before, before_beside = await rooms_of(acme), await rooms_of(globex)
    async with serving.client() as client:
        await register(client, "acme", acme.credentials)
        # Nobody serves this one, and without a key nobody asks for its call again.
        await register(client, "bystander", globex.credentials)
        ends = await asyncio.gather(_ask(client, "bystander", "caller"), _ask(client, *doomed))
    assert all(end is None for end in ends)
    await asyncio.to_thread(serving.child.process.wait, 30)
    serving.start()
    async with serving.client() as client:
        answers = await asyncio.gather(*(_ask(client, *doomed) for _ in range(5)))
        given = [answer for answer in answers if answer is not None]
        assert len(given) == 5
        assert {answer.status_code for answer in given} == {201}, given[0].text
        assert len({answer.text for answer in given}) == 1
        body = given[0].json()

        async def is_alone() -> bool:
            is_clean = await rooms_of(globex) == before_beside
            return is_clean and await rooms_of(acme) - before == {body["room"]}

        await eventually(is_alone, 60)
        async with Project(acme.credentials) as project:
            agents = [agent.identity for agent in await agents_in(project, body["room"])]
        assert agents == [body["agent"]["identity"]]
        await client.delete(f"/v1/tenants/acme/calls/{body['call_id']}")
