"""A worker whose project goes away and comes back, or does not want it any more."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.exits import ExitCode
from contract.tenant import new_nonce
from sandbox.servers import RunningProject, start_project
from tests.worker.dispatching import rooms_of, until_calls_are, until_joined, until_offered
from tests.workers import RunningWorker, running_worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]


def new_room() -> str:
    return f"acme--{new_nonce()}"


@pytest.fixture
def own_project(tmp_path: Path) -> Iterator[RunningProject]:
    """A project that may be broken."""
    project = start_project("mortal", folder=tmp_path)
    yield project
    project.kill()


async def test_a_project_that_comes_back_finds_its_worker_again_until_it_refuses_its_key(
    own_project: RunningProject, tmp_path: Path
) -> None:
    folder = tmp_path / "worker"
    with running_worker(own_project.credentials, folder, LOG_LEVEL="DEBUG") as worker:
        own_project.kill()
        worker.wait_for_state("disconnected")
        assert worker.get("/livez")[0] == 200
        await _returns(own_project, worker)
        await _takes_a_call(own_project, worker)

        own_project.kill()
        worker.wait_for_state("disconnected")
        await _reaches_the_longest_pause(worker)
        await _returns(own_project, worker)
        await _takes_a_call(own_project, worker)
        assert 'tenant_worker_reconnects_total{tenant="acme"} 2.0' in worker.get("/metrics")[1]

        own_project.restart(key_is_valid=False)
        assert await asyncio.to_thread(worker.wait, 60) == ExitCode.REFUSED
        cause = (
            "the project refuses this worker's credentials: the project does not know this API key"
        )
        (told,) = [record for record in worker.records() if record["message"].startswith(cause)]
        assert told["level"] == "ERROR"
        assert worker.state()["exit_code"] == ExitCode.REFUSED
        assert own_project.credentials.api_secret.get_secret_value() not in worker.log_text()


async def _reaches_the_longest_pause(worker: RunningWorker) -> None:
    """Wait for the second absence's fifth failed try: 0.5, 1, 2 and 4 s lie between them."""
    fifth = "try 5 to connect has failed"

    def came() -> bool:
        absence = "\n".join(worker.messages()).rpartition("connection to the project is gone")[2]
        return fifth in absence

    await asyncio.to_thread(worker.wait_until, came, "at its longest pause")


async def _returns(project: RunningProject, worker: RunningWorker) -> None:
    """Start the project again; the worker's next try succeeds, be one under way when it starts."""
    project.start()
    failed = _failed_tries(worker)
    await asyncio.to_thread(worker.wait_for_state, "ready")
    assert _failed_tries(worker) - failed <= 1


def _failed_tries(worker: RunningWorker) -> int:
    return sum("to connect has failed" in message for message in worker.messages())


async def _takes_a_call(own_project: RunningProject, worker: RunningWorker) -> None:
    """In the very instant after `ready` a dispatch must find the worker."""
    room = new_room()
    async with rooms_of(own_project.credentials, [room]) as project:
        await until_joined(project, room)
    await until_calls_are(0, worker)


async def test_a_dispatch_in_the_instant_after_ready_is_never_lost(
    acme: RunningProject, tmp_path: Path
) -> None:
    # From here on the server remembers for a minute that nobody has this name.
    async with rooms_of(acme.credentials, [new_room()], "late-agent"):
        pass
    with running_worker(acme.credentials, tmp_path, LIVEKIT_AGENT_NAME="late-agent") as worker:
        room = new_room()
        async with rooms_of(acme.credentials, [room], "late-agent"):
            assert await until_offered(room, worker) == "accepted"
