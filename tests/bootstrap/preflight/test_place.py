"""A real project: how fast a healthy one is proven, what media needs, and that nothing stays."""

import asyncio
import json
import os
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bootstrap.preflight import run
from bootstrap.preflight.catalogue import CATALOGUE
from bootstrap.preflight.report import Report
from project.credentials import Credentials
from sandbox.ports import free_port
from sandbox.servers import Ports, RunningProject, start_project
from sandbox.speech.process import RunningSpeech
from tests.bootstrap.preflight.asking import (
    LONGEST_SECONDS,
    Ask,
    detail_of,
    environment,
    failed,
    outcome_of,
    probe_rooms,
    settings_of,
)

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("breaks speech")]
_ROOT = Path(__file__).resolve().parents[3]
_SLOW = {"project.rivals", "project.media"}


def _with(speech: RunningSpeech) -> dict[str, str]:
    return {
        "PROVIDER_CHECK": "required",
        "OPENAI_BASE_URL": speech.url,
        "OPENAI_API_KEY": speech.api_key,
    }


def _start_check(credentials: Credentials, **changes: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "bootstrap", "check", "--json"],
        cwd=_ROOT,
        env=environment(credentials, **changes) | {"PATH": os.environ["PATH"]},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def _finish(check: subprocess.Popen[str], credentials: Credentials) -> dict[str, Any]:
    try:
        out, errors = check.communicate(timeout=60)
    finally:
        check.kill()
    assert credentials.api_secret.get_secret_value() not in out + errors
    assert credentials.api_key not in out + errors
    assert "eyJ" not in out + errors
    report: dict[str, Any] = json.loads(out)
    assert report["exit_code"] == check.returncode
    return report


async def test_a_healthy_project_is_proven_in_hardly_longer_than_its_longest_check_takes(
    acme: RunningProject, speech: RunningSpeech
) -> None:
    # As a program of its own, which has loaded nothing yet.
    check = _start_check(acme.credentials, **_with(speech))
    report = await asyncio.to_thread(_finish, check, acme.credentials)
    outcomes = {line["id"]: line["outcome"] for line in report["checks"]}
    assert outcomes == {one.id: "pass" for one in CATALOGUE}
    assert report["project"]["edition"] == "self-hosted"
    assert report["elapsed_ms"] < 1.5 * max(line["elapsed_ms"] for line in report["checks"])
    assert await probe_rooms(acme.credentials) == []


async def test_without_rivals_and_media_it_takes_much_less_than_its_checks_one_by_one(
    ask: Ask, acme: RunningProject, speech: RunningSpeech
) -> None:
    quick = {check.id for check in CATALOGUE} - _SLOW
    settings = settings_of(acme.credentials, **_with(speech))
    reports = [await ask(settings, only=quick) for _ in range(3)]
    assert all(failed(report) == ([], 0) for report in reports)
    assert statistics.median(map(_share, reports)) < 0.75


def _share(report: Report) -> float:
    """Give how long a preflight took, as a share of what its checks took together."""
    return report.elapsed_ms / sum(line.elapsed_ms for line in report.lines)


@pytest.mark.parametrize(
    ("fault", "check_id", "code"),
    [
        ("401", "provider.authorized", 77),
        ("429", "provider.authorized", 69),
        ("500", "provider.reachable", 69),
    ],
)
async def test_the_speech_endpoints_refusals_are_named(
    ask: Ask, acme: RunningProject, speech: RunningSpeech, fault: Any, check_id: str, code: int
) -> None:
    speech.fail(fault)
    try:
        settings = settings_of(acme.credentials, **_with(speech))
        report = await ask(settings, only=["provider.authorized"])
    finally:
        speech.fail(None)
    assert failed(report) == ([check_id], code)


async def test_a_model_that_the_endpoint_has_not_is_named(
    ask: Ask, acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    config = tmp_path / "agent.yaml"
    config.write_text("models:\n  llm: gpt-99\n")
    settings = settings_of(acme.credentials, **_with(speech), AGENT_CONFIG=str(config))
    report = await ask(settings, only=["provider.authorized"])
    assert failed(report) == (["provider.authorized"], 78)
    assert "gpt-99" in detail_of(report, "provider.authorized")


class _Unreachable(RunningProject):
    """A server whose media goes to an address that nobody has: neither UDP nor TCP gets through."""

    def _configuration(self, key_is_valid: bool) -> str:
        configuration = json.loads(super()._configuration(key_is_valid))
        configuration["rtc"] |= {"node_ip": "192.0.2.77", "enable_loopback_candidate": False}
        return json.dumps(configuration)


@pytest.fixture
def without_udp(tmp_path: Path) -> Iterator[RunningProject]:
    """A project behind a network that lets no UDP through."""
    project = start_project("without-udp", folder=tmp_path, udp=False)
    yield project
    project.kill()


@pytest.fixture
def without_media(tmp_path: Path) -> Iterator[RunningProject]:
    """A project whose signalling works and whose media does not."""
    ports = Ports(free_port(), free_port(), free_port())
    project = _Unreachable("without-media", tmp_path, ports, udp=True, webhook_url=None)
    yield project
    project.kill()


async def test_where_udp_is_blocked_a_packet_comes_over_tcp(
    ask: Ask, without_udp: RunningProject
) -> None:
    report = await ask(settings_of(without_udp.credentials), only=["project.media"])
    assert failed(report) == ([], 0)
    assert outcome_of(report, "project.media") == "warn"
    assert "TCP" in detail_of(report, "project.media")


async def test_where_udp_is_open_the_packet_comes_over_udp(ask: Ask, acme: RunningProject) -> None:
    report = await ask(settings_of(acme.credentials), only=["project.media"])
    assert detail_of(report, "project.media") == "a packet came over UDP"


async def test_where_no_media_gets_through_the_check_fails_and_the_program_ends(
    without_media: RunningProject,
) -> None:
    began = time.monotonic()
    check = _start_check(without_media.credentials, RIVAL_CHECK="off")
    report = await asyncio.to_thread(_finish, check, without_media.credentials)
    assert time.monotonic() - began < LONGEST_SECONDS
    faults = [line["id"] for line in report["checks"] if line["outcome"] == "fail"]
    assert (faults, report["exit_code"]) == (["project.media"], 69)
    assert await probe_rooms(without_media.credentials) == []


async def test_a_cancelled_preflight_removes_its_probe_rooms(acme: RunningProject) -> None:
    settings = settings_of(acme.credentials)
    task = asyncio.create_task(run.run(settings), name="a preflight to be cancelled")
    await _until_probed(acme.credentials)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert await probe_rooms(acme.credentials) == []


async def test_a_check_that_is_told_to_stop_removes_its_probe_rooms(acme: RunningProject) -> None:
    check = _start_check(acme.credentials)
    try:
        await _until_probed(acme.credentials)
        check.send_signal(signal.SIGTERM)
        await asyncio.to_thread(check.communicate, timeout=15)
    finally:
        check.kill()
    assert check.returncode == -signal.SIGTERM
    assert await probe_rooms(acme.credentials) == []


async def _until_probed(credentials: Credentials) -> None:
    # Two rooms stand for the whole patience of `project.rivals`.
    async with asyncio.timeout(30):
        while len(await probe_rooms(credentials)) < 2:
            await asyncio.sleep(0.05)
