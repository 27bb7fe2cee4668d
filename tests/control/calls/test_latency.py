"""How soon a request's dispatch is sent, and that a thousand tenants do not change it."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from control.database import Database
from control.tables import clients
from project.credentials import Credentials
from sandbox.servers import RunningProject
from tests.control.planes import livekit
from tests.control.running import Serving, register

pytestmark = pytest.mark.integration

LIMIT_SECONDS = 0.025
_WARM_UP_CALLS = 5
_CALLS = 45
_REQUEST = b"/CreateRoom"


class Clock:
    """A clock that stands still while the control plane could run and the CPUs are others'.

    Neighbours on the machine lengthen a call by the turns that they take, which the kernel counts.
    What is measured is this program, not who else runs beside the test. Of its threads the main one
    counts, for which every call waits; the turns of the database and of the client stay in it.
    """

    def __init__(self, pid: int) -> None:
        self._counts = Path(f"/proc/{pid}/task/{pid}/schedstat")

    def now(self) -> float:
        """Tell the time in seconds."""
        _ran, queued, _turns = self._counts.read_text().split()
        return time.monotonic() - int(queued) / 1e9


class Gate:
    """Stands before a project, passes all on, and notes when a room is asked for."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.asked_at: list[float] = []
        self._open: list[asyncio.StreamWriter] = []

    @asynccontextmanager
    async def before(self, project: RunningProject) -> AsyncIterator[Credentials]:
        """Open the gate; gives the project's credentials with the gate's address."""
        host, _, port = project.credentials.host.partition(":")

        async def let_in(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            back, forth = await asyncio.open_connection(host, int(port))
            self._open += [writer, forth]
            await asyncio.gather(self._pass(reader, forth), self._pass(back, writer))

        server = await asyncio.start_server(let_in, "127.0.0.1", 0)
        address = f"ws://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        known = project.credentials
        try:
            yield Credentials(address, known.api_key, known.api_secret)
        finally:
            server.close()
            for writer in self._open:  # then both ways end by themselves
                writer.close()
                with contextlib.suppress(ConnectionError):
                    await writer.wait_closed()

    async def _pass(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65536):
                if _REQUEST in chunk:
                    self.asked_at.append(self._clock.now())
                sink.write(chunk)
                await sink.drain()
        sink.close()


@pytest.fixture
def serving(database_url: str) -> Iterator[Serving]:
    control = Serving({"CONTROL_DATABASE_URL": database_url})
    try:
        yield control
    finally:
        control.child.kill()


async def _median(client: httpx.AsyncClient, gate: Gate, clock: Clock) -> float:
    """Give the median of calls one after another, in seconds; the client's own time is in it."""
    asked_at = []
    gate.asked_at.clear()
    for _ in range(_WARM_UP_CALLS + _CALLS):
        asked_at.append(clock.now())
        made = await client.post(
            "/v1/tenants/acme/calls", json={"identity": "caller", "wait_seconds": 0}
        )
        assert made.status_code == 202, made.text
        ended = await client.delete(f"/v1/tenants/acme/calls/{made.json()['call_id']}")
        assert ended.status_code == 200, ended.text
    took = [sent - asked for asked, sent in zip(asked_at, gate.asked_at, strict=True)]
    return statistics.median(took[_WARM_UP_CALLS:])


async def _fill(database_url: str, tenants: int) -> None:
    rows = [{"id": f"t{n}", "settings": livekit(f"APItenant{n}")} for n in range(tenants)]
    database = Database(SecretStr(database_url))

    async def work(connection: Any) -> None:
        await connection.execute(insert(clients), rows)

    try:
        await database.write(work)
    finally:
        await database.close()


async def test_a_dispatch_is_sent_within_25_ms_however_many_tenants_there_are(
    serving: Serving, database_url: str, acme: RunningProject
) -> None:
    clock = Clock(serving.child.pid)
    gate = Gate(clock)
    async with gate.before(acme) as credentials, serving.client() as client:
        await register(client, "acme", credentials)
        few = await _median(client, gate, clock)
        await _fill(database_url, 1000)
        many = await _median(client, gate, clock)
    print(
        f"\nreceived → dispatch sent, median: {few * 1000:.1f} ms;"
        f" with 1,000 tenants {many * 1000:.1f} ms"
    )
    assert few < LIMIT_SECONDS
    assert many < LIMIT_SECONDS
