"""The worker as PID 1, as in a container, in a PID namespace of its own and without an image."""

import asyncio
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.exits import ExitCode
from contract.tenant import new_nonce
from sandbox.servers import RunningProject
from tests.worker.dispatching import rooms_of, until_calls_are, until_offered
from tests.workers import RunningWorker, children_of, launch_worker, wait_until

pytestmark = pytest.mark.integration

# --kill-child: whoever ends `unshare` ends all that is in the namespace.
UNSHARE = ("unshare", "--pid", "--fork", "--mount-proc", "--kill-child")


@pytest.fixture
def worker(acme: RunningProject, tmp_path: Path) -> Iterator[RunningWorker]:
    started = launch_worker(
        acme.credentials, tmp_path, prefix=UNSHARE, AGENT="tests.worker.agents:by_room"
    )
    try:
        started.wait_for_state("ready")
        yield started
    finally:
        started.child.kill()


async def test_as_pid_one_the_worker_leaves_no_zombie_and_ends_on_sigterm(
    acme: RunningProject, worker: RunningWorker
) -> None:
    (first,) = children_of(worker.pid)
    assert _pid_within(first) == 1
    template = set(children_of(first))
    rooms = [f"acme--parent-{new_nonce()}" for _ in range(3)]
    async with rooms_of(acme.credentials, rooms):
        for room in rooms:
            assert await until_offered(room, worker) == "accepted"
        # Each call leaves a child behind that outlives it and falls to PID 1.
        wait_until(lambda: len(set(children_of(first)) - template) == len(rooms), "adopted")
        for orphan in set(children_of(first)) - template:
            os.kill(orphan, signal.SIGKILL)
        wait_until(lambda: set(children_of(first)) == template, "reaped")
    await until_calls_are(0, worker)
    os.kill(first, signal.SIGTERM)
    assert await asyncio.to_thread(worker.wait, 30) == ExitCode.OK
    assert not Path(f"/proc/{first}").exists()


def _pid_within(pid: int) -> int:
    """Give a process's id in its innermost namespace."""
    status = Path(f"/proc/{pid}/status").read_text()
    (line,) = [line for line in status.splitlines() if line.startswith("NSpid:")]
    return int(line.split()[-1])
