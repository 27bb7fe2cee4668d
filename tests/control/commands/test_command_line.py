"""The commands as a person types them, each in a folder of its own."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from contract.programs import ROOT
from control.tenants.env_file import read_env_file
from control.tenants.registry import RegistrationRefused
from sandbox.child import plain_environment
from tests.control.planes import CANARY

ENV = f"""LIVEKIT_URL=wss://acme.livekit.cloud
LIVEKIT_API_KEY=APIacme
LIVEKIT_API_SECRET={CANARY}
ROOM_PREFIX=acme--
MAX_CALLS=3
AGENT_CONFIG=agent.yaml
TOKEN_RULE=warn
USAGE_SECRET=not-the-tenants
"""


def _write(folder: Path, name: str = "acme", text: str = ENV) -> Path:
    (folder / "agent.yaml").write_text("greeting: Hello\n")
    path = folder / f"{name}.env"
    path.write_text(text)
    return path


def test_an_env_file_becomes_a_rows_settings(tmp_path: Path) -> None:
    read = read_env_file(_write(tmp_path))
    assert read.tenant_id == "acme"
    assert read.settings["livekit"]["api_secret"] == CANARY
    assert read.settings["agent"] == {
        "env": {"TOKEN_RULE": "warn"},
        "room_prefix": "acme--",
        "max_calls": 3,
        "config": {"greeting": "Hello"},
    }
    assert read.ignored == ("USAGE_SECRET",)
    assert CANARY not in repr(read)


def test_a_secret_may_stand_in_a_file_of_its_own(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text(f"{CANARY}\n")
    text = ENV.replace(f"LIVEKIT_API_SECRET={CANARY}", "LIVEKIT_API_SECRET_FILE=secret")
    assert read_env_file(_write(tmp_path, text=text)).settings["livekit"]["api_secret"] == CANARY


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (ENV + "TENANT_ID=globex\n", "TENANT_ID is globex"),
        (ENV.replace("LIVEKIT_URL", "URL"), "LIVEKIT_URL missing"),
        (ENV.replace("=3", "=three"), "MAX_CALLS is no whole number"),
        (ENV.replace("agent.yaml", "absent.yaml"), "AGENT_CONFIG"),
        (ENV + "LIVEKIT_API_KEY_FILE=x\n", "given twice"),
    ],
)
def test_an_env_file_that_cannot_be_right_is_refused(
    tmp_path: Path, text: str, problem: str
) -> None:
    with pytest.raises(RegistrationRefused, match=problem) as refused:
        read_env_file(_write(tmp_path, text=text), "acme")
    assert CANARY not in str(refused.value)


def _run(folder: Path, *arguments: str, **more: str) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [sys.executable, "-m", "control", *arguments],
        cwd=folder,
        env=plain_environment() | {"PYTHONPATH": str(ROOT), "LAUNCHER": "none"} | more,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert CANARY not in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
    return done


@pytest.mark.integration
def test_tenants_are_registered_imported_and_listed_with_nothing_set(tmp_path: Path) -> None:
    added = _run(tmp_path, "tenants", "add", "acme", "--env-file", str(_write(tmp_path)))
    assert (added.returncode, "acme registered" in added.stdout) == (0, True), added.stderr
    folder = tmp_path / "folder"
    folder.mkdir()
    _write(folder, "globex", ENV.replace("APIacme", "APIglobex"))
    _write(folder, "initech")
    imported = _run(tmp_path, "tenants", "import", str(folder))
    assert imported.returncode == 78
    assert "1 of 2 registered" in imported.stdout
    assert "belongs to tenant acme" in imported.stderr
    listed = _run(tmp_path, "tenants", "list", "--json")
    shown = json.loads(listed.stdout)
    assert [one["id"] for one in shown] == ["acme", "globex"]
    assert shown[0]["project"]["host"] == "acme.livekit.cloud"
    table = _run(tmp_path, "tenants", "list").stdout.splitlines()
    assert [line.split()[0] for line in table] == ["tenant", "acme", "globex"]
    assert (tmp_path / "control.db.keys").stat().st_mode & 0o777 == 0o600


@pytest.mark.integration
def test_what_is_missing_or_wrong_is_named_with_its_exit_code(tmp_path: Path) -> None:
    database = {"CONTROL_DATABASE_URL": f"sqlite:///{tmp_path}/x.db"}
    missing = _run(tmp_path, "serve", **database)
    assert missing.returncode == 78
    assert "CONTROL_SEALING_KEY: missing" in missing.stderr
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        busy = _run(tmp_path, "serve", "--port", port)
    assert busy.returncode == 78
    assert f"--port {port}: " in busy.stderr
    assert "in use" in busy.stderr
    unknown = _run(tmp_path, "call", "nobody")
    assert unknown.returncode == 78
    assert "there is no tenant nobody" in unknown.stderr
