"""How soon a request's dispatch is sent, and that a thousand tenants do not change it."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import httpx
import pytest
from pydantic import SecretStr
from sqlalchemy import insert

from control.storage.database import Database
from control.storage.tables import clients
from sandbox.servers import RunningProject
from tests.control.calls.gate import Gate
from tests.control.planes import livekit
from tests.control.running import Serving, register

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(240),
    pytest.mark.alone,  # it measures
]

_WARM_UP_CALLS = 5
_CALLS = 75
_PASSES = 3
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


class Timed:
    """Times calls to a served control plane, one after another; in seconds."""

    def __init__(self, client: httpx.AsyncClient, clock: Clock, sent_at: list[float]) -> None:
        self._client, self._clock, self._sent_at = client, clock, sent_at
        self.until_sent: list[float] = []
        self.reads: list[float] = []

    async def call(self) -> None:
        """Make a call and end it, and read its tenant for comparison."""
        self._sent_at.clear()
        asked_at = self._clock.now()
        made = await self._client.post(
            "/v1/tenants/acme/calls", json={"identity": "caller", "wait_seconds": 0}
        )
        assert made.status_code == 202, made.text
        self.until_sent.append(self._sent_at[0] - asked_at)
        ended = await self._client.delete(f"/v1/tenants/acme/calls/{made.json()['call_id']}")
        assert ended.status_code == 200, ended.text
        asked_at = self._clock.now()
        await self._client.get("/v1/tenants/acme")
        self.reads.append(self._clock.now() - asked_at)


@pytest.fixture
def passes(tmp_path: Path) -> Path:
    """What the fleet of `serving` tells of each of its passes."""
    return tmp_path / "passes"


@pytest.fixture
def serving(database_url: str, tmp_path: Path, passes: Path) -> Iterator[Serving]:
    given = {
        "CONTROL_DATABASE_URL": database_url,
        "LAUNCHER": "process",
        "LAUNCHER_FOLDER": str(tmp_path),
        "PASSES": str(passes),
    }
    with Serving(tmp_path, given, program="tests.control.crowded") as control:
        yield control


def _passes_over(workers: int, passes: Path) -> list[dict[str, float]]:
    """Give the fleet's passes that found so many workers there."""
    told = [json.loads(line) for line in passes.read_text().splitlines()]
    return [one for one in told if one["workers"] == workers][1:]  # the first one starts them


async def _fill(database_url: str, tenants: int) -> None:
    rows = [{"id": f"t{n}", "settings": livekit(f"APItenant{n}")} for n in range(tenants)]
    database = Database(SecretStr(database_url))

    async def work(connection: Any) -> None:
        await connection.execute(insert(clients), rows)

    try:
        await database.write(work)
    finally:
        await database.close()


async def test_a_dispatch_is_sent_as_soon_however_many_tenants_and_workers_there_are(
    serving: Serving, passes: Path, database_url: str, acme: RunningProject
) -> None:
    clock, sent_at = Clock(serving.child.pid), list[float]()

    def note(chunk: bytes) -> None:
        if _REQUEST in chunk:
            sent_at.append(clock.now())

    gate = Gate(acme, note)
    await gate.open()
    try:
        async with serving.client() as client:
            few, many = (Timed(client, clock, sent_at) for _ in range(2))
            await register(client, "acme", gate.credentials)
            for _ in range(_WARM_UP_CALLS + _CALLS):
                await few.call()
            await _fill(database_url, 1000)
            while len(_passes_over(1001, passes)) < _PASSES or len(many.reads) < _CALLS:
                await many.call()
    finally:
        await gate.shut()
    alone, crowded = median(few.until_sent), median(many.until_sent)
    held = median(one["longest"] / one["all"] for one in _passes_over(1001, passes))
    print(
        f"\nreceived → dispatch sent, median: {alone * 1000:.1f} ms, a tenant is read in"
        f" {median(few.reads) * 1000:.1f} ms; with 1,000 tenants {crowded * 1000:.1f} ms;"
        f" a pass over them holds the loop for {held:.1%} of its time at once"
    )
    assert alone < 2 * median(few.reads)
    assert crowded < 2 * alone
    # Else some calls wait for the whole of a pass, and no median tells.
    assert held < 0.1
