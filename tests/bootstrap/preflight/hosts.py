"""Hosts that are not what they should be, and doors before the one that is."""

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def raw_host(serve: Serve, trust: ssl.SSLContext | None = None) -> AsyncIterator[int]:
    """Take connections on a free port of 127.0.0.1 and give each to `serve`."""
    open_writers: set[asyncio.StreamWriter] = set()

    async def attend(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        open_writers.add(writer)
        try:
            await serve(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.CancelledError):
            pass  # the preflight went away, or the test is over
        finally:
            open_writers.discard(writer)
            writer.close()

    server = await asyncio.start_server(attend, "127.0.0.1", 0, ssl=trust)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for writer in tuple(open_writers):
            writer.transport.abort()


@asynccontextmanager
async def web_host(handler: Handler) -> AsyncIterator[int]:
    """Answer every request on a free port of 127.0.0.1 by `handler`."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


def always(status: int, text: str = "", **headers: str) -> Handler:
    """Answer the same to whatever is asked."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return web.Response(status=status, text=text, headers=given)

    return answer


def before(http_url: str, change: Callable[[web.Request, web.Response], None]) -> Handler:
    """Stand before a real server and change its answers."""

    async def forward(request: web.Request) -> web.StreamResponse:
        headers = {"Authorization": request.headers.get("Authorization", "")}
        async with (
            aiohttp.ClientSession() as session,
            session.request(
                request.method,
                f"{http_url}{request.path_qs}",
                headers={name: value for name, value in headers.items() if value},
                data=await request.read(),
            ) as reply,
        ):
            kept = {name: reply.headers[name] for name in ("Date",) if name in reply.headers}
            answer = web.Response(
                status=reply.status,
                body=await reply.read(),
                content_type=reply.content_type,
                headers=kept,
            )
        change(request, answer)
        return answer

    return forward


def pipe_to(host: str, port: int) -> Serve:
    """Pass bytes on to a real server and back."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(host, port)
        try:
            ways = (
                asyncio.create_task(_copy(reader, back)),
                asyncio.create_task(_copy(there, writer)),
            )
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        finally:
            back.close()

    return serve


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(64 * 1024):
        writer.write(data)
        await writer.drain()
