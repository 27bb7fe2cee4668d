"""How a fleet is shown: each tenant's state in a word, and what went wrong last."""

import time
from dataclasses import replace

from pydantic import SecretStr
from rich.console import Console

from control.commands import fleet_table
from control.fleet.rows import FleetRow, rows
from control.launchers.launcher import Worker, WorkerExit
from control.launchers.none import NoLauncher
from control.tenants.tenant import Tenant, TenantFault
from control.workers.workers import Workers
from project.credentials import Credentials
from tests.control.audit.scenes import make_tenant


class Ended(NoLauncher):
    """A launcher all of whose workers have ended: nothing real ends so on command in no time."""

    kind = "process"

    def __init__(self, *workers: Worker) -> None:
        self._workers = workers

    async def workers(self) -> tuple[Worker, ...]:
        """List them."""
        return self._workers


def tenant(name: str, *, enabled: bool = True, fault: str = "") -> Tenant:
    credentials = Credentials(f"wss://{name}.example", f"API{name}", SecretStr("s" * 32))
    faults = (TenantFault("shared-key", fault, "give it its own"),) if fault else ()
    return replace(make_tenant(name, credentials, enabled=enabled), faults=faults)


def ended(name: str, code: int, ago: float = 0.0, failures: int = 0) -> Worker:
    now = time.time()
    ending = WorkerExit(code, now - ago, "credential.secret: it is not the key's")
    return Worker(
        id=name,
        tenant=name,
        spec_hash="",
        slot=0,
        started_at=now - ago - 5,
        restarts=failures,
        failures=failures,
        ending=ending,
    )


async def test_every_tenant_has_a_row_with_its_state_and_cause() -> None:
    tenants = (
        tenant("blocked"),
        tenant("crashed"),
        tenant("new"),
        tenant("off", enabled=False),
        tenant("shared", fault="its API key belongs to new as well"),
    )
    launcher = Ended(ended("blocked", 77), ended("crashed", 69, failures=6), ended("gone", 0))
    found = {row.tenant: row for row in await rows(tenants, launcher, Workers(launcher))}
    assert {name: row.state.split(" in ")[0] for name, row in found.items()} == {
        "blocked": "stopped (77)",
        "crashed": "restarts",
        "gone": "deleted",
        "new": "to be started",
        "off": "disabled",
        "shared": "faulty",
    }
    assert found["blocked"].last_cause == (
        "exit 77 refused: credential.secret: it is not the key's"
    )
    assert found["shared"].last_cause == "its API key belongs to new as well"
    assert (found["crashed"].restarts, found["crashed"].project) == (6, "crashed.example")


async def test_without_a_launcher_of_ours_nothing_is_claimed_about_workers() -> None:
    launcher = NoLauncher()
    (row,) = await rows((tenant("acme"),), launcher, Workers(launcher))
    assert row.state == "not ours to see"


def test_the_table_shows_calls_memory_and_restarts_and_each_cause_in_full_below() -> None:
    console = Console(width=80)
    cause = "exit 77 refused: credential.secret: it is not the secret of this key " * 2
    row = FleetRow("acme", "acme.example", "ready + draining", 3, 10, 180 * 2**20, 2, cause)
    with console.capture() as captured:
        console.print(fleet_table.render([row]))
    heading, line, _, title, *told = captured.get().splitlines()
    assert heading.split() == ["tenant", "project", "state", "calls", "memory", "restarts"]
    assert " ".join(line.split()) == "acme acme.example ready + draining 3/10 180 MiB 2"
    assert title == "last cause"
    assert " ".join(" ".join(told).split()) == f"acme: {cause}".strip()


def test_a_narrow_terminal_keeps_ids_and_states_whole() -> None:
    console = Console(width=80)
    tenant_id = "3f2b8c1e-7f7d-4c51-9a41-bb7b0a5c1d11"
    row = FleetRow(tenant_id, "a-long-name-of-a-project.livekit.cloud", "restarts in 5 s", 0, 10)
    with console.capture() as captured:
        console.print(fleet_table.render([row]))
    lines = captured.get().splitlines()[1:]
    assert "".join(line.split(" ")[0] for line in lines) == tenant_id
    assert "restarts in 5 s" in lines[0]
