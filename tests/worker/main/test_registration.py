"""How the worker judges that its project cannot be reached, or does not want it any more."""

from types import SimpleNamespace
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from project.credentials import Credentials
from sandbox.servers import RunningProject
from worker.main.registration import WorkerRegistration


def registration(credentials: Credentials) -> WorkerRegistration:
    return WorkerRegistration(credentials, on_change=lambda: None, on_return=lambda: None)


def refused(status: int = 401) -> aiohttp.WSServerHandshakeError:
    request: Any = SimpleNamespace(real_url="ws://127.0.0.1:9/agent")
    return aiohttp.WSServerHandshakeError(request, (), status=status)


NOBODY = Credentials("ws://127.0.0.1:9", "APInobody", SecretStr("s" * 32))


async def test_a_lost_network_is_no_revocation_however_often() -> None:
    watched = registration(NOBODY)
    for _ in range(5):
        await watched.failed(TimeoutError())
    assert watched.revoked is None
    assert "cannot be reached (no answer in time)" in watched.reason


@pytest.mark.integration
async def test_credentials_count_as_revoked_when_they_are_refused_twice_in_a_row(
    acme: RunningProject,
) -> None:
    unknown = Credentials(acme.url, "APInobody", SecretStr("s" * 32))
    watched = registration(unknown)
    await watched.failed(refused())
    assert watched.revoked is None
    await watched.failed(TimeoutError())
    await watched.failed(refused())
    assert watched.revoked is None
    await watched.failed(refused())
    assert watched.revoked is not None
    assert "does not know this API key" in watched.revoked
    watched.registered("AW_1")
    assert watched.revoked is None
    assert watched.reason == ""


@pytest.mark.integration
async def test_a_wrong_secret_is_named_as_such(acme: RunningProject) -> None:
    wrong = Credentials(acme.url, acme.credentials.api_key, SecretStr("s" * 32))
    watched = registration(wrong)
    await watched.failed(refused())
    assert "the secret is not this key's" in watched.reason
    assert "s" * 32 not in watched.reason


async def test_the_pauses_between_tries_grow_to_four_seconds_and_no_further() -> None:
    watched = registration(NOBODY)
    pauses = []
    for _ in range(30):
        await watched.failed(TimeoutError())
        pauses.append(watched._pause())
    assert pauses[0] <= 0.5
    assert 3 <= max(pauses[5:]) <= 4
    watched.registered("AW_1")
    assert watched._pause() == 0


async def test_a_token_is_signed_anew_for_each_try() -> None:
    watched = registration(NOBODY)
    assert (await watched.next_try()).count(".") == 2
