"""Runs a tenant's preflight as a child that sees this tenant's variables alone, and keeps it."""

import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr
from sqlalchemy import delete, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from contract.programs import ROOT, WORKER
from contract.records.report import ReportLine, problems, read_lines
from control.child_environment import inherited
from control.settings import ControlSettings
from control.storage.database import Database
from control.storage.tables import checks
from control.tenants.registry import Registry
from control.tenants.tenant import Tenant

_PATIENCE_SECONDS = 60.0
_MOST_AT_ONCE = 4


class CheckFailed(Exception):
    """The preflight could not be run, or said nothing that can be read."""

    hint = f"run `{WORKER} check` with the tenant's variables and read what it says"


@dataclass(frozen=True)
class TenantCheck:
    """A tenant's last preflight; `at` in Unix seconds, `content_hash` of what was checked."""

    at: float
    content_hash: str
    exit_code: int
    report: Mapping[str, Any]

    @property
    def verdict(self) -> str:
        """Give `pass` or `fail`."""
        return "pass" if self.exit_code == 0 else "fail"

    @property
    def problems(self) -> tuple[str, ...]:
        """Name what failed."""
        return problems(self.lines)

    @property
    def lines(self) -> tuple[ReportLine, ...]:
        """Give the report's lines."""
        return read_lines(self.report)


class PreflightRunner:
    """Checks tenants, four at most at once, and remembers each one's last report."""

    def __init__(self, database: Database, registry: Registry, settings: ControlSettings) -> None:
        self._database, self._registry, self._settings = database, registry, settings
        self._bound = asyncio.Semaphore(_MOST_AT_ONCE)

    async def check(self, tenant_id: str) -> TenantCheck:
        """Run the preflight and keep its report.

        Raises:
            UnknownTenant: there is none of this id.
            FaultyTenant: it has no credentials that could be checked.
            CheckFailed: no report came.
        """
        tenant = await self._registry.tenant(tenant_id)
        async with self._bound:
            checked = await self._run(tenant)
        await self._keep(tenant_id, checked)
        return checked

    async def last(self) -> Mapping[str, TenantCheck]:
        """Give every tenant's last check."""
        rows = await self._database.read(_read)
        return {
            row.tenant_id: TenantCheck(row.at, row.content_hash, row.exit_code, row.report or {})
            for row in rows
        }

    async def _run(self, tenant: Tenant) -> TenantCheck:
        with tempfile.TemporaryDirectory(prefix="control-check-") as folder:
            child = await asyncio.create_subprocess_exec(
                sys.executable,
                *("-m", "bootstrap", "check", "--json"),
                cwd=ROOT,
                env=self._environment(tenant, Path(folder)),
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
            )
            try:
                async with asyncio.timeout(_PATIENCE_SECONDS):
                    said, _ = await child.communicate()
            except TimeoutError:
                raise CheckFailed(f"no report within {_PATIENCE_SECONDS:.0f} s") from None
            finally:
                if child.returncode is None:
                    child.kill()
                    await child.wait()
        return TenantCheck(time.time(), tenant.content_hash, child.returncode or 0, _report(said))

    def _environment(self, tenant: Tenant, folder: Path) -> dict[str, str]:
        variables = tenant.variables()
        plain = {
            name: value.get_secret_value() if isinstance(value, SecretStr) else value
            for name, value in variables.items()
        }
        if (text := tenant.agent_config_file()) is not None:
            path = folder / "agent_config.yaml"
            path.write_text(text)
            plain["AGENT_CONFIG"] = str(path)
        host = dict(inherited(self._settings.environment))
        return host | plain | {"STATE_DIR": str(folder / "state"), "HEALTH_PORT": "0"}

    async def _keep(self, tenant_id: str, checked: TenantCheck) -> None:
        async def write(connection: AsyncConnection) -> None:
            await connection.execute(delete(checks).where(checks.c.tenant_id == tenant_id))
            await connection.execute(
                insert(checks).values(
                    tenant_id=tenant_id,
                    at=checked.at,
                    content_hash=checked.content_hash,
                    exit_code=checked.exit_code,
                    report=dict(checked.report),
                )
            )

        await self._database.write(write)


async def _read(connection: AsyncConnection) -> list[Any]:
    return list((await connection.execute(select(checks))).all())


def _report(said: bytes) -> Mapping[str, Any]:
    try:
        report = json.loads(said)
    except ValueError:
        raise CheckFailed("the preflight ended without a report") from None
    if not isinstance(report, dict):
        raise CheckFailed("the preflight's report is no JSON object")
    return report
