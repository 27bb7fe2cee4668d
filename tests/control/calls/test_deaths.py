"""A worker is killed between dispatch and join, and another one of the tenant's is there."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from control.calls.call import Call
from control.calls.step import CallStep
from project.connection import Project
from project.dispatches import list_dispatches
from project.participants import agents_in
from project.rooms import list_rooms
from sandbox.servers import RunningProject
from tests.control.planes import client, opened
from tests.control.running import Worker, register

pytestmark = pytest.mark.integration


@asynccontextmanager
async def workers(project: RunningProject, folder: Path, dies_when: str) -> AsyncIterator[Worker]:
    """Have a worker that dies so, and another that takes nothing before; gives the first."""
    both = [
        Worker(
            project.credentials,
            "acme-agent",
            folder / when,
            program="tests.control.dying_worker",
            DEATH=str(folder / "death"),
            DIES_WHEN=when,
        )
        for when in (dies_when, "never")
    ]
    try:
        for worker in both:
            await asyncio.to_thread(worker.wait_until_registered)
        yield both[0]
    finally:
        for worker in both:
            worker.kill()


@asynccontextmanager
async def counted(project: Project) -> AsyncIterator[list[int]]:
    """Look into every room all the while; gives how many agents were there at each look."""
    seen: list[int] = []

    async def look() -> None:
        while True:
            rooms = await list_rooms(project)
            seen.extend([len(await agents_in(project, room.name)) for room in rooms])
            await asyncio.sleep(0.05)

    looking = asyncio.create_task(look(), name="count the agents")
    try:
        yield seen
    finally:
        looking.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await looking


@pytest.mark.parametrize("dies_when", ["offered", "accepted"])
async def test_a_worker_that_dies_on_its_way_is_replaced_by_another_of_the_tenants(
    acme: RunningProject, tmp_path: Path, dies_when: str
) -> None:
    steps: list[CallStep] = []
    causes: set[str] = set()

    def hear(step: CallStep, _call: Call, detail: str) -> None:
        steps.append(step)
        if step is CallStep.NOT_COME:
            causes.add(detail)

    async with (
        workers(acme, tmp_path, dies_when) as doomed,
        opened(f"sqlite:///{tmp_path}/control.db", on_step=hear) as plane,
        client(plane) as asking,
        Project(acme.credentials) as project,
        counted(project) as seen,
    ):
        await register(asking, "acme", acme.credentials)
        body = {"identity": "caller", "wait_seconds": 30}
        answer = await asking.post("/v1/tenants/acme/calls", json=body)
        assert answer.status_code == 201, answer.text
        told = answer.json()
        assert not doomed.is_running
        present = [agent.identity for agent in await agents_in(project, told["room"])]
        assert present == [told["agent"]["identity"]]
        left = await list_dispatches(project, told["room"])
        assert [dispatch.id for dispatch in left] == [told["dispatch_id"]]
        assert max(seen) == 1
    # Where no worker can be asked, the project is the only witness, and it lists jobs late.
    assert causes <= {"agent-died", "not-taken"}
    assert steps.count(CallStep.WITHDRAWN) == steps.count(CallStep.SENT) - 1
    if dies_when == "accepted":
        assert causes, "what had been accepted was not sent for again"
