"""Connections to many projects: bounded, never closed under whoever uses them, no secret shown."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from pydantic import SecretStr

from control.calls.connections import MOST_KEPT, Connections
from project.credentials import Credentials

CANARY = "canary-secret-that-must-never-be-shown"
PROJECTS = MOST_KEPT + 150


@asynccontextmanager
async def server() -> AsyncIterator[str]:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(body=b"")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@pytest.mark.integration
async def test_more_projects_than_are_kept_are_used_at_once_and_none_is_closed_in_use() -> None:
    connections = Connections()

    async def use(url: str, number: int) -> None:
        credentials = Credentials(url, f"API{number}", SecretStr(CANARY))
        for _ in range(4):
            async with connections.to(credentials) as project:
                for _ in range(2):
                    async with project.session.get(f"{url}/rooms") as reply:
                        await reply.read()
            # The others come in between, so that connections are closed while others are in use.
            await asyncio.sleep(0)

    async with server() as url:
        await asyncio.gather(*(use(url, number) for number in range(PROJECTS)))
        assert len(connections) <= MOST_KEPT
        await connections.close()
    assert len(connections) == 0


async def test_what_is_lent_stays_open_and_a_surplus_goes_the_longest_unused_first() -> None:
    connections = Connections()

    def credentials(number: int) -> Credentials:
        return Credentials("http://127.0.0.1:9", f"API{number}", SecretStr(CANARY))

    async with connections.to(credentials(0)) as first:
        for number in range(1, MOST_KEPT + 3):
            async with connections.to(credentials(number)):
                pass
        assert not first.session.closed
        assert len(connections) == MOST_KEPT
        assert CANARY not in repr(vars(connections))
    async with connections.to(credentials(0)) as again:
        assert again is first
    await connections.close()
