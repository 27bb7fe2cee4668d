"""The network gone for a minute: the worker's link is down, in a network namespace of its own."""

import asyncio
import ipaddress
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from contract.tenant import new_nonce
from sandbox.servers import RunningProject
from tests.worker.agents import HERE
from tests.worker.dispatching import rooms_of
from tests.worker.relay import relayed
from tests.workers import RunningWorker, launch_serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(300)]

# Names and addresses for each process id, so that two runs side by side do not meet.
_NUMBER = os.getpid() % 2**18
NAMESPACE, OURS, THEIRS = f"tenant-worker-{_NUMBER}", f"tw{_NUMBER}a", f"tw{_NUMBER}b"
_FIRST = int(ipaddress.ip_address("10.224.0.0")) + 4 * _NUMBER
OUR_ADDRESS, THEIR_ADDRESS = (str(ipaddress.ip_address(_FIRST + n)) for n in (1, 2))
GONE_SECONDS = 60
FAILED_TRY = "to connect has failed"


def _ip(*words: str, check: bool = True) -> None:
    subprocess.run(["ip", *words], check=check, capture_output=True)


@pytest.fixture(scope="module")
def namespace() -> Iterator[str]:
    """A namespace with one link to this machine."""
    if shutil.which("ip") is None:
        subprocess.run(["apt-get", "update", "-q"], check=True)
        subprocess.run(["apt-get", "install", "-qy", "iproute2"], check=True)
    _remove()
    _ip("netns", "add", NAMESPACE)
    _ip("link", "add", OURS, "type", "veth", "peer", "name", THEIRS, "netns", NAMESPACE)
    _ip("address", "add", f"{OUR_ADDRESS}/30", "dev", OURS)
    _ip("link", "set", OURS, "up")
    _ip("-n", NAMESPACE, "address", "add", f"{THEIR_ADDRESS}/30", "dev", THEIRS)
    _ip("-n", NAMESPACE, "link", "set", THEIRS, "up")
    _ip("-n", NAMESPACE, "link", "set", "lo", "up")
    yield NAMESPACE
    _remove()


def _remove() -> None:
    _ip("link", "delete", OURS, check=False)
    _ip("netns", "delete", NAMESPACE, check=False)


async def test_the_network_gone_for_a_minute_ends_no_call_and_the_worker_is_back_in_time(
    acme: RunningProject, namespace: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async with relayed(OUR_ADDRESS, acme.ports.http) as server:
        worker = launch_serving(
            replace(acme.credentials, url=f"ws://{server}"),
            tmp_path,
            under=("ip", "netns", "exec", namespace),
            agent_name="far",
            agent="tests.worker.agents:absent",
            log_level="DEBUG",
        )
        try:
            await _until_state(worker, "ready")
            room, later = (f"acme--{new_nonce()}" for _ in range(2))
            async with rooms_of(acme.credentials, [room, later], "far"):
                await _until_calls(worker, 2)
                noticed, back, failed = await _cut(worker)
                # The calls' processes went on meanwhile; media is the project's own affair.
                assert len(worker.call_pids()) == 2
                async with rooms_of(acme.credentials, [f"acme--{new_nonce()}"], "far"):
                    await _until_calls(worker, 3)
        finally:
            worker.child.kill()
    with capsys.disabled():
        print(
            f"\n  network gone: noticed after {noticed:.1f} s, ready {back:.1f} s after its return"
        )
    assert noticed < GONE_SECONDS / 2
    assert back < GONE_SECONDS / 2
    # The try that was under way at the return may fail still, and the next one succeeds.
    assert failed <= 1


async def _cut(worker: RunningWorker) -> tuple[float, float, int]:
    """Cut the link for a minute.

    Gives the seconds until it was noticed, the seconds to ready after its return, and how many
    tries to connect failed after its return.
    """
    cut_at = time.monotonic()
    _ip("link", "set", OURS, "down")
    await _until_state(worker, "disconnected")
    noticed = time.monotonic() - cut_at
    await asyncio.sleep(GONE_SECONDS - noticed)
    assert worker.state()["state"] == "disconnected"
    tries, back_at = _failed_tries(worker), time.monotonic()
    assert tries
    _ip("link", "set", OURS, "up")
    await _until_state(worker, "ready")
    return noticed, time.monotonic() - back_at, _failed_tries(worker) - tries


def _failed_tries(worker: RunningWorker) -> int:
    return sum(FAILED_TRY in message for message in worker.messages())


async def _until_state(worker: RunningWorker, name: str, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while worker.state().get("state") != name:
            await asyncio.sleep(0.05)


async def _until_calls(worker: RunningWorker, count: int, seconds: float = 60.0) -> None:
    """Wait until so many calls have been admitted and run the tenant's code."""
    async with asyncio.timeout(seconds):
        while worker.messages().count(HERE) != count:
            await asyncio.sleep(0.2)
