"""`smoke` asks the project who takes this tenant's dispatches: ours, nobody, or somebody else."""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bootstrap.commands.smoke import Smoke, is_ours, smoke
from bootstrap.settings.settings import WorkerSettings, read
from contract.programs import ROOT
from project.probes import ProbeAnswer
from sandbox.child import plain_environment, start_child
from sandbox.servers import RunningProject
from tests.bootstrap.tenants import settings_of
from tests.workers import running_worker, variables_for


def _smoke(project: RunningProject, folder: Path) -> subprocess.CompletedProcess[str]:
    env_file = folder / "smoke.env"
    values = variables_for(project.credentials, folder)
    env_file.write_text("".join(f"{name}={text}\n" for name, text in values.items()))
    ran = subprocess.run(
        [sys.executable, "-m", "bootstrap", "smoke", "--env-file", str(env_file)],
        cwd=ROOT,
        env=plain_environment(),
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert project.credentials.api_secret.get_secret_value() not in ran.stdout + ran.stderr
    return ran


@contextmanager
def _rival(project: RunningProject, folder: Path) -> Iterator[None]:
    credentials = project.credentials
    secret = credentials.api_secret.get_secret_value()
    told = ["acme-agent", credentials.url, credentials.api_key, secret]
    rival = start_child(
        "rival",
        [sys.executable, "-m", "tests.bootstrap.rival", *told],
        log=folder / "rival.log",
    )
    try:
        rival.wait_until(lambda: "registered" in rival.log_tail(), "registered", 120)
        yield
    finally:
        rival.kill()


def _answer(settings: WorkerSettings, **changed: str) -> ProbeAnswer:
    shown = {
        "tenant": settings.identity.tenant,
        "key_fingerprint": settings.credentials.fingerprint,
    }
    return ProbeAnswer("agent-1", shown | changed)


def test_an_answer_is_ours_only_with_our_tenant_and_our_key() -> None:
    settings = settings_of()
    assert is_ours(_answer(settings), settings)
    assert not is_ours(_answer(settings, tenant="globex"), settings)
    assert not is_ours(_answer(settings, key_fingerprint="0f1e2d3c4b5a6978"), settings)
    assert not is_ours(ProbeAnswer("agent-2", {}), settings)
    assert not is_ours(replace(_answer(settings), is_agent=False), settings)


def test_nobody_is_69_ours_alone_is_0_and_anybody_else_is_77() -> None:
    settings = settings_of()
    ours, other = _answer(settings), ProbeAnswer("agent-of-somebody", {})
    for came, code, words in (
        (Smoke((), ()), 69, "nobody answered"),
        (Smoke((ours,), ()), 0, "ours answered"),
        (Smoke((), (other,)), 77, "somebody else takes dispatches"),
        (Smoke((ours,), (other,)), 77, "agent-of-somebody"),
    ):
        assert came.exit_code == code
        assert words in came.sentence(settings)


@pytest.mark.integration
@pytest.mark.timeout(300)  # five programs start one after another, on whatever the machine has left
def test_nobody_then_ours_then_somebody_else_are_told_apart(
    acme: RunningProject, tmp_path: Path
) -> None:
    nobody = _smoke(acme, tmp_path)
    assert nobody.returncode == 69, nobody.stderr
    assert nobody.stdout.startswith("nobody answered as 'acme-agent'")
    with running_worker(acme.credentials, tmp_path):
        ours = _smoke(acme, tmp_path)
        assert ours.returncode == 0, ours.stderr
        assert ours.stdout.startswith("ours answered as 'acme-agent'")
        with _rival(acme, tmp_path):
            settings = read(variables_for(acme.credentials, tmp_path))
            assert isinstance(settings, WorkerSettings)
            beside = asyncio.run(smoke(settings, rival_patience_seconds=15))
    assert beside.exit_code == 77
    assert beside.sentence(settings).startswith("somebody else takes dispatches for 'acme-agent'")
