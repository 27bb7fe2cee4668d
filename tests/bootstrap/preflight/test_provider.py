"""The model provider: down, refusing, at its limit, or without the configured model."""

import json
import socket

import pytest

from bootstrap.settings.settings import WorkerSettings
from sandbox.servers import RunningProject
from tests.bootstrap.preflight.asking import Ask, canary, detail_of, failed, outcome_of, settings_of
from tests.bootstrap.preflight.hosts import Handler, always, web_host

pytestmark = pytest.mark.integration
_CHECKS = ("provider.authorized",)
_MODELS = json.dumps({"data": [{"id": "gpt-4.1"}, {"id": "gpt-4o-mini-tts"}]})


def _settings(port: int, **changes: str) -> WorkerSettings:
    base = f"http://127.0.0.1:{port}/v1"
    given = {"PROVIDER_CHECK": "required", "OPENAI_BASE_URL": base} | changes
    return settings_of(canary("ws://127.0.0.1:9"), **given)


@pytest.mark.parametrize(
    ("handler", "check_id", "code"),
    [
        (always(401, '{"error": "bad key"}'), "provider.authorized", 77),
        (always(403, "no"), "provider.authorized", 77),
        (always(429, "slow down"), "provider.authorized", 69),
        (always(500, "oh"), "provider.reachable", 69),
        (always(200, _MODELS), "provider.authorized", 78),
        (always(200, "<html>"), "provider.authorized", 69),
        (always(200, "[" * 10_000_000), "provider.authorized", 69),
    ],
    ids=["401", "403", "429", "500", "no-such-model", "a-page", "10-MB"],
)
async def test_a_provider_that_will_not_serve_is_named(
    ask: Ask, handler: Handler, check_id: str, code: int
) -> None:
    async with web_host(handler) as port:
        report = await ask(_settings(port), only=_CHECKS)
    assert failed(report) == ([check_id], code)


async def test_the_missing_model_is_named(ask: Ask) -> None:
    async with web_host(always(200, _MODELS)) as port:
        report = await ask(_settings(port), only=_CHECKS)
    assert detail_of(report, "provider.authorized").endswith("no model gpt-4o-mini-transcribe")


async def test_a_provider_that_is_not_there_is_unreachable(ask: Ask) -> None:
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        report = await ask(_settings(held.getsockname()[1]), only=_CHECKS)
    assert failed(report) == (["provider.reachable"], 69)


async def test_a_provider_without_a_list_of_models_is_a_warning(ask: Ask) -> None:
    async with web_host(always(404, "not found")) as port:
        report = await ask(_settings(port), only=_CHECKS)
    assert outcome_of(report, "provider.authorized") == "warn"


async def test_a_choice_of_warn_lets_a_dead_provider_pass_with_a_warning(ask: Ask) -> None:
    async with web_host(always(500)) as port:
        report = await ask(_settings(port, PROVIDER_CHECK="warn"), only=_CHECKS)
    assert failed(report) == ([], 0)
    assert outcome_of(report, "provider.reachable") == "warn"
    assert outcome_of(report, "provider.authorized") == "skip"


async def test_a_choice_of_off_asks_nothing_of_the_provider(ask: Ask) -> None:
    report = await ask(_settings(9, PROVIDER_CHECK="off"), only=_CHECKS)
    assert outcome_of(report, "provider.reachable") == "skip"
    assert outcome_of(report, "provider.authorized") == "skip"


async def test_the_most_permanent_fault_gives_the_exit_code(
    ask: Ask, acme: RunningProject, globex: RunningProject
) -> None:
    async with web_host(always(200, _MODELS)) as port:
        base = {"PROVIDER_CHECK": "required", "OPENAI_BASE_URL": f"http://127.0.0.1:{port}/v1"}
        strange = settings_of(
            type(acme.credentials)(
                acme.url, globex.credentials.api_key, globex.credentials.api_secret
            ),
            **base,
        )
        report = await ask(strange)
    assert failed(report) == (["credential.known", "provider.authorized"], 78)
