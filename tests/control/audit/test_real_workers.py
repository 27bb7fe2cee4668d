"""The audit, status and stop from a terminal, over the real workers of two tenants."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from contract.claims import encode_key
from sandbox.servers import RunningProject
from tests.control.audit.scenes import CLAIM_KEY
from tests.control.fleet.fleets import RunningFleet, running_fleet, until

pytestmark = [pytest.mark.integration, pytest.mark.timeout(400)]

CLAIMS = {"CLAIM_POLICY": "required"}


async def run(fleet: RunningFleet, *words: str) -> tuple[int, str]:
    """Run a command of the control plane as a child, with its variables alone."""
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "control", *words),
        env=fleet.variables,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    said, complained = await child.communicate()
    assert child.returncode is not None
    assert b"Traceback" not in complained, complained.decode()
    return child.returncode, said.decode()


def not_proven(audit: dict[str, Any]) -> set[tuple[str, str, str | None]]:
    return {
        (finding["question"], finding["tenant"], finding["other"])
        for finding in audit["findings"]
        if finding["outcome"] != "proven"
    }


async def test_two_tenants_are_proven_apart_until_one_worker_serves_every_room(
    tmp_path: Path, acme: RunningProject, globex: RunningProject
) -> None:
    key = encode_key(CLAIM_KEY.private_bytes_raw())
    async with running_fleet(tmp_path, CLAIM_PRIVATE_KEY=key) as fleet:
        await fleet.put("acme", acme.credentials, env=CLAIMS)
        await fleet.put("globex", globex.credentials, env=CLAIMS)
        first = await fleet.ready("acme")
        await fleet.ready("globex")
        code, said = await run(fleet, "audit", "--format", "json")
        assert (code, not_proven(json.loads(said))) == (0, set())
        for project in (acme, globex):
            assert project.credentials.api_secret.get_secret_value() not in said

        await fleet.put("acme", acme.credentials, env=CLAIMS, room_prefix="*")
        await fleet.ready("acme", but=first.id)
        await until(lambda: is_alone(fleet), "the old worker gone")
        output = tmp_path / "audit.html"
        code, _ = await run(fleet, "audit", "--format", "html", "--output", str(output))
        assert code == 77
        assert "acme&#x27;s worker refuses a room of globex&#x27;s" in output.read_text()

        code, said = await run(fleet, "status", "--json")
        rows = {row["tenant"]: row for row in json.loads(said)}
        assert code == 0
        assert {row["state"] for row in rows.values()} == {"ready"}
        assert rows["globex"]["project"] == globex.credentials.host

        await fleet.crash()
        assert (await run(fleet, "stop"))[0] == 0
        assert await fleet.launcher.workers() == ()


async def is_alone(fleet: RunningFleet) -> bool:
    return len(await fleet.of("acme")) == 1
