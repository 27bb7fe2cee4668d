"""The network gone for a minute: the worker's link is down, in a network namespace of its own."""

import asyncio
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

NAMESPACE, OURS, THEIRS = "tenant-worker", "tworker0", "tworker1"
OUR_ADDRESS, THEIR_ADDRESS = "10.213.7.1", "10.213.7.2"
GONE_SECONDS = 60


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
        )
        try:
            await _until_state(worker, "ready")
            room, later = (f"acme--{new_nonce()}" for _ in range(2))
            async with rooms_of(acme.credentials, [room, later], "far"):
                await _until_calls(worker, 2)
                noticed, back = await _cut(worker)
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
    assert noticed < 20
    assert back < 20


async def _cut(worker: RunningWorker) -> tuple[float, float]:
    cut_at = time.monotonic()
    _ip("link", "set", OURS, "down")
    await _until_state(worker, "disconnected")
    noticed = time.monotonic() - cut_at
    await asyncio.sleep(GONE_SECONDS - noticed)
    assert worker.state()["state"] == "disconnected"
    back_at = time.monotonic()
    _ip("link", "set", OURS, "up")
    await _until_state(worker, "ready")
    return noticed, time.monotonic() - back_at


async def _until_state(worker: RunningWorker, name: str, seconds: float = 60.0) -> None:
    async with asyncio.timeout(seconds):
        while worker.state().get("state") != name:
            await asyncio.sleep(0.05)


async def _until_calls(worker: RunningWorker, count: int, seconds: float = 60.0) -> None:
    """Wait until so many calls have been admitted and run the tenant's code."""
    async with asyncio.timeout(seconds):
        while worker.messages().count(HERE) != count:
            await asyncio.sleep(0.2)
