"""Every workflow, those that the documentation shows included, is one that GitHub would take."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

from contract.programs import ROOT
from tests.workflows import workflow

_ACTIONLINT = ROOT / ".tools" / "bin" / "actionlint"
_SHELLCHECK = Path(sys.executable).parent / "shellcheck"
_PINNED = re.compile(r"[^@]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
_OURS = sorted(workflow.FOLDER.glob("*.yml"))
_TENANTS = workflow.blocks("docs/ci.md", "yaml")


def _actionlint(text: str) -> str:
    done = subprocess.run(
        [str(_ACTIONLINT), "-no-color", "-shellcheck", str(_SHELLCHECK), "-"],
        input=text,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
    )
    return done.stdout + done.stderr


def test_the_documentation_shows_one_workflow() -> None:
    (text,) = _TENANTS
    assert workflow.read(text)["jobs"].keys() == {"image", "prove"}


@pytest.mark.parametrize("text", _TENANTS)
def test_a_workflow_to_copy_is_one(text: str) -> None:
    assert _actionlint(text) == ""


@pytest.mark.parametrize(
    ("right", "wrong", "fault"),
    [
        ("steps.build.outputs.digest", "steps.built.outputs.digest", "built"),
        ('"$TOKEN"', "$TOKEN", "SC2086"),
    ],
)
def test_a_fault_in_it_would_be_seen(right: str, wrong: str, fault: str) -> None:
    (text,) = _TENANTS
    assert fault in _actionlint(text.replace(right, wrong))


@pytest.mark.parametrize(
    "text", [*(path.read_text() for path in _OURS), *_TENANTS], ids=lambda text: text.split("\n")[0]
)
def test_others_actions_are_pinned_by_commit_with_the_version_beside_it(text: str) -> None:
    uses = [line.split("uses: ")[1] for line in text.splitlines() if "uses: " in line]
    assert uses
    for action in uses:
        assert action.startswith("./") or _PINNED.fullmatch(action), action


def test_packages_are_built_by_the_uv_that_fills_the_images() -> None:
    released = (workflow.FOLDER / "release.yml").read_text()
    (version,) = re.findall(r"ARG UV_VERSION=(.+)", (ROOT / "Dockerfile").read_text())
    assert f"version: {version}\n" in released
