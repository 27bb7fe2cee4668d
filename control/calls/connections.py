"""Open connections to the tenants' projects: kept warm, one set a project, never shared."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from project.connection import Project
from project.credentials import Credentials

MOST_KEPT = 256
# A storm of calls waits its turn here, or it would make the answers to all of them late.
_MOST_REQUESTS = 8


@dataclass
class _Connection:
    project: Project
    users: int = 0


class Connections:
    """A slow or absent project has sockets of its own, so it makes nobody else wait."""

    def __init__(self) -> None:
        # Credentials as a key show host and fingerprint, never the secret.
        self._kept: OrderedDict[Credentials, _Connection] = OrderedDict()

    def __len__(self) -> int:
        """Count the projects to which a connection is kept."""
        return len(self._kept)

    @asynccontextmanager
    async def to(self, credentials: Credentials) -> AsyncIterator[Project]:
        """Lend the connection to a project."""
        connection = self._kept.get(credentials)
        if connection is None:
            connection = _Connection(Project(credentials, most_at_once=_MOST_REQUESTS))
            self._kept[credentials] = connection
        self._kept.move_to_end(credentials)
        connection.users += 1
        try:
            await connection.project.open()
            yield connection.project
        finally:
            connection.users -= 1
            await self._close_surplus()

    async def close(self) -> None:
        """Close them all."""
        connections = list(self._kept.values())
        self._kept.clear()
        for connection in connections:
            await connection.project.close()

    async def _close_surplus(self) -> None:
        """Close what nobody uses now, the longest unused first; others may come meanwhile."""
        while len(self._kept) > MOST_KEPT and (oldest := self._oldest_unused()) is not None:
            await self._kept.pop(oldest).project.close()

    def _oldest_unused(self) -> Credentials | None:
        return next((key for key, kept in self._kept.items() if kept.users == 0), None)
