"""`run` and `check` as child processes: how they end when they cannot serve, and what they say."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from bootstrap.state_dir import acquire
from contract.programs import ROOT
from project.credentials import Credentials
from sandbox.child import plain_environment
from sandbox.ports import free_port
from sandbox.servers import RunningProject
from tests.bootstrap.tenants import GOOD, SECRET
from tests.workers import variables_for

pytestmark = [pytest.mark.integration, pytest.mark.timeout(180)]

_CANARY = Credentials("ws://127.0.0.1:9", GOOD["LIVEKIT_API_KEY"], SecretStr(SECRET))


@dataclass(frozen=True)
class Ended:
    """How a command ended."""

    code: int
    output: str
    state: dict[str, Any]


@contextmanager
def _started(
    credentials: Credentials, folder: Path, command: str = "run", **changed: str
) -> Iterator[subprocess.Popen[str]]:
    env_file = folder / "acme.env"
    values = variables_for(credentials, folder, **{"AGENT": "", **changed})
    env_file.write_text("".join(f"{name}={text}\n" for name, text in values.items()))
    with subprocess.Popen(
        [sys.executable, "-m", "bootstrap", command, "--env-file", str(env_file)],
        cwd=ROOT,
        env=plain_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    ) as child:
        try:
            yield child
        finally:
            child.kill()


def _run(credentials: Credentials, folder: Path, **changed: str) -> Ended:
    with _started(credentials, folder, **changed) as child:
        output, _ = child.communicate(timeout=120)
    for secret in (SECRET, credentials.api_secret.get_secret_value()):
        assert secret not in output
    assert "Traceback" not in output
    return Ended(child.returncode, output, _state(folder))


def _state(folder: Path) -> dict[str, Any]:
    path = folder / "state" / "state.json"
    state: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    return state


def test_another_projects_key_is_refused_with_77_and_the_cause(
    acme: RunningProject, globex: RunningProject, tmp_path: Path
) -> None:
    ended = _run(globex.credentials, tmp_path, LIVEKIT_URL=acme.url)
    assert ended.code == 77
    assert "credential.known" in ended.output
    assert ended.state["exit_code"] == 77
    assert ended.state["report"]["verdict"] == "fail"


def test_a_wrong_secret_is_refused_with_77_and_the_cause(
    acme: RunningProject, tmp_path: Path
) -> None:
    ended = _run(acme.credentials, tmp_path, LIVEKIT_API_SECRET=SECRET)
    assert ended.code == 77
    assert "credential.secret" in ended.output


def test_a_project_that_is_down_is_69(tmp_path: Path) -> None:
    ended = _run(_CANARY, tmp_path, LIVEKIT_URL=f"ws://127.0.0.1:{free_port()}")
    assert ended.code == 69
    assert "network.connects" in ended.output
    assert ended.state["exit_code"] == 69


def test_a_missing_secret_is_78_in_one_line(tmp_path: Path) -> None:
    ended = _run(_CANARY, tmp_path, LIVEKIT_API_SECRET="")
    assert ended.code == 78
    assert ended.output.startswith("LIVEKIT_API_SECRET: is missing; for example ")
    assert ended.output.count("\n") == 1


def test_a_busy_health_port_is_78_and_the_reason(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = _run(_CANARY, tmp_path, HEALTH_PORT=str(port))
    assert ended.code == 78
    assert f"HEALTH_PORT: {port} is in use by another program" in ended.output
    assert ended.state["exit_code"] == 78


def test_a_state_dir_in_use_is_78_and_names_the_holder(tmp_path: Path) -> None:
    held = acquire(tmp_path / "state")
    ended = _run(_CANARY, tmp_path)
    held.release()
    assert ended.code == 78
    assert f"is in use by process {os.getpid()}" in ended.output
    assert ended.state["exit_code"] is None


def test_a_state_dir_that_cannot_be_made_is_78_and_the_reason(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    ended = _run(_CANARY, tmp_path, STATE_DIR=str(tmp_path / "file"))
    assert ended.code == 78
    assert "STATE_DIR: " in ended.output
    assert "File exists" in ended.output


def test_an_agent_that_cannot_be_imported_is_78_and_the_true_cause(tmp_path: Path) -> None:
    (tmp_path / "code").mkdir()
    (tmp_path / "code" / "acme_agent.py").write_text("\nimport acme_missing_library\n")
    changed = {"AGENT": "acme_agent:answer", "PYTHONPATH": str(tmp_path / "code")}
    with (
        _started(_CANARY, tmp_path, "run", **changed) as run,
        _started(_CANARY, tmp_path, "check", **changed) as check,
    ):
        for child in (run, check):
            output, _ = child.communicate(timeout=120)
            assert child.returncode == 78, output
            told = " ".join(output.split())
            assert "No module named 'acme_missing_library' (acme_agent.py line 2)" in told
            assert "Traceback" not in output


@pytest.fixture
def mute() -> Iterator[socket.socket]:
    """A host that accepts connections and never answers."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(120)
        yield listener


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_start_that_is_told_to_stop_ends_with_0_and_leaves_nothing(
    number: signal.Signals, mute: socket.socket, tmp_path: Path
) -> None:
    url = f"ws://127.0.0.1:{mute.getsockname()[1]}"
    with _started(_CANARY, tmp_path, LIVEKIT_URL=url) as child:
        with mute.accept()[0]:  # the preflight is under way
            child.send_signal(number)
            # The pipe's end comes only when the preflight's child is gone as well.
            output, _ = child.communicate(timeout=120)
    assert child.returncode == 0, output
    assert f"told to stop by {number.name}" in output
    assert "Traceback" not in output
    assert _state(tmp_path)["exit_code"] == 0


@pytest.mark.parametrize("command", ["check", "smoke"])
def test_ctrl_c_ends_a_question_as_a_shell_expects_it(
    command: str, mute: socket.socket, tmp_path: Path
) -> None:
    url = f"ws://127.0.0.1:{mute.getsockname()[1]}"
    with _started(_CANARY, tmp_path, command, LIVEKIT_URL=url) as child:
        with mute.accept()[0]:
            child.send_signal(signal.SIGINT)
            output, _ = child.communicate(timeout=120)
    assert child.returncode == -signal.SIGINT, output
    assert "Traceback" not in output
