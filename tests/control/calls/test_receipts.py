"""Calls with real projects and silent agents, asked for over HTTP as a backend does."""

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import jwt
import pytest

from control.calls.call import Cause
from project.connection import Project
from project.dispatches import list_dispatches
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.servers import RunningProject
from tests.control.postgres import RunningPostgres
from tests.control.running import Serving, Worker, eventually, register, rooms_of

pytestmark = pytest.mark.integration
CAUSES = {cause.value for cause in Cause}


@pytest.fixture
async def client(
    serving: Serving, acme: RunningProject, globex: RunningProject, acme_worker: Worker
) -> AsyncIterator[httpx.AsyncClient]:
    async with serving.client() as asking:
        await register(asking, "acme", acme.credentials)
        await register(asking, "globex", globex.credentials)
        yield asking


async def _call(client: httpx.AsyncClient, tenant_id: str = "acme", **more: Any) -> httpx.Response:
    key = more.pop("key", None)
    headers = {"Idempotency-Key": key} if key else {}
    body = {"identity": "caller", "wait_seconds": 30} | more
    return await client.post(f"/v1/tenants/{tenant_id}/calls", json=body, headers=headers)


async def _agents(project: RunningProject, room: str) -> list[str]:
    async with Project(project.credentials) as asked:
        return [agent.identity for agent in await agents_in(asked, room)]


async def test_a_call_comes_back_with_its_agent_in_the_tenants_own_project(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    answer = await _call(client, name="A caller", session={"topic": "opening hours"})
    assert answer.status_code == 201, answer.text
    body = answer.json()
    assert body["url"] == acme.credentials.ws_url
    assert body["room"].startswith("acme--")
    assert body["agent"]["state"] == "joined"
    assert await _agents(acme, body["room"]) == [body["agent"]["identity"]]
    async with Project(acme.credentials) as project:
        (dispatch,) = await list_dispatches(project, body["room"])
    assert dispatch.id == body["dispatch_id"]
    assert json.loads(dispatch.metadata)["session"] == {"topic": "opening hours"}


async def test_the_callers_token_opens_this_room_for_a_microphone_and_no_more(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    body = (await _call(client, name="A caller")).json()
    key = acme.credentials
    claims = jwt.decode(
        body["token"], key.api_secret.get_secret_value(), ["HS256"], issuer=key.api_key
    )
    video = claims["video"]
    assert (claims["sub"], claims["name"]) == ("caller", "A caller")
    assert claims["exp"] - claims["nbf"] <= 600
    assert video.pop("canPublishSources") == ["microphone"]
    assert {name: value for name, value in video.items() if value} == {
        "roomJoin": True,
        "room": body["room"],
        "canPublish": True,
        "canSubscribe": True,
    }


async def test_a_tenant_without_a_worker_is_answered_truthfully_and_thrice_at_most(
    client: httpx.AsyncClient, globex: RunningProject
) -> None:
    answer = await _call(client, "globex", wait_seconds=1)
    assert answer.status_code == 202
    body = answer.json()
    assert body["agent"] == {"state": "pending", "cause": "not-taken"}
    assert body["url"] == globex.credentials.ws_url
    path = f"/v1/tenants/globex/calls/{body['call_id']}"

    async def is_given_up() -> bool:
        async with Project(globex.credentials) as project:
            left = await list_dispatches(project, body["room"])
        shown = (await client.get(path)).json()
        return bool(shown["attempts"] == 3 and not left)

    await eventually(is_given_up, 40)
    assert (await client.delete(path)).status_code == 200
    assert body["room"] not in await rooms_of(globex)


async def test_a_call_that_is_ended_leaves_no_room(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    body = (await _call(client)).json()
    path = f"/v1/tenants/acme/calls/{body['call_id']}"
    shown = (await client.get(path)).json()
    assert (shown["agent"]["state"], "token" in shown) == ("joined", False)
    ended = (await client.delete(path)).json()
    assert ended["agent"]["state"] == "ended"
    assert body["room"] not in await rooms_of(acme)
    assert (await client.delete(path)).status_code == 200
    other = await client.get(f"/v1/tenants/globex/calls/{body['call_id']}")
    assert other.status_code == 404


async def test_fifty_retries_at_once_are_one_call(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    before = await rooms_of(acme)
    answers = await asyncio.gather(*(_call(client, key="fifty") for _ in range(50)))
    assert {answer.status_code for answer in answers} == {answers[0].status_code}
    assert len({answer.text for answer in answers}) == 1
    assert len(await rooms_of(acme) - before) == 1
    again = await _call(client, key="fifty")
    assert (again.status_code, again.text) == (answers[0].status_code, answers[0].text)


async def test_the_same_key_with_another_body_is_refused(client: httpx.AsyncClient) -> None:
    first = await _call(client, "globex", key="body", wait_seconds=0)
    other = await _call(client, "globex", key="body", wait_seconds=0, identity="somebody else")
    assert (first.status_code, other.status_code) == (202, 422)
    assert other.json()["type"] == "/problems/key-reused"
    elsewhere = await _call(client, "acme", key="body")
    assert elsewhere.json()["call_id"] != first.json()["call_id"]


async def test_a_room_of_the_tenants_app_is_kept_when_its_call_ends(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    room = "acme--support-desk"
    async with Project(acme.credentials) as project:
        await create_room(project, room, agent_name="nobody-of-this-name")
        answer = await _call(client, room=room)
        assert answer.status_code == 201, answer.text
        body = answer.json()
        assert body["room"] == room
        await client.delete(f"/v1/tenants/acme/calls/{body['call_id']}")
        assert room in await rooms_of(acme)
        assert [one.agent_name for one in await list_dispatches(project, room)] == [
            "nobody-of-this-name"
        ]

        async def is_alone() -> bool:
            return not await agents_in(project, room)

        await eventually(is_alone)
        await delete_room(project, room)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ({"room": "globex--room"}, "foreign-room"),
        ({"room": "acme-room"}, "foreign-room"),
        ({"identity": "agent-007"}, "reserved-identity"),
    ],
)
async def test_what_is_not_the_callers_to_choose_is_refused(
    client: httpx.AsyncClient, acme: RunningProject, body: dict[str, str], kind: str
) -> None:
    before = await rooms_of(acme)
    answer = await _call(client, **body)
    assert answer.status_code == 422
    assert answer.json()["type"] == f"/problems/{kind}"
    assert not await rooms_of(acme) - before


async def test_the_operators_sql_is_seen_on_the_next_call(
    client: httpx.AsyncClient,
    postgres: RunningPostgres,
    acme: RunningProject,
    globex: RunningProject,
) -> None:
    spare = globex.spare_credentials
    secret = spare.api_secret.get_secret_value()
    livekit = {"server_url": spare.url, "api_key": spare.api_key, "api_secret": secret}
    await register(client, "initech", globex.spare_credentials)
    await client.put("/v1/tenants/globex", json={"enabled": True})
    statement = (
        "UPDATE clients SET settings = jsonb_set(settings, '{livekit}', "
        f"'{json.dumps(livekit)}'::jsonb) WHERE id = 'globex'"
    )
    assert "UPDATE 1" in postgres.psql(statement)
    refused = await _call(client, "globex", wait_seconds=0)
    assert refused.status_code == 409
    assert (refused.json()["type"], refused.json()["owner"]) == ("/problems/shared-key", "initech")
    both = await _call(client, "initech", wait_seconds=0)
    assert (both.status_code, both.json()["owner"]) == (409, "globex")
    assert secret not in refused.text + both.text
    await client.delete("/v1/tenants/initech")
    taken = await _call(client, "globex", wait_seconds=0)
    assert taken.status_code == 202
    token = jwt.decode(taken.json()["token"], options={"verify_signature": False})
    assert token["iss"] == spare.api_key
    assert secret not in postgres.psql("SELECT settings FROM clients")


async def test_a_project_that_refuses_the_key_is_told_as_revoked(
    client: httpx.AsyncClient, acme: RunningProject
) -> None:
    wrong = {
        "server_url": acme.url,
        "api_key": "APIunknown",
        "api_secret": "canary-secret-of-the-calls",
    }
    await client.put("/v1/tenants/hooli", json={"settings": {"livekit": wrong}})
    answer = await _call(client, "hooli")
    assert answer.status_code == 202
    assert answer.json()["agent"] == {"state": "pending", "cause": "revoked"}
    assert "canary" not in answer.text
