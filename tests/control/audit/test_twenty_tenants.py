"""An audit of twenty tenants on twenty real servers is proven in under a minute."""

import asyncio
from pathlib import Path

import pytest

from contract.exits import ExitCode
from control.audit.findings import Audit
from control.audit.run import AuditEvidence, audit
from tests.control.audit.light import LightFleet, serving
from tests.control.audit.scenes import CLAIM_KEY, Scene, light_worker, make_tenant, start_projects

pytestmark = [pytest.mark.integration, pytest.mark.timeout(240)]

NAMES = tuple(f"tenant-{number}" for number in range(20))


def test_twenty_tenants_are_proven_apart_in_less_time_than_ten_times_two(tmp_path: Path) -> None:
    projects = start_projects(NAMES, tmp_path)
    try:
        tenants = tuple(make_tenant(name, projects[name].credentials) for name in NAMES)
        two = asyncio.run(_audit(Scene(projects, tenants[:2])))
        done = asyncio.run(_audit(Scene(projects, tenants)))
    finally:
        for project in projects.values():
            project.kill()
    assert done.exit_code is ExitCode.OK, [f for f in done.findings if f.outcome != "proven"][:5]
    assert len(done.findings) == 20 * 4 + 20 * 19 * 4
    # There are 190 times as many pairs, and ten times as many tenants.
    print(f"\nof two tenants {two.elapsed_ms} ms, of twenty {done.elapsed_ms} ms")
    assert done.elapsed_ms < 10 * two.elapsed_ms


async def _audit(scene: Scene) -> Audit:
    own = {tenant.id: light_worker(tenant) for tenant in scene.tenants}
    async with serving(list(own.values())):
        return await audit(AuditEvidence(scene.tenants, LightFleet(own), claim_key=CLAIM_KEY))
