"""A server that hands out a join token of another key, which the call's process refuses to use.

A real server signs with the registering worker's own key, so a middleman exchanges the token for
one that its project's second key has signed: valid at the server, and not this tenant's.
"""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import jwt
import pytest

from contract.tenant import new_nonce, probe_room
from project.connection import Project
from project.participants import agents_in
from project.rooms import create_room, delete_room
from sandbox.servers import RunningProject
from tests.worker.dispatching import rooms_of, until_calls_are, until_joined, until_refused
from tests.worker.middleman import Middleman, middleman_before
from tests.workers import RunningWorker, running_worker

pytestmark = pytest.mark.integration

JOINING = "/rtc"


@asynccontextmanager
async def _served_with_foreign_tokens(
    project: RunningProject, folder: Path, rule: str
) -> AsyncIterator[tuple[RunningWorker, Middleman]]:
    def signed_by_the_spare_key(token: str) -> str:
        spare = project.spare_credentials
        claims = jwt.decode(token, options={"verify_signature": False})
        claims["iss"] = spare.api_key
        return jwt.encode(claims, spare.api_secret.get_secret_value(), algorithm="HS256")

    async with middleman_before(project.url) as middleman:
        middleman.exchanges = signed_by_the_spare_key
        there = replace(project.credentials, url=middleman.url)
        starting = running_worker(there, folder, LIVEKIT_AGENT_NAME=rule, TOKEN_RULE=rule)
        with ExitStack() as stack:
            # In a thread: the worker's preflight asks through the middleman, in this loop.
            worker = await asyncio.to_thread(stack.enter_context, starting)
            middleman.asked.clear()
            yield worker, middleman


async def test_a_call_whose_join_token_another_key_signed_never_connects(
    acme: RunningProject, tmp_path: Path
) -> None:
    room, rule = f"acme--{new_nonce()}", "required"
    async with _served_with_foreign_tokens(acme, tmp_path, rule) as (worker, middleman):
        async with rooms_of(acme.credentials, [room], rule) as project:
            await until_refused(1, worker)
            await until_calls_are(0, worker)
            assert not await agents_in(project, room)
        assert not [path for path in middleman.asked if path.startswith(JOINING)]
        status, metrics = worker.status(), worker.get("/metrics")[1]
    assert (status["refused"], status["accepted"]) == ({"foreign-token": 1}, 0)
    assert [offer["answer"] for offer in status["offers"]] == ["foreign-token"]
    assert 'offers_total{answer="foreign-token",tenant="acme"} 1.0' in metrics
    assert worker.usage() == []
    rooms = [one["room"] for one in worker.records() if one["message"] == "refused: foreign-token"]
    assert rooms == [room]


async def test_a_probe_with_such_a_token_is_refused_and_was_never_counted_as_a_call(
    acme: RunningProject, tmp_path: Path
) -> None:
    nonce, rule = new_nonce(), "required"
    room = probe_room("acme--", nonce)
    async with _served_with_foreign_tokens(acme, tmp_path, rule) as (worker, _):
        async with Project(acme.credentials) as project:
            asked = json.dumps({"probe": nonce, "want": "answer"})
            await create_room(project, room, agent_name=rule, metadata=asked)
            await until_refused(1, worker)
            await delete_room(project, room)
        status = worker.status()
    assert (status["refused"], status["accepted"]) == ({"foreign-token": 1}, 0)


async def test_with_token_rule_warn_such_a_call_goes_on_with_a_warning(
    acme: RunningProject, tmp_path: Path
) -> None:
    room, rule = f"acme--{new_nonce()}", "warn"
    async with _served_with_foreign_tokens(acme, tmp_path, rule) as (worker, middleman):
        async with rooms_of(acme.credentials, [room], rule) as project:
            await until_joined(project, room)
            assert [path for path in middleman.asked if path.startswith(JOINING)]
            assert [offer["answer"] for offer in worker.status()["offers"]] == ["accepted"]
        await until_calls_are(0, worker)
    (told,) = [record for record in worker.records() if "TOKEN_RULE=warn" in record["message"]]
    assert (told["level"], told["room"]) == ("WARNING", room)
    assert "signed with another secret" in told["message"]
