"""A worker that registers before the preflight's last word, and serves nobody before it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from contract.exits import ExitCode
from contract.tenant import new_nonce
from project.participants import agents_in
from sandbox.servers import RunningProject
from tests.worker.dispatching import rooms_of, until_joined, until_offered
from tests.workers import RunningWorker, launch_serving

pytestmark = pytest.mark.integration


@pytest.fixture
def worker(acme: RunningProject, tmp_path: Path) -> Iterator[RunningWorker]:
    """A worker that is ready, and waits for the last word."""
    worker = launch_serving(
        acme.credentials,
        tmp_path,
        agent_name="early",
        agent="tests.worker.agents:silent",
        report={"verdict": "pass"},
        word=str(tmp_path / "word"),
    )
    try:
        worker.wait_for_state("ready")
        yield worker
    finally:
        worker.child.kill()


def say(worker: RunningWorker, code: ExitCode) -> None:
    """Let the preflight end so."""
    fresh = worker.folder / "word.new"
    fresh.write_text(str(int(code)))
    fresh.rename(worker.folder / "word")


async def test_a_call_that_comes_before_the_last_word_waits_for_it_and_is_served(
    worker: RunningWorker, acme: RunningProject
) -> None:
    said = worker.get("/readyz")[1]
    assert not said["proven"]
    assert "rivals are still being looked for" in said["reason"]
    ours, foreign = f"acme--{new_nonce()}", f"globex--{new_nonce()}"
    # One after the other: the first has been offered when the second one's answer is seen.
    async with (
        rooms_of(acme.credentials, [ours], "early") as project,
        rooms_of(acme.credentials, [foreign], "early"),
    ):
        # What would be refused anyway is refused at once.
        assert await until_offered(foreign, worker) == "wrong-room"
        assert [offer["room"] for offer in worker.status()["offers"]] == [foreign]
        assert not await agents_in(project, ours)
        say(worker, ExitCode.OK)
        await until_joined(project, ours)
        assert await until_offered(ours, worker) == "accepted"
    assert worker.get("/readyz") == (200, {"state": "ready", "reason": "", "proven": True})


async def test_a_last_word_that_forbids_to_serve_gives_the_call_back_and_ends_the_worker(
    worker: RunningWorker, acme: RunningProject
) -> None:
    ours, foreign = f"acme--{new_nonce()}", f"globex--{new_nonce()}"
    async with (
        rooms_of(acme.credentials, [ours], "early") as project,
        rooms_of(acme.credentials, [foreign], "early"),
    ):
        assert await until_offered(foreign, worker) == "wrong-room"
        say(worker, ExitCode.UNAVAILABLE)
        assert worker.wait(60) == ExitCode.UNAVAILABLE
        assert not await agents_in(project, ours)
    assert worker.state() == worker.state() | {"state": "draining", "exit_code": 69}
    given_back = [r["room"] for r in worker.records() if r.get("message") == "given back: draining"]
    assert given_back == [ours]
    assert worker.usage() == []


async def test_a_worker_that_is_told_to_stop_before_the_last_word_ends_well(
    worker: RunningWorker,
) -> None:
    assert worker.stop(60) == ExitCode.OK
