"""How workers are asked: once for all who want to know, for a second each, so many at a time."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from contract.records.worker_status import LONGEST_BYTES, Readiness, WorkerState
from control.launchers.launcher import LauncherFault, Worker, WorkerExit
from control.launchers.none import NoLauncher
from control.workers.workers import Workers
from tests.control.running import eventually

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Running(NoLauncher):
    """A launcher of workers that a test has made: real ones hang too rarely."""

    kind = "process"

    def __init__(self, *workers: Worker) -> None:
        self.running: tuple[Worker, ...] | None = workers
        self.asked = 0

    async def workers(self) -> tuple[Worker, ...]:
        """List them; None stands for an engine that is away."""
        self.asked += 1
        await asyncio.sleep(0)
        if self.running is None:
            raise LauncherFault("away")
        return self.running


@asynccontextmanager
async def served(handler: Handler) -> AsyncIterator[str]:
    """Answer every request by a handler; gives the URL."""
    app = web.Application()
    app.add_routes([web.get("/{path:.*}", handler)])
    runner = web.AppRunner(app, shutdown_timeout=0)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    try:
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def asking(launcher: Running) -> AsyncIterator[Workers]:
    workers = Workers(launcher)
    try:
        yield workers
    finally:
        await workers.close()


def worker(url: str | None, tenant: str = "acme", name: str = "w", **changed: Any) -> Worker:
    return Worker(name, tenant, "hash", 0, 0.0, health_url=url, **changed)


def answering(fields: Any) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(fields)

    return answer


@pytest.mark.parametrize(
    ("fields", "takes_calls"),
    [
        ({"state": "checking"}, False),
        ({"state": "registering", "proven": False}, False),
        ({"state": "ready", "proven": False}, False),
        ({"state": "ready", "proven": True}, True),
        ({"state": "full", "proven": True}, True),
        ({"state": "draining", "proven": True}, False),
        ({"state": "resting", "proven": True}, False),
        # An image from before a worker could be ready and not yet proven.
        ({"state": "ready"}, True),
    ],
)
async def test_a_worker_takes_calls_once_it_is_registered_and_wholly_proven(
    fields: dict[str, object], takes_calls: bool
) -> None:
    async with served(answering(fields)) as url, asking(Running()) as workers:
        (readiness,) = await workers.readiness([worker(url)])
    assert readiness.takes_calls is takes_calls


async def test_a_hundred_calls_ask_the_launcher_and_the_worker_once() -> None:
    requests: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        requests.append(request.path)
        return web.json_response({"tenant": "acme", "state": "full", "calls": 2})

    async with served(answer) as url:
        launcher = Running(worker(url))
        async with asking(launcher) as workers:
            answers = await asyncio.gather(*(workers.of("acme") for _ in range(100)))
    assert (launcher.asked, requests) == (1, ["/status"])
    assert {(one.can_be_asked, one.running) for one in answers} == {(True, 1)}
    assert [status.state for status in answers[0].statuses] == [WorkerState.FULL]


async def test_only_the_tenants_own_running_workers_are_asked() -> None:
    async with served(answering({"tenant": "acme", "state": "ready"})) as url:
        gone = worker(url, name="gone", ending=WorkerExit(0, 1.0))
        others = worker("http://127.0.0.1:9", tenant="globex", name="theirs")
        unknown_port = worker(None, name="young")
        async with asking(Running(worker(url), gone, others, unknown_port)) as workers:
            asked = await workers.of("acme")
            nobody = await workers.of("initech")
    assert (asked.running, len(asked.statuses)) == (2, 1)
    assert (nobody.can_be_asked, nobody.running) == (True, 0)


async def test_a_stranger_on_a_port_that_was_freed_does_not_speak_for_the_worker() -> None:
    async with (
        served(answering({"tenant": "globex", "state": "ready"})) as url,
        asking(Running(worker(url))) as workers,
    ):
        asked = await workers.of("acme")
        assert await workers.statuses([worker(url)]) == [None]
    assert (asked.running, asked.statuses) == (1, ())


async def test_an_engine_that_is_away_is_told_to_whoever_lists_and_raises_for_no_call() -> None:
    launcher = Running()
    launcher.running = None
    async with asking(launcher) as workers:
        assert not (await workers.of("acme")).can_be_asked
        with pytest.raises(LauncherFault):
            await workers.listed()


async def test_an_engine_that_hangs_holds_no_call_up() -> None:
    class Hanging(Running):
        async def workers(self) -> tuple[Worker, ...]:
            await asyncio.Event().wait()
            return ()

    workers = Workers(Hanging(), list_seconds=0.05)
    assert not (await workers.of("acme")).can_be_asked
    await workers.close()


async def malformed(_: web.Request) -> web.Response:
    return web.Response(body=b"{")


async def endless(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" " * 65536)


async def too_long(_: web.Request) -> web.Response:
    return web.Response(body=json.dumps({"tenant": "acme", "x": "y" * LONGEST_BYTES}).encode())


async def dripping(request: web.Request) -> web.StreamResponse:
    answer = web.StreamResponse()
    await answer.prepare(request)
    while True:
        await answer.write(b" ")
        await asyncio.sleep(0.1)


@pytest.mark.parametrize("handler", [malformed, endless, too_long, dripping, answering([3])])
async def test_whatever_a_worker_answers_raises_nothing_and_is_no_status(handler: Handler) -> None:
    async with served(handler) as url, asking(Running(worker(url))) as workers:
        asked = await workers.of("acme")
        assert await workers.readiness([worker(url)]) == [Readiness()]
    assert (asked.running, asked.statuses) == (1, ())


async def test_a_worker_that_nobody_runs_any_more_is_no_status() -> None:
    async with asking(Running(worker("http://127.0.0.1:1"))) as workers:
        asked = await workers.of("acme")
    assert (asked.running, asked.statuses) == (1, ())


async def test_at_most_fifty_are_asked_at_once_and_a_look_leaves_room_for_a_call() -> None:
    release, asked, most = asyncio.Event(), 0, 0

    async def hang(_: web.Request) -> web.Response:
        nonlocal asked, most
        asked += 1
        most = max(most, asked)
        await release.wait()
        asked -= 1
        return web.json_response({"tenant": "globex"})

    async with served(hang) as url, served(answering({"tenant": "acme"})) as quick:
        hanging = [worker(url, tenant="globex", name=f"w{number}") for number in range(100)]
        async with asking(Running(*hanging, worker(quick))) as workers:
            look = asyncio.create_task(workers.statuses(hanging))

            async def are_under_way() -> bool:
                return asked >= 40

            await eventually(are_under_way, pause=0.01)
            # The look has not ended, and the call's question is answered.
            assert (await workers.of("acme")).statuses
            assert not look.done()
            calls = asyncio.create_task(workers.of("globex"))

            async def is_full() -> bool:
                return asked >= 50

            await eventually(is_full, pause=0.01)
            release.set()
            await asyncio.gather(look, calls)
    assert most == 50


async def test_what_one_worker_sets_as_a_cookie_reaches_no_other() -> None:
    cookies: list[dict[str, str]] = []

    async def answer(request: web.Request) -> web.Response:
        cookies.append(dict(request.cookies))
        response = web.json_response({"tenant": "acme"})
        response.set_cookie("tenant", "acme")
        return response

    async with served(answer) as url, asking(Running()) as workers:
        for name in ("first", "second"):
            await workers.statuses([worker(url, name=name)])
    assert cookies == [{}, {}]
