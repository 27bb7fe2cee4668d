"""A worker that has refused and served much is as small as one that has just begun."""

import asyncio
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from contract.tenant import new_nonce
from sandbox.servers import RunningProject
from tests.worker.dispatching import rooms_of
from tests.workers import RunningWorker, launch_serving

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

OFFERS, CALLS, AT_ONCE = 10_000, 500, 10
MOST_GROWTH_MIB = 10


async def test_10000_refusals_and_500_calls_do_not_make_the_main_process_grow(
    acme: RunningProject, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    worker = launch_serving(
        acme.credentials,
        tmp_path,
        agent_name="growing",
        agent="tests.worker.agents:brief",
        max_calls=AT_ONCE,
        fed=OFFERS // 2,
        log_level="WARNING",
    )
    try:
        worker.wait_for_state("ready")
        at_rest = _resident_mib(worker.pid)
        await _refuse(worker, OFFERS // 2)
        half = await _blocks(worker)
        await _refuse(worker, OFFERS)
        kept = await _blocks(worker) - half
        refused = _resident_mib(worker.pid)
        await _serve(acme, worker, 100, served=0)
        early = _resident_mib(worker.pid)
        await _serve(acme, worker, CALLS - 100, served=100)
        late = _resident_mib(worker.pid)
        assert worker.status()["refused"] == {"wrong-room": OFFERS}
    finally:
        worker.child.kill()
    with capsys.disabled():
        print(
            f"\n  main process: {at_rest:.0f} MiB at rest, {refused:.0f} after {OFFERS} refusals "
            f"(the second half of them left {kept} objects), "
            f"{early:.0f} after 100 calls, {late:.0f} after {CALLS}"
        )
    assert kept < OFFERS / 2 / 10  # not one object for each, be it the smallest
    assert late - early < MOST_GROWTH_MIB


async def _refuse(worker: RunningWorker, count: int) -> None:
    """Feed another half of the offers; with them so many are refused in all."""
    worker.signal(signal.SIGUSR1)
    await _until(lambda: worker.status()["refused"] == {"wrong-room": count})


async def _blocks(worker: RunningWorker) -> int:
    """Count what the main process's Python holds, its garbage collected."""
    file = worker.folder / "blocks"
    file.unlink(missing_ok=True)
    worker.signal(signal.SIGUSR2)
    await _until(file.exists)
    return int(file.read_text())


async def _serve(acme: RunningProject, worker: RunningWorker, count: int, served: int) -> None:
    for _ in range(count // AT_ONCE):
        names = [f"acme--{new_nonce()}" for _ in range(AT_ONCE)]
        async with rooms_of(acme.credentials, names, "growing"):
            served += AT_ONCE
            await _until(lambda served=served: _has_served(worker, served))  # type: ignore[misc] # bound early


def _has_served(worker: RunningWorker, count: int) -> bool:
    status = worker.status()
    return bool(status["accepted"] >= count and status["calls"] == 0)


async def _until(is_true: Callable[[], bool], seconds: float = 180.0) -> None:
    async with asyncio.timeout(seconds):
        while not is_true():
            await asyncio.sleep(0.05)


def _resident_mib(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no Rss")
