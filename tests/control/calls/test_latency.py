"""How soon a request's dispatch is sent, and that a thousand tenants do not change it."""

import statistics
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import insert

from control.calls.call import CallRequest
from control.plane import Plane
from control.registry import Registration
from control.tables import clients
from sandbox.servers import RunningProject
from tests.control.planes import livekit, opened, sqlite
from tests.control.running import settings_of

pytestmark = pytest.mark.integration

LIMIT_SECONDS = 0.025
_GROUP, _MOST_GROUPS = 7, 12


async def _median(plane: Plane) -> float:
    """Give the median of a group of requests, in seconds; of several groups the quietest.

    Whatever else the machine does can only add, so a group that keeps the limit ends the search.
    """
    medians: list[float] = []
    while len(medians) < _MOST_GROUPS:
        seconds: list[float] = []
        plane.desk.on_dispatch = seconds.append
        for _ in range(_GROUP):
            made = await plane.desk.request("acme", CallRequest("caller", wait_seconds=0), None)
            await plane.desk.end("acme", made.body["call_id"])
        medians.append(statistics.median(seconds[:_GROUP]))
        if medians[-1] < LIMIT_SECONDS:
            break
    return min(medians)


async def _fill(plane: Plane, tenants: int) -> None:
    rows = [{"id": f"t{n}", "settings": livekit(f"APItenant{n}")} for n in range(tenants)]

    async def work(connection: Any) -> None:
        await connection.execute(insert(clients), rows)

    await plane.database.write(work)


async def test_a_dispatch_is_sent_within_25_ms_however_many_tenants_there_are(
    acme: RunningProject, tmp_path: Path
) -> None:
    async with opened(sqlite(tmp_path)) as plane:
        await plane.registry.register(Registration("acme", settings=settings_of(acme.credentials)))
        few = await _median(plane)
        await _fill(plane, 1000)
        many = await _median(plane)
    print(
        f"\nreceived → dispatch sent, median: {few * 1000:.1f} ms;"
        f" with 1,000 tenants {many * 1000:.1f} ms"
    )
    assert few < LIMIT_SECONDS
    assert many < LIMIT_SECONDS
