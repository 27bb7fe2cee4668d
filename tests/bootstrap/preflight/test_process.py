"""A start as a container makes it: checked in a short-lived child while the runtime is loaded."""

import http.client
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from pydantic import SecretStr

from project.credentials import Credentials
from sandbox.child import plain_environment, start_child
from sandbox.servers import RunningProject
from tests.bootstrap.preflight.asking import TENANT, probe_rooms
from tests.workers import RunningWorker, children_of, launch_worker, variables_for, wait_until

pytestmark = pytest.mark.integration
_ROOT = Path(__file__).resolve().parents[3]
_SCRIPT = Path(__file__).with_name("starting.py")
_PAIRS = 5


@pytest.fixture(scope="module")
def watched(
    acme: RunningProject, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[RunningWorker, list[tuple[int, int, str]]]]:
    """A worker, and what its health port answered from the first moment until it was ready."""
    folder = tmp_path_factory.mktemp("watched")
    worker = launch_worker(acme.credentials, folder, TENANT, RIVAL_CHECK="required")
    try:
        wait_until(lambda: bool(worker.state().get("port")), "listening")
        yield worker, _watch(worker)
    finally:
        worker.child.kill()


def _watch(worker: RunningWorker) -> list[tuple[int, int, str]]:
    seen: list[tuple[int, int, str]] = []
    deadline = time.monotonic() + 60
    while not seen or seen[-1][2] != "ready":
        assert time.monotonic() < deadline, worker.log_text()
        alive, (ready, body) = worker.get("/livez")[0], worker.get("/readyz")
        seen.append((alive, ready, body["state"]))
        time.sleep(0.05)
    return seen


Watched = tuple[RunningWorker, list[tuple[int, int, str]]]


def test_health_is_answered_from_the_first_moment_and_no_connection_is_lost(
    watched: Watched,
) -> None:
    _, seen = watched  # a refused or broken connection would have raised
    assert seen[0] == (200, 503, "checking")
    assert {alive for alive, _, _ in seen} == {200}
    assert seen[-1] == (200, 200, "ready")
    states = [state for _, _, state in seen]
    assert states == sorted(states, key=["checking", "registering", "ready"].index)


def test_the_report_is_one_log_record_and_stands_complete_in_status_and_state(
    watched: Watched,
) -> None:
    worker, _ = watched
    (record,) = [record for record in worker.records() if "report" in record]
    worker.wait_until(lambda: _rivals_in(worker.status()["report"]) == "pass", "no rival seen")
    complete = worker.status()["report"]
    schema = json.loads((_ROOT / "docs" / "report.schema.json").read_text(encoding="utf-8"))
    for report in (record["report"], complete):
        jsonschema.validate(report, schema)
        assert report["verdict"] == "pass"
    # It is recorded when the worker begins; of a look that went on meanwhile one line tells.
    if _rivals_in(record["report"]) == "skip":
        assert "project.rivals: nobody came within 1.5 s" in worker.messages()
    worker.wait_until(lambda: worker.state()["report"] == complete, "complete in state.json")


def test_the_checking_child_is_gone_once_the_worker_serves(watched: Watched) -> None:
    worker, _ = watched
    worker.wait_until(lambda: _rivals_in(worker.status()["report"]) == "pass", "no rival seen")
    names = [_command_line(pid) for pid in children_of(worker.pid)]
    assert all(names), "a child that nobody has reaped"


def test_a_failed_preflight_is_the_exit_code_and_the_cause_is_logged(
    acme: RunningProject, tmp_path: Path
) -> None:
    secret = "canary-" + "q1w2e3" * 6
    wrong = replace(acme.credentials, api_secret=SecretStr(secret))
    worker = launch_worker(wrong, tmp_path, TENANT)
    try:
        assert worker.wait(60) == 77
    finally:
        worker.child.kill()
    assert any("credential.secret" in message for message in worker.messages())
    assert worker.state()["exit_code"] == 77
    assert worker.state()["report"]["verdict"] == "fail"
    shown = worker.log_text() + json.dumps(worker.state())
    assert secret not in shown
    assert acme.credentials.api_key not in shown
    assert "eyJ" not in shown


async def test_when_the_main_process_is_killed_the_child_cleans_up_and_ends(
    acme: RunningProject, tmp_path: Path
) -> None:
    worker = launch_worker(acme.credentials, tmp_path, TENANT, RIVAL_CHECK="required")
    try:
        wait_until(lambda: _answers_checking(worker), "answering `checking`")
        children = children_of(worker.pid)
        os.kill(worker.pid, 9)
        worker.wait(60)
        wait_until(lambda: not any(map(_is_running, children)), "gone", 15)
    finally:
        worker.child.kill()
    assert await probe_rooms(acme.credentials) == []


@pytest.mark.alone  # it measures
@pytest.mark.timeout(400)  # ten starts; only their ratio is tested
def test_a_start_with_its_live_checks_takes_hardly_longer_than_one_without(
    acme: RunningProject, tmp_path: Path
) -> None:
    plain, full = [], []
    for turn in range(_PAIRS):
        plain.append(_time(acme.credentials, tmp_path / f"without-{turn}", "without"))
        full.append(_time(acme.credentials, tmp_path / f"with-{turn}", "with"))
    print(
        f"seconds to ready, best of {_PAIRS}: {min(plain):.2f} without checks, {min(full):.2f} with"
    )
    # The best of each: whatever else this machine does can only add to a start. One check after
    # another, the look for rivals alone would make it half as long again.
    assert min(full) < 1.25 * min(plain), (plain, full)


def _time(credentials: Credentials, folder: Path, way: str) -> float:
    """Start a worker; gives the seconds after which it was ready."""
    folder.mkdir()
    values = variables_for(credentials, folder, TENANT, RIVAL_CHECK="required")
    file = folder / "tenant.env"
    file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    began = time.monotonic()
    child = start_child(
        f"a start {way} checks",
        [sys.executable, str(_SCRIPT), way, "run", "--env-file", str(file)],
        log=folder / "worker.log",
        environment=plain_environment() | {"PYTHONPATH": str(_ROOT)},
    )
    worker = RunningWorker(child, folder)
    try:
        worker.wait_until(lambda: worker.state().get("state") == "ready", "ready", 60)
        return time.monotonic() - began
    finally:
        child.kill()


def _rivals_in(report: dict[str, Any]) -> str:
    (line,) = [check for check in report["checks"] if check["id"] == "project.rivals"]
    return str(line["outcome"])


def _answers_checking(worker: RunningWorker) -> bool:
    try:
        body: Any = worker.get("/readyz")[1]
    except (OSError, KeyError, http.client.HTTPException):
        return False
    return bool(body["state"] == "checking")


def _is_running(pid: int) -> bool:
    return Path(f"/proc/{pid}/status").exists()


def _command_line(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return "gone meanwhile"
