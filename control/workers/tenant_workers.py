"""What can be said now of the workers that one tenant has."""

from dataclasses import dataclass
from typing import Protocol

from contract.records.worker_status import WorkerStatus


@dataclass(frozen=True)
class TenantWorkers:
    """The status of each of a tenant's running workers that answers, draining ones included.

    `can_be_asked` is false where something else runs the workers: then no status means nothing.
    `running` counts the workers that run, whether they answer or not.
    """

    can_be_asked: bool
    running: int = 0
    statuses: tuple[WorkerStatus, ...] = ()


class AsksWorkers(Protocol):
    """Whoever can ask a tenant's workers; never raises."""

    async def of(self, tenant_id: str) -> TenantWorkers:
        """Ask a tenant's workers for their status."""
        ...


class NobodyToAsk:
    """With LAUNCHER=none something else runs the workers, out of our reach."""

    async def of(self, tenant_id: str) -> TenantWorkers:  # noqa: ARG002 - the protocol's word
        """Say that no worker can be asked."""
        return TenantWorkers(can_be_asked=False)
