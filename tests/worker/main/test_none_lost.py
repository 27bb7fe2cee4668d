"""No dispatch that this worker should take is lost, in a burst or under load."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from contract.tenant import new_nonce
from sandbox.servers import RunningProject
from tests.worker.dispatching import (
    all_cpu_taken,
    count_joined,
    rooms_of,
    until_answered,
    until_calls_are,
    until_joined,
    until_offered,
    until_refused,
)
from tests.workers import RunningWorker, launch_worker, running_worker

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

ABSENT = "tests.worker.agents:absent"
Show = Callable[[str], None]
# Longer than the 2.5 s between two words about the load.
_APART_SECONDS = 3.0


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Print past pytest's capture: figures are for whoever reads the log."""

    def shown(line: str) -> None:
        with capsys.disabled():
            print(f"\n  {line}", flush=True)

    return shown


def rooms(count: int) -> list[str]:
    stem = new_nonce()
    return [f"acme--{stem}-{number}" for number in range(count)]


async def test_100_dispatches_at_once_are_all_accepted(
    acme: RunningProject, tmp_path: Path, show: Show
) -> None:
    with running_worker(acme.credentials, tmp_path, MAX_CALLS="100", AGENT=ABSENT) as worker:
        async with rooms_of(acme.credentials, rooms(100)):
            answers = Counter(await until_answered(100, worker))
            assert answers == {"accepted": 100}
            await until_calls_are(100, worker)
    show(f"100 dispatches at once: {answers['accepted']} of 100 accepted by ours")


async def test_a_storm_of_200_never_exceeds_the_limit_and_a_replica_takes_the_rest(
    acme: RunningProject, tmp_path: Path, show: Show
) -> None:
    first = launch_worker(acme.credentials, tmp_path / "1", MAX_CALLS="20", AGENT=ABSENT)
    second = launch_worker(acme.credentials, tmp_path / "2", MAX_CALLS="40", AGENT=ABSENT)
    try:
        first.wait_for_state("ready")
        second.wait_for_state("ready")
        async with rooms_of(acme.credentials, rooms(200)):
            await until_calls_are(20, first)
            await until_calls_are(40, second)
            # Whatever nobody could take has been given back by both.
            await until_refused(140, first)
            await until_refused(140, second)
            for worker, most in ((first, 20), (second, 40)):
                status = worker.status()
                assert status["calls"] == status["accepted"] == most
                assert status["state"] == "full"
                assert set(status["refused"]) == {"at-capacity"}
    finally:
        first.child.kill()
        second.child.kill()
    show("a storm of 200 over two replicas with 20 + 40 places: 60 accepted, 140 given back twice")


@pytest.fixture(scope="module")
def busy_worker(
    acme: RunningProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningWorker]:
    """One worker for what follows."""
    folder = tmp_path_factory.mktemp("worker")
    with running_worker(acme.credentials, folder, MAX_CALLS="30") as worker:
        yield worker


async def test_a_burst_of_30_joins_30_rooms(
    acme: RunningProject, busy_worker: RunningWorker, show: Show
) -> None:
    names = rooms(30)
    async with rooms_of(acme.credentials, names) as project:
        joined = await count_joined(project, names, 100)
    await until_calls_are(0, busy_worker)
    show(f"a burst of 30 with MAX_CALLS=30: {joined} of 30 joined by ours")
    assert joined == 30


@pytest.mark.alone  # it takes all CPU
async def test_20_one_after_another_are_taken_while_all_cpu_is_burnt(
    acme: RunningProject, busy_worker: RunningWorker, show: Show
) -> None:
    before = busy_worker.status()
    with all_cpu_taken():
        for room in rooms(20):
            async with rooms_of(acme.credentials, [room]) as project:
                await until_joined(project, room)
    await until_calls_are(0, busy_worker)
    after = busy_worker.status()
    taken = after["accepted"] - before["accepted"]
    show(f"20 one after another under full CPU load: {taken} of 20 accepted and joined by ours")
    assert taken == 20
    assert after["refused"] == before["refused"]


async def test_two_replicas_take_10_of_10_and_both_give_back_the_eleventh(
    acme: RunningProject, tmp_path: Path, show: Show
) -> None:
    workers = [
        launch_worker(
            acme.credentials,
            tmp_path / name,
            LIVEKIT_AGENT_NAME="replicas",
            MAX_CALLS="5",
            AGENT=ABSENT,
        )
        for name in ("1", "2")
    ]
    try:
        for worker in workers:
            worker.wait_for_state("ready")
        async with rooms_of(acme.credentials, rooms(10), "replicas"):
            for worker in workers:
                await until_calls_are(5, worker)
            (eleventh,) = rooms(1)
            async with rooms_of(acme.credentials, [eleventh], "replicas"):
                for worker in workers:
                    assert await until_offered(eleventh, worker) == "at-capacity"
                    assert worker.status()["calls"] == 5
    finally:
        for worker in workers:
            worker.child.kill()
    show("two replicas with MAX_CALLS=5: 10 of 10 accepted, the eleventh given back by both")


async def test_max_calls_one_after_another_are_taken_and_the_next_is_at_capacity(
    acme: RunningProject, tmp_path: Path, show: Show
) -> None:
    *names, beyond = rooms(5)
    with running_worker(
        acme.credentials, tmp_path, LIVEKIT_AGENT_NAME="few", MAX_CALLS="4"
    ) as worker:
        async with contextlib.AsyncExitStack() as open_rooms:
            for room in names:
                project = await open_rooms.enter_async_context(
                    rooms_of(acme.credentials, [room], "few")
                )
                await until_joined(project, room)
                # The distance is what is tested: by then the server has heard of the load, and it
                # must go on offering.
                await asyncio.sleep(_APART_SECONDS)
            assert worker.status()["state"] == "full"
            assert worker.get("/readyz")[0] == 503
            await open_rooms.enter_async_context(rooms_of(acme.credentials, [beyond], "few"))
            assert await until_offered(beyond, worker) == "at-capacity"
            assert worker.status()["refused"] == {"at-capacity": 1}
        await until_calls_are(0, worker)
        worker.wait_for_state("ready")
    apart = f"{_APART_SECONDS:g} s apart"
    show(f"MAX_CALLS=4, one after another, {apart}: 4 of 4 accepted, the fifth at-capacity")
