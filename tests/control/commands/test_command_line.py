"""The commands as a person types them, each in a folder of its own."""

import json
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from contract.programs import ROOT
from sandbox.child import plain_environment
from tests.control.planes import CANARY
from tests.control.tenants.env_files import ENV, write


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
    added = _run(tmp_path, "tenants", "add", "acme", "--env-file", str(write(tmp_path)))
    assert (added.returncode, "acme registered" in added.stdout) == (0, True), added.stderr
    folder = tmp_path / "folder"
    folder.mkdir()
    write(folder, ENV.replace("APIacme", "APIglobex"), "globex")
    write(folder, name="initech")
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
def test_an_env_file_is_refused_with_every_fault_in_a_line_and_taken_with_its_warnings(
    tmp_path: Path,
) -> None:
    faulty = ENV.replace("=3", "=5000").replace("APIacme", "your-api-key")
    refused = _run(tmp_path, "tenants", "add", "acme", "--env-file", str(write(tmp_path, faulty)))
    assert refused.returncode == 78
    assert refused.stderr.splitlines() == [
        "LIVEKIT_API_KEY: is a placeholder, not a value; for example APIa1B2c3D4e5F6",
        "MAX_CALLS: is not between 1 and 1000; for example 10",
        "  mend what is named and send it again",
    ]
    imported = _run(tmp_path, "tenants", "import", str(tmp_path))
    assert imported.returncode == 78
    assert "acme.env: MAX_CALLS: is not between 1 and 1000" in imported.stderr
    twice = write(tmp_path, ENV + "MAX_CALLS=4\nLOG_FORMATT=json\n")
    added = _run(tmp_path, "tenants", "add", "acme", "--env-file", str(twice))
    assert added.returncode == 0
    assert "  warning: MAX_CALLS: acme.env line 10: it stands twice" in added.stdout
    assert "did you mean LOG_FORMAT?" in added.stdout
    assert "left out: LOG_LEVEL" in added.stdout


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
