"""What a worker says over HTTP decides whether it may replace another."""

from collections.abc import AsyncIterator, Callable

import pytest
from aiohttp import web

from control.launchers.launcher import Worker
from control.workers.health import WorkerHealth

Say = Callable[[dict[str, object]], None]


@pytest.fixture
async def worker() -> AsyncIterator[tuple[Worker, Say]]:
    """A worker that says at /readyz what it is told to; the real one passes by too fast."""
    said: dict[str, object] = {}

    async def readyz(_: web.Request) -> web.Response:
        return web.json_response(said)

    app = web.Application()
    app.add_routes([web.get("/readyz", readyz)])
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    url = f"http://{host}:{port}"
    try:
        yield Worker("w", "acme", "content", 0, 0.0, health_url=url), said.update
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    ("said", "takes_calls"),
    [
        ({"state": "checking"}, False),
        ({"state": "registering", "proven": False}, False),
        ({"state": "ready", "proven": False}, False),
        ({"state": "ready", "proven": True}, True),
        ({"state": "full", "proven": True}, True),
        ({"state": "draining", "proven": True}, False),
        # An image from before a worker could be ready and not yet proven.
        ({"state": "ready"}, True),
    ],
)
async def test_a_worker_takes_calls_once_it_is_registered_and_wholly_proven(
    worker: tuple[Worker, Say], said: dict[str, object], takes_calls: bool
) -> None:
    one, say = worker
    say(said)
    async with WorkerHealth() as health:
        assert await health.takes_calls(one) is takes_calls
