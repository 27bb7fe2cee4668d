"""Secrets that are made once: into files, told once, and read again from there."""

import stat
import subprocess
import sys
from pathlib import Path

import pytest

from contract.programs import ROOT
from control import settings
from control.first_keys import MADE_HERE, make_files, new_keys
from control.settings import ControlSettingsFault
from control.storage.database import database_url
from sandbox.child import plain_environment

URL = "postgresql://control@postgres/control"


def keys(**named: Path | str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "control", "keys", "--files"],
        cwd=ROOT,
        env=plain_environment() | {name: str(path) for name, path in named.items()},
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.integration
def test_files_are_made_once_and_the_token_is_told_when_it_is_made(tmp_path: Path) -> None:
    named = {f"{name}_FILE": tmp_path / name.lower() for name in MADE_HERE}
    first = keys(**named)
    assert first.returncode == 0, first.stderr
    made = {name: (tmp_path / name.lower()).read_text() for name in MADE_HERE}
    assert f"first token: {made['CONTROL_TOKEN']}" in first.stdout.splitlines()
    for name in MADE_HERE:
        assert stat.S_IMODE((tmp_path / name.lower()).stat().st_mode) == 0o600
        assert made[name] not in first.stdout.replace(made["CONTROL_TOKEN"], "")
    second = keys(**named)
    assert (second.returncode, second.stdout) == (0, "")
    assert made == {name: (tmp_path / name.lower()).read_text() for name in MADE_HERE}
    # What was made is what the settings take.
    read = settings.parse(
        {name: str(path) for name, path in named.items()} | {"CONTROL_DATABASE_URL": URL}
    )
    assert read.token is not None
    assert read.token.get_secret_value() == made["CONTROL_TOKEN"]
    assert read.claim_private_key is not None
    assert database_url(read.database_url).password == made["CONTROL_DATABASE_PASSWORD"]


def test_one_that_is_missing_is_made_beside_the_others(tmp_path: Path) -> None:
    paths = {name: tmp_path / name for name in MADE_HERE}
    paths["CONTROL_TOKEN"].write_text("kept")
    made = make_files(paths)
    assert set(made) == set(MADE_HERE) - {"CONTROL_TOKEN"}
    assert paths["CONTROL_TOKEN"].read_text() == "kept"
    assert {path.name for path in tmp_path.iterdir()} == set(MADE_HERE)


@pytest.mark.integration
def test_a_folder_that_is_not_there_and_no_file_at_all_are_faults(tmp_path: Path) -> None:
    absent = keys(CONTROL_TOKEN_FILE=tmp_path / "absent" / "token")
    assert absent.returncode == 78
    assert str(tmp_path / "absent") in absent.stderr
    assert "Traceback" not in absent.stderr
    nothing = keys()
    assert nothing.returncode == 78
    assert "CONTROL_TOKEN_FILE" in nothing.stderr


def test_a_databases_password_that_came_by_itself_is_taken_as_it_stands() -> None:
    told = new_keys() | {"CONTROL_DATABASE_URL": URL, "CONTROL_DATABASE_PASSWORD": "p@ss/w:rd %"}
    read = settings.parse(told)
    assert database_url(read.database_url).password == "p@ss/w:rd %"
    assert database_url(read.database_url).host == "postgres"


@pytest.mark.parametrize(
    "url",
    ["sqlite:///control.db", "postgresql://control:known@postgres/control", "postgresql://h/n"],
)
def test_a_password_that_has_no_place_in_the_url_is_a_fault(url: str) -> None:
    told = new_keys() | {"CONTROL_DATABASE_URL": url, "CONTROL_DATABASE_PASSWORD": "canary-word"}
    with pytest.raises(ControlSettingsFault, match="CONTROL_DATABASE_PASSWORD") as fault:
        settings.parse(told)
    assert "canary-word" not in str(fault.value)
    assert "known" not in str(fault.value)


@pytest.mark.integration
def test_an_env_file_of_keys_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "control.env"
    with path.open("w") as file:
        path.chmod(0o644)
        command = [sys.executable, "-m", "control", "keys"]
        subprocess.run(command, cwd=ROOT, env=plain_environment(), stdout=file, check=True)
    assert "CONTROL_SEALING_KEY=" in path.read_text()
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
