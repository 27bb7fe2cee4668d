"""Two control planes on one database, as when one replaces the other without a pause."""

import asyncio
import json
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from control.process_start_time import process_start_time
from project.connection import Project
from project.participants import agents_in
from project.rooms import list_rooms
from sandbox.servers import RunningProject
from tests.control.fleet.fleets import QUICK
from tests.control.planes import sqlite
from tests.control.postgres import RunningPostgres
from tests.control.running import Serving, Worker, eventually, register, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@contextmanager
def two_planes(folder: Path, **variables: str) -> Iterator[tuple[Serving, Serving]]:
    with (
        Serving(folder / "first", variables) as first,
        Serving(folder / "second", first.variables) as second,
    ):
        yield first, second


@pytest.fixture
def planes(postgres: RunningPostgres, tmp_path: Path) -> Iterator[tuple[Serving, Serving]]:
    with two_planes(tmp_path, CONTROL_DATABASE_URL=postgres.empty_database()) as both:
        yield both


@asynccontextmanager
async def clients(planes: tuple[Serving, Serving]) -> AsyncIterator[list[httpx.AsyncClient]]:
    async with planes[0].client() as one, planes[1].client() as other:
        yield [one, other]


async def ask(client: httpx.AsyncClient, tenant_id: str, key: str, wait: float) -> httpx.Response:
    body = {"identity": "caller", "wait_seconds": wait}
    headers = {"Idempotency-Key": key}
    return await client.post(f"/v1/tenants/{tenant_id}/calls", json=body, headers=headers)


async def agents_by_room(project: RunningProject) -> dict[str, list[str]]:
    async with Project(project.credentials) as asked:
        return {
            room.name: [agent.identity for agent in await agents_in(asked, room.name)]
            for room in await list_rooms(asked)
        }


async def test_a_key_has_one_answer_and_a_call_one_agent_whichever_plane_is_asked(
    planes: tuple[Serving, Serving], acme: RunningProject, acme_worker: Worker
) -> None:
    async with clients(planes) as both:
        await register(both[0], "acme", acme.credentials)
        keys = [f"key-{number}" for number in range(8)] * 2
        answers = await asyncio.gather(
            *(ask(client, "acme", key, 30) for key in keys for client in both)
        )
        assert {answer.status_code for answer in answers} == {201}
        told = {answer.text: answer.json() for answer in answers}
        assert len(told) == 8
        expected = {body["room"]: [body["agent"]["identity"]] for body in told.values()}
        assert await agents_by_room(acme) == expected

        # The one that is replaced ends; its calls go on, and the other ends them.
        planes[0].child.signal(signal.SIGTERM)
        assert await asyncio.to_thread(planes[0].child.process.wait, 60) == 0
        again = await ask(both[1], "acme", "key-0", 30)
        assert again.text in told
        assert await agents_by_room(acme) == expected
        for body in told.values():
            ended = await both[1].delete(f"/v1/tenants/acme/calls/{body['call_id']}")
            assert ended.status_code == 200, ended.text
        assert await agents_by_room(acme) == {}


async def test_a_call_ended_at_one_plane_is_not_sent_for_again_by_the_other(
    planes: tuple[Serving, Serving], globex: RunningProject
) -> None:
    async with clients(planes) as both:
        await register(both[0], "globex", globex.credentials)
        made = (await ask(both[0], "globex", "pending", 0)).json()
        assert made["agent"]["state"] == "pending"
        path = f"/v1/tenants/globex/calls/{made['call_id']}"
        assert (await both[1].delete(path)).json()["agent"]["state"] == "ended"

        async def has_left_off() -> bool:
            return f"call {made['call_id']}: no longer ours" in planes[0].log()

        await eventually(has_left_off)
        assert made["room"] not in await agents_by_room(globex)
        assert (await both[1].get(path)).json()["agent"]["state"] == "ended"


def worker_records(folder: Path) -> list[dict[str, Any]]:
    found = (folder / "workers").glob("*/worker.json")
    return [json.loads(path.read_text()) for path in found]


@contextmanager
def launching(database_url: str, folder: Path) -> Iterator[tuple[Serving, Serving]]:
    """Have two planes that start workers in one folder; nothing is left of either."""
    launcher = {"LAUNCHER": "process", "LAUNCHER_FOLDER": str(folder), "LOG_FORMAT": "json"}
    try:
        with two_planes(folder, CONTROL_DATABASE_URL=database_url, **launcher) as both:
            yield both
    finally:
        for worker in worker_records(folder):
            if process_start_time(worker["pid"]) == worker["born"]:
                os.killpg(worker["pid"], signal.SIGKILL)


def leads(plane: Serving) -> bool:
    return "this control plane runs the fleet" in plane.log()


@pytest.mark.parametrize("database", ["sqlite", "postgresql"])
async def test_one_of_two_planes_runs_the_fleet_and_the_other_follows_it(
    postgres: RunningPostgres, acme: RunningProject, tmp_path: Path, database: str
) -> None:
    url = sqlite(tmp_path) if database == "sqlite" else postgres.empty_database()
    settings = settings_of(acme.credentials) | {
        "openai": {"api_key": "sk-test-0123456789", "base_url": "http://127.0.0.1:9/v1"},
        "agent": {"max_calls": 2, "env": QUICK},
    }
    with launching(url, tmp_path) as both:
        assert [leads(plane) for plane in both] == [True, False]
        async with both[1].client() as client:
            made = await client.put("/v1/tenants/acme", json={"settings": settings})
            assert made.status_code == 201, made.text

        async def workers() -> list[dict[str, Any]]:
            return worker_records(tmp_path)

        async def follows() -> bool:
            return leads(both[1])

        async def successors() -> list[int]:
            return [one["restarts"] for one in await workers() if one["id"] != first["id"]]

        (first,) = await eventually(workers)
        both[0].child.kill()
        await eventually(follows)
        os.killpg(first["pid"], signal.SIGKILL)
        # Adopted, not begun anew: its restarts are counted.
        assert await eventually(successors) == [1]
