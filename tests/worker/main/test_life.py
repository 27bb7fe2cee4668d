"""A worker's life: calls that die, signals, a project that goes away, credentials that end."""

import asyncio
import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from contract.exits import ExitCode
from contract.metadata import ProbeWant
from contract.tenant import new_nonce
from project.dispatches import create_dispatch
from project.participants import agents_in
from project.probes import probe
from project.rooms import delete_room
from sandbox.servers import RunningProject
from tests.worker.agents import CANARY, PRIED
from tests.worker.dispatching import rooms_of, until_calls_are, until_joined, until_offered
from tests.worker.memory import copies_in_memory
from tests.workers import (
    RunningWorker,
    children_of,
    launch_worker,
    running_worker,
    start_worker,
    wait_until,
)

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

BY_ROOM = "tests.worker.agents:by_room"
# The agents' module, which a call has in its memory, holds the first part of it.
REST = "-and-what-no-agent-knows"
SECRET = f"{CANARY}{REST}"
# Left alone, the server shows a dead agent for so long.
DEAD_AGENT_SHOWN_SECONDS = 20
DRAIN_SECONDS = 120


@pytest.fixture(scope="module")
def worker(
    acme: RunningProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningWorker]:
    """One worker for all that leaves it alive."""
    folder = tmp_path_factory.mktemp("worker")
    changed = {
        "AGENT": BY_ROOM,
        "MAX_CALLS": "2",
        "CALL_MEMORY_LIMIT_MB": "128",
        # Nobody takes records there, so they wait.
        "USAGE_URL": "http://127.0.0.1:9/usage",
        "USAGE_SECRET": SECRET,
    }
    with running_worker(acme.credentials, folder, **changed) as started:
        yield started


def room_for(kind: str) -> str:
    return f"acme--{kind}-{new_nonce()}"


def usage_of(worker: RunningWorker, room: str) -> dict[str, Any]:
    found = [record for record in worker.usage() if record["room"] == room]
    assert len(found) == 1, f"{len(found)} usage records for {room}"
    return found[0]


async def test_a_killed_call_is_reported_and_its_agent_removed_at_once_and_the_worker_goes_on(
    acme: RunningProject, worker: RunningWorker
) -> None:
    room = room_for("silent")
    async with rooms_of(acme.credentials, [room]) as project:
        await until_joined(project, room)
        (pid,) = worker.call_pids()
        os.kill(pid, signal.SIGKILL)
        killed_at = time.monotonic()
        while await agents_in(project, room):
            await asyncio.sleep(0.05)
        assert time.monotonic() - killed_at < DEAD_AGENT_SHOWN_SECONDS
        await until_calls_are(0, worker)
    record = usage_of(worker, room)
    assert (record["outcome"], record["complete"]) == ("failed", False)
    again = room_for("silent")
    async with rooms_of(acme.credentials, [again]) as project:
        await until_joined(project, again)
    await until_calls_are(0, worker)
    assert usage_of(worker, again)["complete"] is True


async def test_a_call_over_its_memory_limit_is_ended_and_reported_as_failed(
    acme: RunningProject, worker: RunningWorker
) -> None:
    room = room_for("greedy")
    async with rooms_of(acme.credentials, [room]) as project:
        await until_joined(project, room)
        await until_calls_are(0, worker)
        assert not await agents_in(project, room)
    record = usage_of(worker, room)
    assert (record["outcome"], record["complete"]) == ("failed", False)
    assert worker.status()["state"] == "ready"


async def test_the_usage_secret_is_nowhere_in_a_calls_process(
    acme: RunningProject, worker: RunningWorker
) -> None:
    room = room_for("prying")
    async with rooms_of(acme.credentials, [room]):
        assert await until_offered(room, worker) == "accepted"
        wait_until(lambda: any(text.startswith(PRIED) for text in worker.messages()), "pried")
        assert f"{PRIED}: []" in worker.messages()
    await until_calls_are(0, worker)
    assert CANARY not in worker.log_text()
    assert CANARY not in json.dumps(worker.status())


async def test_the_usage_secret_is_in_no_byte_of_a_calls_memory(
    acme: RunningProject, worker: RunningWorker
) -> None:
    """Also not in what was freed: a tenant's code can read all of its own process's memory."""
    room = room_for("silent")
    async with rooms_of(acme.credentials, [room]) as project:
        await until_joined(project, room)
        pids = [worker.pid, *children_of(worker.pid), *worker.call_pids()]
        assert len(pids) == 3
        assert [copies_in_memory(pid, REST) > 0 for pid in pids] == [True, False, False]
    await until_calls_are(0, worker)


@pytest.mark.parametrize("source", ["environment", "file"])
def test_a_usage_secret_of_another_source_is_in_no_byte_that_calls_are_forked_from(
    acme: RunningProject, tmp_path: Path, source: str
) -> None:
    file = tmp_path / "secret"
    file.write_text(SECRET)
    named = {"USAGE_SECRET_FILE": str(file)} if source == "file" else {}
    under = ("env", f"USAGE_SECRET={SECRET}") if source == "environment" else ()
    url = "http://127.0.0.1:9/usage"
    worker = launch_worker(acme.credentials, tmp_path, "acme", under, USAGE_URL=url, **named)
    try:
        worker.wait_for_state("ready")
        pids = [worker.pid, *children_of(worker.pid)]
        assert [copies_in_memory(pid, REST) > 0 for pid in pids] == [True, False]
    finally:
        worker.child.kill()


async def test_what_a_call_left_behind_leaves_no_zombie(
    acme: RunningProject, worker: RunningWorker
) -> None:
    room = room_for("parent")
    before = set(children_of(worker.pid))
    async with rooms_of(acme.credentials, [room]):
        assert await until_offered(room, worker) == "accepted"
        # Its child outlives it, falls to the worker and dies there.
        wait_until(lambda: bool(set(children_of(worker.pid)) - before), "adopted")
        (orphan,) = set(children_of(worker.pid)) - before
        os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: set(children_of(worker.pid)) == before, "reaped")


async def test_a_probe_is_answered_and_one_for_rivals_left_alone_also_by_a_full_worker(
    acme: RunningProject, worker: RunningWorker
) -> None:
    rooms = [room_for("silent"), room_for("silent")]
    async with rooms_of(acme.credentials, rooms) as project:
        await until_calls_are(2, worker)
        ask = {"tenant_prefix": "acme--", "agent_name": "acme-agent", "patience_seconds": 20.0}
        (ours,) = await probe(project, want=ProbeWant.ANSWER, **ask)  # type: ignore[arg-type] # mixed values
        assert ours.attributes["tenant"] == "acme"
        assert ours.attributes["key_fingerprint"] == acme.credentials.fingerprint
        ask["patience_seconds"] = 1.0
        assert await probe(project, want=ProbeWant.RIVALS, **ask) == ()  # type: ignore[arg-type] # mixed values
        assert worker.status()["calls"] == 2
        assert [offer["answer"] for offer in worker.status()["offers"][-2:]] == ["probe", "probe"]
    await until_calls_are(0, worker)


@pytest.mark.parametrize("code", ["silent", "insistent"])
async def test_of_two_agents_in_a_room_the_younger_leaves(
    acme: RunningProject, worker: RunningWorker, tmp_path: Path, code: str
) -> None:
    room = room_for("silent")
    async with rooms_of(acme.credentials, [room]) as project:
        elder = await until_joined(project, room)
        agent = f"tests.worker.agents:{code}"
        younger = running_worker(acme.credentials, tmp_path, LIVEKIT_AGENT_NAME=code, AGENT=agent)
        with younger as other:
            await create_dispatch(project, room, code, "")
            assert await until_offered(room, other) == "accepted"
            wait_until(lambda: other.status()["refused"] == {"room-taken": 1}, "refused late")
            await until_calls_are(0, other)
            assert [one.identity for one in await agents_in(project, room)] == [elder.identity]
            assert other.usage() == []
    await until_calls_are(0, worker)


def test_an_idle_worker_stops_sooner_than_it_started_and_leaves_nothing(
    acme: RunningProject, tmp_path: Path
) -> None:
    began = time.monotonic()
    worker = start_worker(acme.credentials, tmp_path)
    started_after = time.monotonic() - began
    family = [worker.pid, *children_of(worker.pid)]
    asked_at = time.monotonic()
    assert worker.stop() == ExitCode.OK
    assert time.monotonic() - asked_at < started_after
    assert worker.state()["exit_code"] == 0
    assert not [pid for pid in family if Path(f"/proc/{pid}").exists()]


async def test_a_signal_to_the_group_cuts_no_call_and_a_second_one_hurries(
    acme: RunningProject, tmp_path: Path
) -> None:
    worker = start_worker(
        acme.credentials,
        tmp_path,
        AGENT=BY_ROOM,
        LIVEKIT_AGENT_NAME="hurried",
        DRAIN_SECONDS=str(DRAIN_SECONDS),
        HURRY_SECONDS="4",
    )
    rooms = [room_for("silent"), room_for("silent"), room_for("stubborn")]
    try:
        async with rooms_of(acme.credentials, rooms, "hurried") as project:
            for room in rooms:
                await until_joined(project, room)
            os.killpg(worker.pid, signal.SIGTERM)
            worker.wait_for_state("draining")
            # A call that ends by itself ends as ever; the others go on.
            await delete_room(project, rooms[0])
            await until_calls_are(2, worker)
            assert worker.get("/livez")[0] == 200
            asked_at = time.monotonic()
            os.killpg(worker.pid, signal.SIGTERM)
            assert await asyncio.to_thread(worker.wait, 60) == ExitCode.CUT_OFF
            assert time.monotonic() - asked_at < DRAIN_SECONDS / 4
    finally:
        worker.child.kill()
    told = {record["room"]: (record["outcome"], record["complete"]) for record in worker.usage()}
    assert told == {
        rooms[0]: ("completed", True),
        rooms[1]: ("cut-off", True),
        rooms[2]: ("failed", False),
    }


async def test_at_the_deadline_of_a_drain_calls_are_cut(
    acme: RunningProject, tmp_path: Path
) -> None:
    worker = start_worker(
        acme.credentials,
        tmp_path,
        LIVEKIT_AGENT_NAME="cut",
        DRAIN_SECONDS="1",
        HURRY_SECONDS="5",
    )
    room = room_for("silent")
    try:
        async with rooms_of(acme.credentials, [room], "cut") as project:
            await until_joined(project, room)
            worker.signal()
            assert await asyncio.to_thread(worker.wait, 60) == ExitCode.CUT_OFF
            # A call that we end deletes its room: nobody is left waiting in it.
            assert not await agents_in(project, room)
    finally:
        worker.child.kill()
    assert usage_of(worker, room)["outcome"] == "cut-off"


async def test_a_draining_worker_lets_its_last_call_finish_and_ends_well(
    acme: RunningProject, tmp_path: Path
) -> None:
    worker = start_worker(acme.credentials, tmp_path, LIVEKIT_AGENT_NAME="drained")
    room = room_for("silent")
    try:
        async with rooms_of(acme.credentials, [room], "drained") as project:
            await until_joined(project, room)
            worker.signal()
            worker.wait_for_state("draining")
        assert await asyncio.to_thread(worker.wait, 60) == ExitCode.OK
    finally:
        worker.child.kill()
