"""TLS: what is wrong with a certificate is named, and one that soon runs out is a warning."""

import json
import os
import subprocess
import sys
from asyncio import to_thread
from pathlib import Path
from typing import Any

import pytest

from sandbox.servers import RunningProject
from tests.bootstrap.preflight.asking import (
    Ask,
    canary,
    detail_of,
    environment,
    failed,
    outcome_of,
    settings_of,
)
from tests.bootstrap.preflight.certificates import Authority
from tests.bootstrap.preflight.hosts import always, pipe_to, raw_host, web_host

pytestmark = pytest.mark.integration
_ROOT = Path(__file__).resolve().parents[3]
_IDS = ["self-signed", "expired", "wrong-name", "unknown-authority"]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """Signs what the tests' servers show."""
    return Authority(tmp_path_factory.mktemp("certificates"))


@pytest.mark.parametrize(
    ("shown", "is_trusted", "named"),
    [
        ({"is_self_signed": True}, True, "self-signed"),
        ({"days": -2}, True, "expired"),
        ({"name": "livekit.example.com"}, True, "not for 127.0.0.1"),
        ({}, False, "issuer is not known"),
    ],
    ids=_IDS,
)
async def test_a_certificate_that_does_not_hold_is_named(
    ask: Ask,
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    shown: dict[str, Any],
    is_trusted: bool,
    named: str,
) -> None:
    if is_trusted:
        monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with raw_host(pipe_to("127.0.0.1", 9), authority.serving(**shown)) as port:
        report = await ask(settings_of(canary(f"wss://127.0.0.1:{port}")))
    assert failed(report) == (["network.tls"], 69)
    assert named in detail_of(report, "network.tls")


async def test_a_port_that_speaks_plain_http_holds_no_certificate(ask: Ask) -> None:
    async with web_host(always(200, "OK")) as port:
        report = await ask(settings_of(canary(f"wss://127.0.0.1:{port}")))
    assert failed(report) == (["network.tls"], 69)


async def test_ten_days_left_is_a_warning_and_everything_else_is_asked_over_tls(
    authority: Authority, acme: RunningProject, tmp_path: Path
) -> None:
    async with raw_host(
        pipe_to("127.0.0.1", acme.ports.http), authority.serving(days=10.5)
    ) as port:
        variables = environment(acme.credentials, LIVEKIT_URL=f"wss://127.0.0.1:{port}")
        report = await to_thread(_check, variables, authority.file)
    outcomes = {check["id"]: check["outcome"] for check in report["checks"]}
    assert outcomes.pop("network.tls") == "warn"
    assert set(outcomes.values()) <= {"pass", "skip"}
    assert outcomes["project.worker"] == outcomes["project.media"] == "pass"
    assert report["exit_code"] == 0


def _check(variables: dict[str, str], authority: Path) -> dict[str, Any]:
    # A program of its own: aiohttp and the native library read SSL_CERT_FILE once, at their start.
    done = subprocess.run(
        [sys.executable, "-m", "bootstrap", "check", "--json"],
        cwd=_ROOT,
        env=variables | {"SSL_CERT_FILE": str(authority), "PATH": os.environ["PATH"]},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert variables["LIVEKIT_API_SECRET"] not in done.stdout + done.stderr
    report: dict[str, Any] = json.loads(done.stdout)
    return report


async def test_a_certificate_with_time_left_passes(
    ask: Ask, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.file))
    async with raw_host(pipe_to("127.0.0.1", 9), authority.serving()) as port:
        report = await ask(settings_of(canary(f"wss://127.0.0.1:{port}")), only=["network.tls"])
    assert outcome_of(report, "network.tls") == "pass"
