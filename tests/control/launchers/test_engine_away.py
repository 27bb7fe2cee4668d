"""The Docker Engine is away: before the control plane starts, and while it serves."""

import logging
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from contract.programs import ROOT
from contract.tenant import call_room, new_nonce
from control.launchers.launcher import Worker
from project.connection import Project
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.child import Child, plain_environment, start_child
from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import Image
from sandbox.servers import RunningProject
from tests.control.fleet.fleets import RunningFleet, running_fleet, until
from tests.control.launchers.test_docker import IN_THE_IMAGE, forget
from tests.control.planes import sqlite, variables

# The first test to ask for the image waits for its build, apt and debootstrap included.
pytestmark = [pytest.mark.integration, pytest.mark.timeout(900)]


class Cable:
    """Leads from a socket of its own to the engine's; pulled out, nobody listens there."""

    def __init__(self, engine: RunningEngine, folder: Path) -> None:
        self._path, self._log = folder / "engine.sock", folder / "cable.log"
        self._ends = [str(self._path), engine.host.removeprefix("unix://")]
        self._child: Child | None = None

    @property
    def host(self) -> str:
        """Say where it begins, as DOCKER_HOST does."""
        return f"unix://{self._path}"

    def plug_in(self) -> None:
        """Connect."""
        command = [sys.executable, "-m", "tests.control.launchers.cable", *self._ends]
        environment = plain_environment()
        self._child = start_child("cable", command, log=self._log, environment=environment)
        self._child.wait_until(self._path.exists, "plugged in", 30)

    def pull_out(self) -> None:
        """Cut what goes over it, and refuse what comes."""
        if self._child is not None:
            self._child.kill()
        self._path.unlink(missing_ok=True)


@pytest.fixture
def cable(tmp_path: Path, engine: RunningEngine) -> Iterator[Cable]:
    made = Cable(engine, tmp_path)
    try:
        made.plug_in()
        yield made
    finally:
        made.pull_out()


@pytest.fixture
async def fleet(
    tmp_path: Path, engine: RunningEngine, image: Image, cable: Cable
) -> AsyncIterator[RunningFleet]:
    forget(engine, "acme")
    async with running_fleet(
        tmp_path,
        LAUNCHER="docker",
        DOCKER_HOST=cable.host,
        WORKER_IMAGE=image.name,
        LAUNCHER_DOCKER_NETWORK="host",
    ) as running:
        yield running
    forget(engine, "acme")


@pytest.mark.parametrize("command", ["serve", "status"])
def test_an_absent_engine_is_told_as_something_that_passes(tmp_path: Path, command: str) -> None:
    given = variables(sqlite(tmp_path), LAUNCHER="docker", DOCKER_HOST=f"unix://{tmp_path}/nobody")
    done = subprocess.run(
        [sys.executable, "-m", "control", command],
        env=plain_environment() | given,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 69, done.stderr
    assert f"no Docker Engine answers at unix://{tmp_path}/nobody" in done.stderr
    assert "DOCKER_HOST" in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr


async def test_an_engine_that_goes_away_while_serving_costs_no_call_and_is_found_again(
    fleet: RunningFleet,
    cable: Cable,
    engine: RunningEngine,
    acme: RunningProject,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    await fleet.put("acme", acme.credentials, env=IN_THE_IMAGE)
    worker = await fleet.ready("acme")
    room = call_room("acme--", new_nonce())
    async with Project(acme.credentials) as project:

        async def sids() -> list[str]:
            return [agent.sid for agent in await agents_in(project, room)]

        async def has_agent() -> bool:
            return bool(await sids())

        async def is_told() -> bool:
            return "the fleet cannot be looked at: no Docker Engine answers" in caplog.text

        async def is_found() -> bool:
            return "the fleet can be looked at again" in caplog.text

        await create_room(project, room, agent_name="acme-agent")
        await until(has_agent, "an agent in the room")
        before = await sids()
        cable.pull_out()
        await until(is_told, "told in the log")
        assert not (await fleet.workers.of("acme")).can_be_asked
        cable.plug_in()
        await until(is_found, "found again")
        assert [one.id for one in await fleet.of("acme")] == [worker.id]
        assert await sids() == before
        await delete_room(project, room)
    await _assert_unstarted_is_ended(fleet, engine, worker.id)


async def _assert_unstarted_is_ended(fleet: RunningFleet, engine: RunningEngine, like: str) -> None:
    """An engine that ended between making a container and starting it leaves one like this."""
    await fleet.crash()
    config = engine.inspect(like)["Config"]
    labels = [f"--label={name}={value}" for name, value in config["Labels"].items()]
    made = engine.ask("create", *labels, config["Image"])

    async def unstarted() -> list[Worker]:
        return [worker for worker in await fleet.of("acme") if worker.id == made]

    async def is_listed() -> bool:
        return bool(await unstarted())

    # As long as somebody may be about to start it, it has not ended.
    assert not await is_listed()
    await until(is_listed, "given up")
    (found,) = await unstarted()
    assert found.ending is not None
    assert found.ending.cause == "it was never started"
