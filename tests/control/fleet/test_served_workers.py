"""The way from a client's values to a receipt, with the worker that `serve` itself launches."""

import asyncio
import json
import sqlite3
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from control.first_keys import new_keys
from project.connection import Project
from project.dispatches import list_dispatches
from project.participants import agents_in
from project.rooms import list_rooms
from sandbox.child import plain_environment
from sandbox.servers import RunningProject
from tests.control.fleet.fleets import QUICK
from tests.control.running import Serving, eventually, settings_of

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


@pytest.fixture
async def serving(tmp_path: Path) -> AsyncIterator[Serving]:
    given = {
        "CLAIM_PRIVATE_KEY": new_keys()["CLAIM_PRIVATE_KEY"],
        "LAUNCHER": "process",
        "LAUNCHER_FOLDER": str(tmp_path / "workers"),
        "LOG_FORMAT": "json",
    }
    with Serving(tmp_path, given) as control:
        try:
            yield control
        finally:
            control.child.kill()
            await run(control, "stop", "--now")  # its workers outlive it, as they should


async def run(control: Serving, *words: str) -> tuple[int | None, str]:
    """Run a command of the control plane with the served one's settings."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "control", *words),
        env=plain_environment() | control.variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await child.communicate()
    return child.returncode, said.decode()


async def call(client: Any, **more: Any) -> Any:
    body = {"identity": "caller", "wait_seconds": 20} | more
    answer = await client.post("/v1/tenants/acme/calls", json=body)
    assert answer.status_code in (201, 202), answer.text
    return answer.json()


def records(folder: Path) -> list[dict[str, Any]]:
    with sqlite3.connect(folder / "control.db", timeout=15) as database:
        return [json.loads(row[0]) for row in database.execute("SELECT record FROM usage_records")]


async def register(
    serving: Serving, acme: RunningProject, client: httpx.AsyncClient, **env: str
) -> None:
    settings = settings_of(acme.credentials) | {
        "openai": {"api_key": "sk-test-0123456789", "base_url": "http://127.0.0.1:9/v1"},
        "agent": {"max_calls": 2, "env": QUICK | {"CLAIM_POLICY": "required"} | env},
    }
    made = await client.put("/v1/tenants/acme", json={"settings": settings})
    assert made.status_code == 201, made.text
    code, said = await run(serving, "tenants", "check", "acme")
    assert (code, said.splitlines()[-1]) == (0, "acme: pass"), said

    async def is_ready() -> bool:
        return " ready " in (await run(serving, "status"))[1]

    await eventually(is_ready, 60, pause=0.5)


async def test_from_a_clients_values_to_a_receipt_and_a_bill(
    serving: Serving, acme: RunningProject, tmp_path: Path
) -> None:
    async with serving.client() as client, Project(acme.credentials) as project:
        await register(serving, acme, client)
        first = await call(client)
        assert first["agent"]["state"] == "joined", first
        present = await agents_in(project, first["room"])
        assert [agent.identity for agent in present] == [first["agent"]["identity"]]

        # Its worker says why, and nobody else could.
        taken = await call(client, room=first["room"], wait_seconds=8)
        assert taken["agent"] == {"state": "pending", "cause": "refused:room-taken"}
        await client.delete(f"/v1/tenants/acme/calls/{taken['call_id']}")
        second = await call(client)
        assert second["agent"]["state"] == "joined", second
        third = await call(client, wait_seconds=8)
        assert third["agent"] == {"state": "pending", "cause": "full"}

        for one in (third, first, second):
            ended = await client.delete(f"/v1/tenants/acme/calls/{one['call_id']}")
            assert ended.status_code == 200, ended.text
        rooms = {room.name for room in await list_rooms(project)}
        assert not rooms & {one["room"] for one in (first, second, third)}

        async def is_billed() -> bool:
            return {one["call_id"] for one in records(tmp_path)} == {
                first["call_id"],
                second["call_id"],
            }

        await eventually(is_billed, 60)
    assert {one["key_fingerprint"] for one in records(tmp_path)} == {acme.credentials.fingerprint}
    assert acme.credentials.api_secret.get_secret_value() not in serving.log()


async def test_a_worker_killed_before_it_joined_is_told_and_its_successor_takes_the_call(
    serving: Serving, acme: RunningProject, tmp_path: Path
) -> None:
    deadly = {"AGENT": "tests.control.dying_worker:killed_once", "DEATH": str(tmp_path / "death")}
    async with serving.client() as client, Project(acme.credentials) as project:
        await register(serving, acme, client, **deadly)
        made = await call(client, wait_seconds=0)
        path = f"/v1/tenants/acme/calls/{made['call_id']}"
        seen: list[int] = []
        told: list[str] = []

        async def is_joined() -> bool:
            seen.append(len(await agents_in(project, made["room"])))
            told.append((await client.get(path)).json()["agent"].get("cause", "joined"))
            return told[-1] == "joined"

        await eventually(is_joined, 90)
        assert (tmp_path / "death").exists()
        # A successor may be ready before anybody has asked why nobody came: then nobody knows.
        assert set(told) - {"joined"} <= {"agent-died", "no-worker", "not-ready", "not-taken"}
        shown = (await client.get(path)).json()
        present = [agent.identity for agent in await agents_in(project, made["room"])]
        assert present == [shown["agent"]["identity"]]
        left = [dispatch.id for dispatch in await list_dispatches(project, made["room"])]
        assert left == [shown["dispatch_id"]]
        assert max(seen) == 1
        await client.delete(path)
