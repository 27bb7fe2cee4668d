"""Stands between a worker and its project on the way that HTTP and websockets take.

Media goes past it. It cuts the worker's own websocket while those of its calls stay, leads what
comes next elsewhere, and exchanges the join token that a server hands out.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from typing import Any

import aiohttp
from aiohttp import web
from livekit.protocol import agent as protocol

from sandbox.ports import free_port

WORKERS = "/agent"
_HOP_BY_HOP = ("host", "connection", "upgrade", "content-length", "transfer-encoding")


class Middleman:
    """An HTTP server in front of another; `asked` lists the paths, in order."""

    def __init__(self, url: str) -> None:
        self.leads_to: str | None = url
        self.exchanges: Callable[[str], str] = lambda token: token
        self.asked: list[str] = []
        self.port = free_port()
        self._workers: set[web.WebSocketResponse] = set()

    @property
    def url(self) -> str:
        """Where the worker finds it instead of its project."""
        return f"ws://127.0.0.1:{self.port}"

    async def cut_worker(self, leads_to: str | None) -> None:
        """Close the worker's websocket; what comes next goes to `leads_to`, or is hung up on."""
        self.leads_to = leads_to
        for socket in tuple(self._workers):
            await socket.close()

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Pass on what was asked, and the answer."""
        self.asked.append(request.path)
        if self.leads_to is None:
            assert request.transport is not None
            request.transport.abort()
            return web.Response()
        target = self.leads_to.replace("ws", "http", 1) + str(request.rel_url)
        headers = {k: v for k, v in request.headers.items() if k.lower() not in _HOP_BY_HOP}
        async with aiohttp.ClientSession(auto_decompress=False) as session:
            if "upgrade" in request.headers.get("Connection", "").lower():
                return await self._answer_socket(request, session, target, headers)
            body = await request.read()
            async with session.request(request.method, target, headers=headers, data=body) as back:
                kept = {k: v for k, v in back.headers.items() if k.lower() not in _HOP_BY_HOP}
                return web.Response(status=back.status, headers=kept, body=await back.read())

    async def _answer_socket(
        self,
        request: web.Request,
        session: aiohttp.ClientSession,
        target: str,
        headers: dict[str, str],
    ) -> web.StreamResponse:
        headers = {k: v for k, v in headers.items() if not k.lower().startswith("sec-websocket")}
        try:
            there = await session.ws_connect(target, headers=headers)
        except aiohttp.WSServerHandshakeError as refused:
            return web.Response(status=refused.status, text=refused.message)
        here = web.WebSocketResponse()
        await here.prepare(request)
        is_worker = request.path == WORKERS
        if is_worker:
            self._workers.add(here)
        both = [
            asyncio.create_task(_carry(there, here, self._exchange if is_worker else _as_it_is)),
            asyncio.create_task(_carry(here, there, _as_it_is)),
        ]
        await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
        for task in both:
            task.cancel()
        self._workers.discard(here)
        await asyncio.gather(there.close(), here.close(), return_exceptions=True)
        return here

    def _exchange(self, data: bytes) -> bytes:
        message = protocol.ServerMessage.FromString(data)
        if message.WhichOneof("message") == "assignment":
            message.assignment.token = self.exchanges(message.assignment.token)
        return message.SerializeToString()


async def _carry(source: Any, target: Any, change: Callable[[bytes], bytes]) -> None:
    with contextlib.suppress(ConnectionError, aiohttp.ClientError):
        async for message in source:
            if message.type is aiohttp.WSMsgType.BINARY:
                await target.send_bytes(change(message.data))
            else:
                await target.send_str(message.data)


def _as_it_is(data: bytes) -> bytes:
    return data


@contextlib.asynccontextmanager
async def middleman_before(url: str) -> AsyncIterator[Middleman]:
    """Have a middleman before a project."""
    middleman = Middleman(url)
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", middleman.answer)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", middleman.port).start()
    try:
        yield middleman
    finally:
        await runner.cleanup()
