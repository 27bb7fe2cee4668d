"""The loop over real workers as child processes, on real projects."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from contract.records.worker_status import WorkerState
from contract.tenant import call_room, new_nonce
from control.launchers import worker_record
from control.launchers.launcher import Worker
from control.storage.sealing import new_key
from project.connection import Project
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.servers import RunningProject
from tests.control.fleet.fleets import RunningFleet, ask, running_fleet, secret, state_of, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[RunningFleet]:
    async with running_fleet(tmp_path) as running:
        yield running


def pid_of(fleet: RunningFleet, worker: Worker) -> int:
    record = worker_record.load(fleet.host.folder / "workers" / worker.id)
    assert record is not None
    return record.pid


def everything_written(fleet: RunningFleet) -> str:
    """Read whatever the launcher and its workers have written, records of workers included."""
    files = [path for path in fleet.host.folder.rglob("*") if path.is_file()]
    return "".join(path.read_text(errors="replace") for path in files)


async def test_a_tenant_lives_from_its_registration_to_its_deletion(
    fleet: RunningFleet, acme: RunningProject, globex: RunningProject
) -> None:
    await fleet.put("acme", acme.credentials)
    first = await fleet.ready("acme")
    assert first.health_url
    assert first.health_url.startswith("http://127.0.0.1:")

    # Another tenant comes: its fingerprint is told to new workers, and replaces no old one.
    await fleet.put("globex", globex.credentials)
    await fleet.ready("globex")
    assert [worker.id for worker in await fleet.of("acme")] == [first.id]

    # A control plane that died is followed by another, which finds what runs.
    await fleet.close()
    successor = RunningFleet(fleet.variables)
    await successor.begin()
    try:
        await successor.fleet.reconcile()
        assert [worker.id for worker in await successor.of("acme")] == [first.id]
        asked = await successor.workers.of("acme")
        assert (asked.can_be_asked, asked.running) == (True, 1)
        assert asked.statuses[0].state is WorkerState.READY
        assert (await successor.launcher.memory_bytes(first) or 0) > 50 * 2**20

        # Disabled: drained, stopped with 0, forgotten; the other goes on.
        await successor.put("acme", acme.credentials, enabled=False)
        await until(lambda: is_forgotten(successor, "acme"), "acme's worker forgotten")
        await successor.remove("globex")
        await until(lambda: is_forgotten(successor, "globex"), "globex's worker forgotten")
    finally:
        await successor.close()
    written = everything_written(fleet)
    for project in (acme, globex):
        assert project.credentials.api_secret.get_secret_value() not in written


async def test_rotating_the_sealing_key_replaces_no_worker(
    fleet: RunningFleet, acme: RunningProject
) -> None:
    await fleet.put("acme", acme.credentials)
    first = await fleet.ready("acme")
    secret_before = await fleet.registry.usage_secret("acme")
    await fleet.crash()
    old, new = fleet.variables["CONTROL_SEALING_KEY"], new_key()
    # First both are listed and all is sealed anew, then the old one is taken out.
    for keys in (f"{new},{old}", new):
        successor = RunningFleet(fleet.variables | {"CONTROL_SEALING_KEY": keys})
        try:
            await successor.fleet.reconcile()
            assert [(one.id, one.draining_since) for one in await successor.of("acme")] == [
                (first.id, None)
            ]
            assert await successor.registry.usage_secret("acme") == secret_before
            (tenant,) = await successor.registry.tenants()
            assert tenant.faults == ()
        finally:
            await successor.close()


async def is_forgotten(fleet: RunningFleet, tenant: str) -> bool:
    return not await fleet.of(tenant)


async def test_changed_settings_replace_a_worker_in_overlap_and_its_call_survives(
    fleet: RunningFleet, acme: RunningProject
) -> None:
    # The new worker looks for rivals before it serves: the old one counts as a replica.
    looks = {"RIVAL_CHECK": "required"}
    await fleet.put("acme", acme.credentials, env=looks)
    old = await fleet.ready("acme")
    room = call_room("acme--", new_nonce())
    async with Project(acme.credentials) as project:
        await create_room(project, room, agent_name="acme-agent")
        await until(lambda: has_agent(project, room), "an agent in the room")
        before = await sids_in(project, room)

        # The project's second key: what a rotation of credentials looks like.
        await fleet.put("acme", acme.spare_credentials, env=looks)
        new = await fleet.ready("acme", but=old.id)
        await until(lambda: is_in_state(old, "draining"), "the old worker draining")
        assert (new.slot, old.slot) == (1, 0)
        assert await sids_in(project, room) == before
        statuses = (await fleet.workers.of("acme")).statuses
        (status,) = (one for one in statuses if one.state is not WorkerState.DRAINING)
        assert status.key_fingerprint == acme.spare_credentials.fingerprint

        # Taken over in mid-drain: the old one gets no second signal, which would hurry.
        await fleet.crash()
        await fleet.begin()
        await fleet.fleet.reconcile()
        assert await sids_in(project, room) == before

        # The new one takes what comes now.
        other = call_room("acme--", new_nonce())
        await create_room(project, other, agent_name="acme-agent")
        await until(lambda: has_agent(project, other), "an agent of the new worker")
        assert (await ask(new, "/status"))["calls"] == 1
        await delete_room(project, other)
        await delete_room(project, room)
    await until(lambda: only_left(fleet, "acme", new), "the old worker drained and forgotten")


async def sids_in(project: Project, room: str) -> list[str]:
    return [agent.sid for agent in await agents_in(project, room)]


async def has_agent(project: Project, room: str) -> bool:
    return bool(await agents_in(project, room))


async def is_in_state(worker: Worker, state: str) -> bool:
    return await state_of(worker) == state


async def only_left(fleet: RunningFleet, tenant: str, worker: Worker) -> bool:
    return [left.id for left in await fleet.of(tenant)] == [worker.id]


async def test_a_wrong_secret_is_shown_and_not_restarted_until_it_is_right(
    fleet: RunningFleet, acme: RunningProject
) -> None:
    await fleet.put("acme", secret(acme.credentials, "canary-" + "x" * 40))
    await until(lambda: has_ended(fleet, "acme"), "the worker ended")
    (ended,) = await fleet.of("acme")
    assert ended.ending is not None
    assert ended.ending.code == 77
    assert "credential" in ended.ending.cause
    for _ in range(3):
        await fleet.fleet.reconcile()
    assert await fleet.of("acme") == (ended,)
    assert "canary-" not in everything_written(fleet)
    await fleet.put("acme", acme.credentials)
    await fleet.ready("acme")


async def has_ended(fleet: RunningFleet, tenant: str) -> bool:
    return any(not worker.is_live for worker in await fleet.of(tenant))


async def test_a_killed_worker_is_restarted_and_counted(
    fleet: RunningFleet, acme: RunningProject
) -> None:
    await fleet.put("acme", acme.credentials)
    first = await fleet.ready("acme")
    os.killpg(pid_of(fleet, first), signal.SIGKILL)
    second = await fleet.ready("acme", but=first.id)
    assert (second.restarts, second.failures, second.slot) == (1, 1, 0)
    assert second.last_cause.startswith("exit 137")
    await until(lambda: only_left(fleet, "acme", second), "the killed one forgotten")


async def test_an_ending_that_no_control_plane_saw_is_read_from_the_workers_own_state(
    fleet: RunningFleet, acme: RunningProject
) -> None:
    await fleet.put("acme", acme.credentials)
    first = await fleet.ready("acme")
    pid = pid_of(fleet, first)
    await fleet.crash()
    successor = RunningFleet(fleet.variables)
    try:
        os.kill(pid, signal.SIGTERM)
        await until(lambda: has_ended(successor, "acme"), "the worker ended")
        (ended,) = await successor.of("acme")
        assert ended.ending is not None
        assert ended.ending.code == 0
    finally:
        await successor.close()
