"""What whoever launches workers can say of a tenant's workers now."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True)
class WorkersStatus:
    """The `/status` of each of a tenant's running workers that answers, draining ones included.

    `can_be_asked` is false where something else runs the workers: then no status means nothing.
    `running` counts the workers that run, whether they answer or not.
    """

    can_be_asked: bool
    running: int = 0
    statuses: tuple[Mapping[str, Any], ...] = ()


class AsksWorkers(Protocol):
    """Whoever can ask a tenant's workers; never raises, answers within a second."""

    async def standing(self, tenant_id: str) -> WorkersStatus:
        """Say how a tenant's workers stand."""
        ...


class NobodyToAsk:
    """With LAUNCHER=none something else runs the workers, out of our reach."""

    async def standing(self, tenant_id: str) -> WorkersStatus:  # noqa: ARG002 - the protocol's word
        """Say that no worker can be asked."""
        return WorkersStatus(can_be_asked=False)
