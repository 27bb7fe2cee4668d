"""The script that starts the container's program, from a checkout."""

import subprocess

import pytest

from contract.programs import ROOT
from sandbox.child import plain_environment

pytestmark = pytest.mark.integration


def start(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(ROOT / "entrypoint.sh"), *arguments],
        env=plain_environment(),
        cwd="/",
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=100,
    )


@pytest.mark.parametrize("arguments", [(), ("run",), ("check",)])
def test_it_passes_its_arguments_and_the_exit_code_and_runs_without_any(
    arguments: tuple[str, ...],
) -> None:
    done = start(*arguments)
    assert done.returncode == 78, done.stderr
    assert "TENANT_ID" in done.stdout + done.stderr


def test_it_teaches_when_asked_for_help() -> None:
    done = start("--help")
    assert done.returncode == 0
    assert "check" in done.stdout
