"""Two hundred calls at once, over three tenants."""

import asyncio
from collections import Counter
from collections.abc import Iterator

import httpx
import pytest

from project.connection import Project
from project.credentials import Credentials
from project.participants import agents_in
from sandbox.servers import RunningProject, start_project
from tests.control.calls.test_receipts import CAUSES
from tests.control.running import Serving, Worker, eventually, register

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(300),
    pytest.mark.alone,  # 134 media connections at once take all CPU
]

TENANTS = ("acme", "globex", "initech")


@pytest.fixture(scope="module")
def initech(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProject]:
    project = start_project("initech", folder=tmp_path_factory.mktemp("initech"))
    try:
        yield project
    finally:
        project.kill()


@pytest.fixture
def projects(
    acme: RunningProject, globex: RunningProject, initech: RunningProject
) -> dict[str, Credentials]:
    return dict(zip(TENANTS, (one.credentials for one in (acme, globex, initech)), strict=True))


async def test_two_hundred_calls_over_three_tenants_all_get_a_truthful_answer(
    serving: Serving, projects: dict[str, Credentials], acme_worker: Worker, globex_worker: Worker
) -> None:
    limits = httpx.Limits(max_connections=None)
    async with serving.client(limits=limits, timeout=60) as client:
        for tenant_id, credentials in projects.items():
            await register(client, tenant_id, credentials)
        asked = [TENANTS[number % 3] for number in range(200)]
        answers = await asyncio.gather(
            *(
                client.post(
                    f"/v1/tenants/{tenant}/calls",
                    json={"identity": f"caller-{number}", "wait_seconds": 15},
                )
                for number, tenant in enumerate(asked)
            )
        )
        joined_at_once = await _proven(projects, asked, answers)

        async def all_have_come() -> bool:
            return await _joined(client, projects, asked, answers) == expected

        # How many come at once is the machine's affair; that every one comes is not.
        expected = Counter(tenant for tenant in asked if tenant != "initech")
        await eventually(all_have_come, 120, pause=1.0)
        ended = await asyncio.gather(
            *(
                client.delete(f"/v1/tenants/{tenant}/calls/{answer.json()['call_id']}")
                for tenant, answer in zip(asked, answers, strict=True)
            )
        )
        assert {answer.status_code for answer in ended} == {200}
    print(f"\n200 calls at once: {joined_at_once} of {expected.total()} joined while asked for")
    # Nobody serves this one, and nobody claims to.
    nobody = {a.status_code for a, t in zip(answers, asked, strict=True) if t == "initech"}
    assert nobody == {202}


async def _proven(
    projects: dict[str, Credentials], asked: list[str], answers: list[httpx.Response]
) -> int:
    """Hold each answer against its room; gives how many say that their agent has joined."""
    joined = 0
    for tenant, credentials in projects.items():
        async with Project(credentials, timeout_seconds=30) as project:
            for answer in (a for a, t in zip(answers, asked, strict=True) if t == tenant):
                assert answer.status_code in (201, 202), answer.text
                body = answer.json()
                assert body["url"] == credentials.ws_url
                if answer.status_code == 201:
                    present = {agent.identity for agent in await agents_in(project, body["room"])}
                    assert body["agent"]["identity"] in present
                    joined += 1
                else:
                    assert body["agent"]["cause"] in CAUSES
    return joined


async def _joined(
    client: httpx.AsyncClient,
    projects: dict[str, Credentials],
    asked: list[str],
    answers: list[httpx.Response],
) -> Counter[str]:
    """Count by tenant the calls that are shown as joined and have just this agent."""
    joined: Counter[str] = Counter()
    for tenant, credentials in projects.items():
        async with Project(credentials, timeout_seconds=30) as project:
            for answer in (a for a, t in zip(answers, asked, strict=True) if t == tenant):
                call = answer.json()
                path = f"/v1/tenants/{tenant}/calls/{call['call_id']}"
                agent = (await client.get(path)).json()["agent"]
                if agent["state"] == "joined":
                    present = [one.identity for one in await agents_in(project, call["room"])]
                    joined[tenant] += present == [agent["identity"]]
    return joined
