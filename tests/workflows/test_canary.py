"""The canary says which private names are gone, and opens one issue for it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from contract.programs import ROOT
from tests.workflows import workflow

_CANARY = workflow.read((workflow.FOLDER / "canary.yml").read_text())
# In place of GitHub's: keeps the issues' texts in a folder.
_GH = """#!/bin/sh
echo "$*" >> calls
case "$1 $2" in
"issue list") ls issues | wc -l ;;
"issue create") shift $(($# - 1)); printf '%s' "$1" > "issues/$(ls issues | wc -l)" ;;
esac
"""
_SDK_OF_TOMORROW = """
from livekit.agents import AgentServer
from livekit.agents.voice.room_io import _output

del AgentServer._is_available, _output._ParticipantAudioOutput
"""


@pytest.fixture
def github(tmp_path: Path) -> Path:
    """A folder with a `gh` and no issue."""
    (tmp_path / "issues").mkdir()
    (tmp_path / "gh").write_text(_GH)
    (tmp_path / "gh").chmod(0o755)
    return tmp_path


def _open_issue(github: Path, gone: str) -> None:
    script = workflow.script(_CANARY, "issue", "Open an issue, unless one is open")
    variables = {
        "PATH": f"{github}:{os.environ['PATH']}",
        "GONE": gone,
        "GITHUB_SERVER_URL": "https://github.example",
        "GITHUB_REPOSITORY": "acme/worker",
        "GITHUB_RUN_ID": "7",
    }
    done = workflow.run(script, variables, github)
    assert done.returncode == 0, done.stderr


def _marked() -> list[str]:
    # To read each test of the worker, as the canary does, would take longer and show no more.
    paths = (ROOT / "tests" / "worker").rglob("test_*.py")
    return [str(path) for path in paths if "pytest.mark.private_names" in path.read_text()]


def _find_gone(folder: Path, **variables: str) -> tuple[int, Path]:
    gone = folder / "gone.md"
    done = subprocess.run(
        [sys.executable, str(ROOT / ".ci" / "private_names.py"), str(gone), *_marked()],
        env=os.environ | variables,
        cwd=ROOT,
        capture_output=True,
    )
    return done.returncode, gone


def test_one_issue_is_opened_and_none_while_it_is_open(github: Path) -> None:
    _open_issue(github, "- `one` is gone; $(not a command)")
    _open_issue(github, "- `another` is gone")
    (issue,) = (github / "issues").iterdir()
    assert issue.read_text() == (
        "- `one` is gone; $(not a command)\n\n"
        "Seen in https://github.example/acme/worker/actions/runs/7"
    )


def test_an_issue_is_opened_again_when_the_first_is_closed(github: Path) -> None:
    _open_issue(github, "- `one` is gone")
    (github / "issues" / "0").unlink()
    _open_issue(github, "- `another` is gone")
    (issue,) = (github / "issues").iterdir()
    assert "another" in issue.read_text()


def test_issues_are_opened_and_looked_for_by_the_same_label(github: Path) -> None:
    _open_issue(github, "- `one` is gone")
    label, listed, created = (github / "calls").read_text().splitlines()[:3]
    assert label.startswith("label create private-names ")
    assert "--state open --label private-names" in listed
    assert "--label private-names" in created


@pytest.mark.integration
@pytest.mark.timeout(300)  # a pytest of its own imports the SDK, and every core may be taken
def test_what_is_gone_is_named(tmp_path: Path) -> None:
    (tmp_path / "sdk_of_tomorrow.py").write_text(_SDK_OF_TOMORROW)
    code, gone = _find_gone(tmp_path, PYTHONPATH=str(tmp_path), PYTEST_PLUGINS="sdk_of_tomorrow")
    assert code != 0
    about, _, *lines = gone.read_text().splitlines()
    assert "livekit-agents 1." in about
    for name in ("_is_available", "_ParticipantAudioOutput"):
        assert any(name in line.split("`: `")[1] for line in lines), lines


@pytest.mark.integration
@pytest.mark.timeout(300)  # a pytest of its own imports the SDK, and every core may be taken
def test_nothing_is_said_while_all_is_there(tmp_path: Path) -> None:
    code, gone = _find_gone(tmp_path)
    assert code == 0
    assert not gone.exists()
