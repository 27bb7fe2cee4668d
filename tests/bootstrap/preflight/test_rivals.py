"""Rivals: real livekit-agents workers that would take this tenant's calls, and ours beside them."""

import asyncio
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from bootstrap.preflight.checks import place
from contract.programs import ROOT
from contract.tenant import new_nonce
from project.connection import Project
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.child import Child, plain_environment, start_child
from sandbox.servers import RunningProject, start_project
from tests.bootstrap.preflight.asking import (
    TENANT,
    Ask,
    detail_of,
    failed,
    outcome_of,
    probe_rooms,
    settings_of,
)
from tests.workers import RunningWorker, start_worker, variables_for

pytestmark = pytest.mark.integration
_CHECK = ("project.rivals",)
_WARM_SECONDS = 60.0
_STARTING = Path(__file__).with_name("starting.py")


@pytest.fixture(scope="module")
def visited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningProject]:
    """A project on which a nameless worker runs, and a rival under the tenant's agent name."""
    folder = tmp_path_factory.mktemp("visited")
    project = start_project("visited", folder=folder)
    workers: list[Child] = []
    try:
        workers = [_start_stock(project, folder, name) for name in ("", f"{TENANT}-agent")]
        for agent_name in ("", f"{TENANT}-agent"):
            asyncio.run(_wait_until_warm(project, agent_name))
        yield project
    finally:
        for worker in workers:
            worker.kill()
        project.kill()


def _start_stock(project: RunningProject, folder: Path, name: str) -> Child:
    script = Path(__file__).with_name("stock_worker.py")
    return start_child(
        f"stock worker {name!r}",
        [sys.executable, str(script), name],
        log=folder / f"stock-{name or 'nameless'}.log",
        environment=plain_environment()
        | {
            "LIVEKIT_URL": project.url,
            "LIVEKIT_API_KEY": project.credentials.api_key,
            "LIVEKIT_API_SECRET": project.credentials.api_secret.get_secret_value(),
            "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
            "OPENBLAS_NUM_THREADS": "1",
        },
    )


async def _wait_until_warm(project: RunningProject, agent_name: str) -> None:
    """Send for a worker until it has come into a room once; a dispatch without a taker is lost."""
    deadline = time.monotonic() + _WARM_SECONDS
    async with Project(project.credentials) as opened:
        while time.monotonic() < deadline:
            room = f"warm-{new_nonce()}"
            await create_room(opened, room, agent_name=agent_name)
            try:
                async with asyncio.timeout(3):
                    while not await agents_in(opened, room):
                        await asyncio.sleep(0.1)
                return
            except TimeoutError:
                continue
            finally:
                await delete_room(opened, room)
    raise AssertionError(f"the stock worker {agent_name!r} took no dispatch")


@pytest.fixture
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait longer for a rival than the 1.5 s of a start: this machine may be busy."""
    monkeypatch.setattr(place, "_PATIENCE_SECONDS", 4.0)


@pytest.mark.usefixtures("patience")
async def test_a_rival_under_the_same_name_and_a_nameless_worker_are_told_apart(
    ask: Ask, visited: RunningProject
) -> None:
    mine = settings_of(visited.credentials)
    other = settings_of(visited.credentials, TENANT_ID="unrivalled")
    taken, joined = await asyncio.gather(ask(mine, only=_CHECK), ask(other, only=_CHECK))
    assert failed(taken) == (["project.rivals"], 69)
    assert f"dispatches for '{TENANT}-agent'" in detail_of(taken, "project.rivals")
    assert failed(joined) == (["project.rivals"], 69)
    assert "nobody sent it to" in detail_of(joined, "project.rivals")
    assert "agent_name" in next(line.hint for line in joined.faults)
    assert await probe_rooms(visited.credentials) == []
    assert await probe_rooms(visited.credentials, "unrivalled") == []


def test_a_worker_serves_nobody_where_a_rival_is_found_and_ends_with_the_cause(
    visited: RunningProject, tmp_path: Path
) -> None:
    worker = _start_patient(visited, tmp_path)
    try:
        assert worker.wait(60) == 69
    finally:
        worker.child.kill()
    assert worker.state()["exit_code"] == 69
    assert worker.state()["report"]["verdict"] == "fail"
    (told,) = [message for message in worker.messages() if "preflight fail" in message]
    assert "project.rivals: another worker takes dispatches" in told
    assert worker.usage() == []


def _start_patient(project: RunningProject, folder: Path) -> RunningWorker:
    values = variables_for(project.credentials, folder, TENANT, RIVAL_CHECK="required")
    file = folder / "tenant.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    child = start_child(
        "a worker with patience for rivals",
        [sys.executable, str(_STARTING), "patient", "run", "--env-file", str(file)],
        log=folder / "worker.log",
        environment=plain_environment() | {"PYTHONPATH": str(ROOT)},
    )
    return RunningWorker(child, folder)


async def test_a_choice_of_warn_lets_a_rival_pass_with_a_warning(
    ask: Ask, visited: RunningProject, patience: None
) -> None:
    report = await ask(settings_of(visited.credentials, RIVAL_CHECK="warn"), only=_CHECK)
    assert failed(report) == ([], 0)
    assert outcome_of(report, "project.rivals") == "warn"


async def test_a_choice_of_off_sends_for_nobody(ask: Ask, visited: RunningProject) -> None:
    report = await ask(settings_of(visited.credentials, RIVAL_CHECK="off"), only=_CHECK)
    assert failed(report) == ([], 0)
    assert outcome_of(report, "project.rivals") == "skip"


async def test_workers_of_our_own_give_the_probe_back_and_a_replica_may_start(
    ask: Ask, acme: RunningProject, tmp_path: Path
) -> None:
    worker = await asyncio.to_thread(start_worker, acme.credentials, tmp_path, TENANT)
    try:
        report = await ask(settings_of(acme.credentials))
        offers = await asyncio.to_thread(worker.status)
    finally:
        await asyncio.to_thread(worker.stop)
    assert failed(report) == ([], 0)
    assert outcome_of(report, "project.rivals") == "pass"
    # It was asked, in the plain room and in the other, and took neither.
    assert len(offers["offers"]) == 2
    assert all(offer["answer"] != "accepted" for offer in offers["offers"])
