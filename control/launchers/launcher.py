"""What every launcher can do, and what it tells of a worker."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from contract.limits import DEFAULT_DRAIN_SECONDS
from control.launchers.worker_spec import WorkerSpec


class LauncherFault(Exception):
    """A launcher that cannot do what it was told; `hint` says what to do next."""

    def __init__(self, message: str, hint: str = "") -> None:
        super().__init__(message)
        self.hint = hint


class LauncherAway(LauncherFault):
    """A launcher that does not answer now; another try may succeed."""


@dataclass(frozen=True)
class WorkerExit:
    """How a worker ended: its exit code (None when nobody saw it), and when (Unix seconds)."""

    code: int | None
    at: float
    cause: str = ""


@dataclass(frozen=True)
class Worker:
    """One worker that a launcher has started and not yet forgotten; times in Unix seconds.

    `spec_hash` is of the spec that it was started by; `slot` names its part of the tenant's state;
    `health_url` is None until it is known.
    """

    id: str
    tenant: str
    spec_hash: str
    slot: int
    started_at: float
    restarts: int = 0
    failures: int = 0
    last_cause: str = ""
    health_url: str | None = None
    draining_since: float | None = None
    ending: WorkerExit | None = None

    @property
    def is_live(self) -> bool:
        """Tell whether it runs, draining included."""
        return self.ending is None


def by_tenant(workers: Iterable[Worker]) -> dict[str, list[Worker]]:
    """Sort workers by whose they are."""
    sorted_workers: dict[str, list[Worker]] = {}
    for worker in workers:
        sorted_workers.setdefault(worker.tenant, []).append(worker)
    return sorted_workers


class Launcher(Protocol):
    """Starts and stops workers; what it knows is read from what runs, so a restart loses none."""

    @property
    def kind(self) -> str:
        """Give the launcher's name in settings."""

    async def runtime(self) -> str:
        """Name what a worker is made of (an image's id); another runtime replaces workers."""

    async def workers(self) -> tuple[Worker, ...]:
        """List every worker of ours, ended ones included.

        Raises:
            LauncherFault: nothing can be listed now.
        """

    async def start(self, spec: WorkerSpec, slot: int) -> Worker:
        """Start a worker.

        Raises:
            LauncherFault: it could not be started; nothing of it is left.
        """

    async def drain(self, worker: Worker) -> None:
        """Ask a worker once to take no new calls and to end when it has none."""

    async def kill(self, worker: Worker) -> None:
        """End a worker at once."""

    async def remove(self, worker: Worker) -> None:
        """Forget an ended worker; its state (spooled usage) stays with the tenant."""

    async def memory_bytes(self, worker: Worker) -> int | None:
        """Tell what a running worker uses now; None when it cannot be told."""

    async def close(self) -> None:
        """Let go of connections; workers go on."""


@dataclass(frozen=True)
class LauncherSettings:
    """How workers are started on this host.

    `folder` is where the process launcher keeps state, and where mounted files are written.
    `docker_network` None gives every tenant a network of its own; a name is used for all.
    `docker_container` names the control plane's own container; None where it runs in none.
    `host_variables` are the host's part of every worker's environment (LOG_LEVEL and the like),
    `host_environment` what any program needs of its host (see `inherited`); processes alone get it.
    `fleet` parts several control planes on one Docker Engine.
    """

    kind: str
    folder: Path
    image: str = ""
    docker_host: str | None = None
    docker_network: str | None = None
    docker_container: str | None = None
    has_credentials_as_files: bool = False
    drain_seconds: int = DEFAULT_DRAIN_SECONDS
    cpus: float = 1.0
    host_variables: tuple[tuple[str, str], ...] = ()
    host_environment: tuple[tuple[str, str], ...] = ()
    worker_command: tuple[str, ...] = ()
    fleet: str = "default"
