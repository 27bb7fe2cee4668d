"""Keys and secrets that are not the project's, and clocks that make every token invalid."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web
from pydantic import SecretStr

from bootstrap.preflight.report import Report
from sandbox.servers import RunningProject
from tests.bootstrap.preflight.asking import (
    Ask,
    detail_of,
    failed,
    outcome_of,
    probe_rooms,
    settings_of,
)
from tests.bootstrap.preflight.hosts import always, before, web_host

pytestmark = pytest.mark.integration
_REGIONS = "/settings/regions"


async def test_another_tenants_key_is_unknown_to_this_project(
    ask: Ask, acme: RunningProject, globex: RunningProject
) -> None:
    mixed = replace(globex.credentials, url=acme.url)
    report = await ask(settings_of(mixed))
    assert failed(report) == (["credential.known"], 77)
    assert outcome_of(report, "project.rooms") == "skip"
    assert "credential.secret" in detail_of(report, "project.rooms")


async def test_a_wrong_secret_is_told_from_an_unknown_key(ask: Ask, acme: RunningProject) -> None:
    wrong = replace(acme.credentials, api_secret=SecretStr("canary-" + "x1y2z3" * 6))
    report = await ask(settings_of(wrong))
    assert failed(report) == (["credential.secret"], 77)
    assert outcome_of(report, "credential.known") == "pass"


async def test_a_wrong_path_is_told_from_a_strange_server(ask: Ask, acme: RunningProject) -> None:
    report = await ask(settings_of(replace(acme.credentials, url=f"{acme.url}/livekit")))
    assert failed(report) == (["server.is-livekit"], 78)
    assert "wrong path" in detail_of(report, "server.is-livekit")


@pytest.mark.parametrize("minutes", [10, -10])
async def test_a_clock_ten_minutes_off_is_named_before_any_token_is_sent(
    ask: Ask, acme: RunningProject, minutes: int
) -> None:
    tokens: list[str] = []

    def shift(request: web.Request, answer: web.Response) -> None:
        tokens.extend(request.headers.getall("Authorization", []))
        there = datetime.now(UTC) + timedelta(minutes=minutes)
        answer.headers["Date"] = format_datetime(there, usegmt=True)

    async with web_host(before(acme.credentials.http_url, shift)) as port:
        report = await ask(settings_of(replace(acme.credentials, url=f"ws://127.0.0.1:{port}")))
    assert failed(report) == (["server.clock"], 69)
    assert ("ahead" if minutes > 0 else "behind") in detail_of(report, "server.clock")
    assert tokens == []


async def test_on_cloud_a_key_of_another_project_is_refused(ask: Ask, acme: RunningProject) -> None:
    # LiveKit Cloud itself cannot be reached: a door before a real server lists regions as it does.
    elsewhere = '{"regions": [{"region": "x", "url": "https://globex-9z.x.livekit.cloud"}]}'
    report = await _on_cloud(ask, acme, elsewhere)
    assert "credential.of-this-project" in failed(report)[0]
    assert failed(report)[1] == 77
    assert report.edition == "cloud"


async def test_on_cloud_the_key_of_the_hosts_project_passes(ask: Ask, acme: RunningProject) -> None:
    here = '{"regions": [{"region": "x", "url": "https://127.x.production.livekit.cloud"}]}'
    report = await _on_cloud(ask, acme, here)
    assert outcome_of(report, "credential.of-this-project") == "pass"


async def test_on_cloud_what_cannot_be_told_is_a_warning(ask: Ask, acme: RunningProject) -> None:
    report = await _on_cloud(ask, acme, "<html>")
    assert outcome_of(report, "credential.of-this-project") == "warn"


async def _on_cloud(ask: Ask, acme: RunningProject, regions: str) -> Report:
    async def answer(request: web.Request) -> web.StreamResponse:
        if request.path == _REGIONS:
            return await always(200, regions)(request)
        return await before(acme.credentials.http_url, lambda _request, _answer: None)(request)

    async with web_host(answer) as port:
        credentials = replace(acme.credentials, url=f"ws://127.0.0.1:{port}")
        return await ask(settings_of(credentials), only=["credential.of-this-project"])


async def test_a_refused_preflight_leaves_nothing_behind(ask: Ask, acme: RunningProject) -> None:
    wrong = replace(acme.credentials, api_secret=SecretStr("canary-" + "x1y2z3" * 6))
    await ask(settings_of(wrong))
    assert await probe_rooms(acme.credentials) == []
