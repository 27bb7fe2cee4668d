"""Who may come in, and how errors are told."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.routing import APIRoute
from livekit.api import AccessToken
from sqlalchemy import select
from starlette.routing import Route

from contract.records import signature
from control.http.app import make_app
from control.http.authentication import LONGEST_BODY_BYTES
from control.plane import Plane
from control.storage.tables import usage_records
from control.tenants.registry import TenantRegistration
from tests.control.planes import CANARY, client, livekit, opened, sqlite

RECORD = {
    "schema": 1,
    "tenant": "acme",
    "project_host": "acme.livekit.cloud",
    "key_fingerprint": "0" * 16,
    "agent_name": "acme-agent",
    "job_id": "AJ_1",
    "dispatch_id": "AD_1",
    "call_id": None,
    "room": "acme--1",
    "started_at": "2026-11-24T10:00:00Z",
    "ended_at": "2026-11-24T10:01:00Z",
    "seconds": 60.0,
    "outcome": "completed",
    "complete": False,
    "models": [{"kind": "llm", "name": "m", "tokens_in": 3}],
}


@pytest.fixture
async def plane(tmp_path: Path) -> AsyncIterator[Plane]:
    async with opened(sqlite(tmp_path)) as made:
        yield made


@pytest.fixture
async def asking(plane: Plane) -> AsyncIterator[httpx.AsyncClient]:
    async with client(plane) as made:
        yield made


def _routes(plane: Plane) -> list[tuple[str, str]]:
    found = []
    for route in make_app(plane).routes:
        for one in _flat(route):
            found += [(method, one.path) for method in sorted(one.methods or ())]
    return [(method, path) for method, path in found if method != "HEAD"]


def _flat(route: Any) -> list[Any]:
    if isinstance(route, APIRoute | Route):
        return [route]
    inner = getattr(route, "routes", None) or getattr(route, "original_router", None)
    inner = getattr(inner, "routes", inner)
    return [one for each in inner or [] for one in _flat(each)]


@pytest.mark.parametrize("token", [None, "", "wrong", "control-token-of-the-test", "ä"])
async def test_no_route_but_the_four_opens_without_the_token(
    plane: Plane, token: str | None
) -> None:
    headers = [] if token is None else [(b"authorization", b"Bearer " + token.encode())]
    async with client(plane, None) as stranger:
        for path in ("/metrics", "/v1/tenants", "/v1/tenants/acme", "/nothing", "/v1/audit"):
            answer = await stranger.get(path, headers=httpx.Headers(headers))
            assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unauthorized")
            assert answer.headers["content-type"] == "application/problem+json"
        for path in ("/livez", "/readyz"):
            assert (await stranger.get(path)).status_code == 200
        for path in ("/v1/tenants/acme/usage", "/v1/tenants/acme/webhook"):
            answer = await stranger.post(path, content=b"{}")
            assert (answer.status_code, answer.json()["type"]) == (401, "/problems/unsigned")


async def test_a_body_beyond_the_bound_is_refused_stated_or_not(asking: httpx.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(LONGEST_BODY_BYTES // 65536 + 1):
            yield b"x" * 65536

    for content in (b"x" * (LONGEST_BODY_BYTES + 1), pieces()):
        answer = await asking.put("/v1/tenants/acme", content=content)
        assert (answer.status_code, answer.json()["type"]) == (413, "/problems/too-large")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"identity": ""}',
        b'{"identity": "a", "wait_seconds": 31}',
        b'{"identity": "a", "wait_seconds": NaN}',
        b'{"identity": "a", "secret": "canary-secret-that-must-never-be-shown"}',
        b'{"identity": "a\\u0000"}',
        b'{"identity": "a", "session": "canary-secret-that-must-never-be-shown"}',
        json.dumps({"identity": "a", "session": {"x": "y" * 8192}}).encode(),
    ],
)
async def test_a_malformed_request_for_a_call_is_told_without_repeating_it(
    asking: httpx.AsyncClient, body: bytes
) -> None:
    answer = await asking.post(
        "/v1/tenants/acme/calls", content=body, headers={"Content-Type": "application/json"}
    )
    assert answer.status_code == 422, answer.text
    assert answer.json()["type"] == "/problems/bad-request"
    assert answer.json()["hint"]
    assert CANARY not in answer.text


async def test_a_tenant_is_registered_shown_and_removed_without_its_secret(
    asking: httpx.AsyncClient,
) -> None:
    made = await asking.put("/v1/tenants/acme", json={"name": "Acme", "settings": livekit()})
    changed = await asking.put("/v1/tenants/acme", json={"enabled": False})
    shown = await asking.get("/v1/tenants/acme")
    listed = await asking.get("/v1/tenants")
    assert [one.status_code for one in (made, changed, shown, listed)] == [201, 200, 200, 200]
    assert shown.json()["project"]["host"] == "acme.livekit.cloud"
    assert listed.json()["tenants"] == [shown.json()]
    shared = await asking.put("/v1/tenants/globex", json={"settings": livekit()})
    assert (shared.status_code, shared.json()["owner"]) == (409, "tenant acme")
    refused = await asking.post("/v1/tenants/acme/calls", json={"identity": "a"})
    assert (refused.status_code, refused.json()["type"]) == (409, "/problems/tenant-disabled")
    for answer in (made, changed, shown, listed, shared, refused):
        assert CANARY not in answer.text
        assert "APIacme" not in answer.text
    assert (await asking.delete("/v1/tenants/acme")).status_code == 204
    gone = await asking.get("/v1/tenants/acme")
    assert (gone.status_code, gone.json()["type"]) == (404, "/problems/unknown-tenant")


async def test_a_fault_of_ours_is_told_without_its_words(
    plane: Plane, asking: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(_self: Any) -> Any:
        raise RuntimeError(CANARY)

    monkeypatch.setattr(type(plane.registry), "tenants", fail)
    answer = await asking.get("/v1/tenants")
    assert (answer.status_code, answer.json()["type"]) == (500, "/problems/software")
    assert CANARY not in answer.text


async def _post_usage(
    plane: Plane, record: Any, tenant_id: str = "acme", at: float | None = None
) -> httpx.Response:
    body = json.dumps(record).encode()
    secret = (await plane.registry.usage_secret("acme")).get_secret_value()
    signed = signature.sign(body, secret, int(at or time.time()))
    async with client(plane, None) as worker:
        return await worker.post(
            f"/v1/tenants/{tenant_id}/usage",
            content=body,
            headers={signature.SIGNATURE_HEADER: signed},
        )


async def _kept(plane: Plane) -> list[Any]:
    async def work(connection: Any) -> list[Any]:
        return list((await connection.execute(select(usage_records))).all())

    return await plane.database.read(work)


async def test_a_usage_record_is_kept_once_and_a_complete_one_replaces_a_snapshot(
    plane: Plane,
) -> None:
    for record in (RECORD, RECORD, RECORD | {"complete": True, "seconds": 61.0}, RECORD):
        assert (await _post_usage(plane, record)).status_code == 204
    (kept,) = await _kept(plane)
    assert (kept.complete, kept.record["seconds"]) == (True, 61.0)


async def test_usage_of_another_tenant_an_old_signature_or_no_record_is_refused(
    plane: Plane,
) -> None:
    await plane.registry.register(TenantRegistration("globex", settings=livekit("APIglobex")))
    assert (await _post_usage(plane, RECORD, "globex")).status_code == 401
    assert (await _post_usage(plane, RECORD, at=time.time() - 400)).status_code == 401
    others: list[Any] = [{}, [], RECORD | {"tenant": "globex"}, RECORD | {"models": [{}]}]
    for wrong in others:
        assert (await _post_usage(plane, wrong)).status_code == 422
    assert await _kept(plane) == []


async def test_a_webhook_opens_with_the_tenants_own_key_alone(plane: Plane) -> None:
    await plane.registry.register(TenantRegistration("acme", settings=livekit()))
    body = b'{"event": "room_finished", "room": {"name": "acme--1"}}'
    digest = base64.b64encode(hashlib.sha256(body).digest()).decode()
    async with client(plane, None) as livekit_server:
        for key, secret, status in (
            ("APIacme", CANARY, 204),
            ("APIacme", "another secret of the same length...", 401),
            ("APIglobex", CANARY, 401),
        ):
            token = AccessToken(key, secret).with_sha256(digest).to_jwt()
            for path, expected in (("acme", status), ("nobody", 401)):
                answer = await livekit_server.post(
                    f"/v1/tenants/{path}/webhook", content=body, headers={"Authorization": token}
                )
                assert answer.status_code == expected, answer.text


async def test_the_reference_lists_every_route_and_no_other(plane: Plane) -> None:
    page = (Path(__file__).parents[3] / "docs" / "control.md").read_text()
    lines = [line.split("`")[1] for line in page.splitlines() if line.startswith("| `")]
    listed = {tuple(line.split(" ", 1)) for line in lines if " /" in line}
    assert listed == set(_routes(plane))
