"""What one tenant's dead project may hold up: its own calls, and nothing else."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import pytest
from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncConnection

from control.calls import tasks
from control.calls.call import CallState
from control.calls.tasks import look_after
from control.storage.database import Database
from control.storage.tables import calls
from tests.control.calls.stored import make_call
from tests.control.planes import opened


@asynccontextmanager
async def silent_project() -> AsyncIterator[int]:
    """A port that takes connections and never answers."""

    async def swallow(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(ConnectionError):
            await reader.read()
        writer.close()

    server = await asyncio.start_server(swallow, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def lease_of(database: Database, call_id: str) -> float:
    async def work(connection: AsyncConnection) -> float:
        found = select(calls.c.lease_until).where(calls.c.call_id == call_id)
        return float((await connection.execute(found)).scalar_one())

    return await database.read(work)


@pytest.mark.integration
async def test_leases_are_renewed_while_a_dead_projects_calls_wait_to_be_undone(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tasks, "_RENEW_EVERY_SECONDS", 0.05)
    async with silent_project() as port, opened(database_url) as plane:
        healthy = make_call("globex", port=port)
        await plane.calls.store.open(healthy, None)
        for _ in range(40):
            doomed = make_call("acme", CallState.ENDING, port=port)
            await plane.calls.store.open(doomed, None)
            plane.calls.recovery.undo_later(doomed)
        looking = asyncio.create_task(look_after(plane.calls), name="look after calls")
        leases = {await lease_of(plane.database, healthy.id)}
        while len(leases) < 5:
            assert not looking.done()
            leases.add(await lease_of(plane.database, healthy.id))
        looking.cancel()
        await asyncio.gather(looking, return_exceptions=True)
