"""What is refused in the call's process, before it connects.

The server's side is made up where a real one cannot be had to send a foreign token or URL.
"""

import json
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from livekit.api import AccessToken, VideoGrants
from pydantic import SecretStr

from contract import claims
from contract.claims import Claim
from contract.policies import ClaimPolicy, Strictness
from contract.refusals import Refusal
from contract.settings.groups import ClaimRules, Host, Identity
from contract.tenant import new_nonce
from project.connection import Project
from project.credentials import Credentials
from project.dispatches import delete_dispatch, list_dispatches
from sandbox.servers import RunningProject
from tests.worker.dispatching import rooms_of
from worker.call import admission
from worker.call.admission import AdmissionRefused, is_own_url
from worker.configuration import Configuration
from worker.guard.offer import Offer

SECRET = SecretStr("s" * 32)


def credentials(url: str) -> Credentials:
    return Credentials(url, "APIacme", SECRET)


OWN_URLS = {
    "the very same": ("wss://lk.acme.example/rtc", "wss://lk.acme.example/rtc"),
    "another path and scheme of the same host": (
        "wss://lk.acme.example",
        "https://lk.acme.example/",
    ),
    "the default port written out": ("wss://lk.acme.example", "wss://lk.acme.example:443"),
    "other letters' case": ("wss://lk.acme.example", "wss://LK.Acme.Example"),
    "plain, where the tenant's own is plain": ("ws://10.0.0.5:7880", "ws://10.0.0.5:7880"),
    "a region of the same Cloud project": (
        "wss://acme-1a2b.livekit.cloud",
        "wss://acme-1a2b.ofrankfurt1b.production.livekit.cloud",
    ),
}
FOREIGN_URLS = {
    "another host": ("wss://lk.acme.example", "wss://lk.globex.example"),
    "another port": ("wss://lk.acme.example", "wss://lk.acme.example:8443"),
    "a host that only begins alike": (
        "wss://lk.acme.example",
        "wss://lk.acme.example.evil.example",
    ),
    "plain, where the tenant's own is encrypted": (
        "wss://lk.acme.example",
        "ws://lk.acme.example:443",
    ),
    "another Cloud project": ("wss://acme-1a2b.livekit.cloud", "wss://globex-9.livekit.cloud"),
    "a Cloud host, for a tenant that is not on Cloud": (
        "wss://acme-1a2b.example",
        "wss://acme-1a2b.livekit.cloud",
    ),
    "a host that only ends like Cloud": (
        "wss://acme-1a2b.livekit.cloud",
        "wss://acme-1a2b.evil-livekit.cloud",
    ),
    "user and host exchanged": ("wss://lk.acme.example", "wss://lk.acme.example@evil.example"),
    "no URL": ("wss://lk.acme.example", ""),
    "a port that is none": ("wss://lk.acme.example", "wss://lk.acme.example:x"),
    "another scheme": ("wss://lk.acme.example", "file://lk.acme.example"),
}


@pytest.mark.parametrize("sentence", OWN_URLS)
def test_a_url_is_the_tenants_own(sentence: str) -> None:
    own, named = OWN_URLS[sentence]
    assert is_own_url(named, credentials(own))


@pytest.mark.parametrize("sentence", FOREIGN_URLS)
def test_a_url_is_foreign(sentence: str) -> None:
    own, named = FOREIGN_URLS[sentence]
    assert not is_own_url(named, credentials(own))


def configuration(of: Credentials, **changed: Any) -> Configuration:
    plain = Configuration(
        identity=Identity("acme", "acme-agent", "acme--"),
        credentials=of,
        host=Host(Path("/nonexistent")),
    )
    return replace(plain, **changed)


def job_token(of: Credentials, room: str, *, is_agent: bool = True) -> str:
    grants = VideoGrants(room_join=True, room=room, agent=is_agent)
    token = AccessToken(of.api_key, of.api_secret.get_secret_value())
    return token.with_identity("agent-AJ_1").with_grants(grants).to_jwt()


def sent(url: str, token: str) -> Any:
    return SimpleNamespace(_info=SimpleNamespace(url=url, token=token))


def offer(room: str, dispatch_id: str = "", metadata: str = "") -> Offer:
    return Offer("AJ_1", dispatch_id, "acme-agent", room, metadata)


async def refusal_of(ctx: Any, told: Configuration, asked: Offer) -> Refusal:
    with pytest.raises(AdmissionRefused) as caught:
        await admission.admit(ctx, told, asked)
    return caught.value.refusal


async def test_a_token_of_another_key_room_or_kind_is_refused_as_foreign_token() -> None:
    own = credentials("ws://127.0.0.1:9")
    other = Credentials(own.url, "APIglobex", SecretStr("g" * 32))
    resigned = Credentials(own.url, own.api_key, SecretStr("g" * 32))
    tokens = (
        job_token(other, "acme--1"),
        job_token(resigned, "acme--1"),
        job_token(own, "acme--2"),
        job_token(own, "acme--1", is_agent=False),
        "no token",
    )
    for token in tokens:
        ctx = sent(own.url, token)
        assert await refusal_of(ctx, configuration(own), offer("acme--1")) is Refusal.FOREIGN_TOKEN


async def test_token_rule_warn_only_warns(caplog: pytest.LogCaptureFixture) -> None:
    own = credentials("ws://127.0.0.1:9")
    ctx = sent(own.url, "no token")
    await admission.admit(
        ctx, configuration(own, claims=ClaimRules(token_rule=Strictness.WARN)), offer("acme--1")
    )
    assert "TOKEN_RULE=warn" in caplog.text


async def test_a_url_of_another_host_is_refused_as_foreign_url() -> None:
    own = credentials("ws://127.0.0.1:9")
    ctx = sent("wss://lk.globex.example", job_token(own, "acme--1"))
    assert await refusal_of(ctx, configuration(own), offer("acme--1")) is Refusal.FOREIGN_URL


async def test_a_claim_that_ran_out_since_it_was_accepted_is_refused_as_withdrawn() -> None:
    key = Ed25519PrivateKey.generate()
    public = claims.encode_key(key.public_key().public_bytes_raw())
    claim = Claim("acme", "acme-agent", "acme--1", int(time.time()) - 10, "jti", claims.digest({}))
    own = credentials("ws://127.0.0.1:9")
    told = configuration(own, claims=ClaimRules(ClaimPolicy.REQUIRED, (public,)))
    asked = offer("acme--1", metadata=json.dumps({"claim": claims.sign(claim, key)}))
    ctx = sent(own.url, job_token(own, "acme--1"))
    assert await refusal_of(ctx, told, asked) is Refusal.WITHDRAWN


@pytest.mark.integration
async def test_a_dispatch_that_is_gone_is_refused_as_withdrawn(acme: RunningProject) -> None:
    own, room = acme.credentials, f"acme--{new_nonce()}"
    ctx = sent(own.ws_url, job_token(own, room))
    async with rooms_of(own, [room], "nobody"), Project(own) as project:
        (dispatch,) = await list_dispatches(project, room)
        await admission.admit(ctx, configuration(own), offer(room, dispatch.id))
        await delete_dispatch(project, dispatch.id, room)
        told = await refusal_of(ctx, configuration(own), offer(room, dispatch.id))
        assert told is Refusal.WITHDRAWN
    # The room is gone as well now.
    told = await refusal_of(ctx, configuration(own), offer(room, dispatch.id))
    assert told is Refusal.WITHDRAWN


async def test_where_nobody_can_say_that_it_is_listed_it_is_refused_as_withdrawn() -> None:
    own = credentials("ws://127.0.0.1:9")
    ctx = sent(own.url, job_token(own, "acme--1"))
    told = await refusal_of(ctx, configuration(own), offer("acme--1", "AD_1"))
    assert told is Refusal.WITHDRAWN
