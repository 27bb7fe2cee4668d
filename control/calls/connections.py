"""Open connections to the tenants' projects: kept warm, one set a project, never shared."""

from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from project.connection import Project
from project.credentials import Credentials

_MOST_KEPT = 256
# A storm of calls waits its turn here, or it would make the answers to all of them late.
_MOST_REQUESTS = 8


@dataclass
class _Line:
    project: Project
    users: int = 0


class Connections:
    """A slow or absent project has sockets of its own, so it makes nobody else wait."""

    def __init__(self) -> None:
        self._lines: OrderedDict[tuple[str, str, str], _Line] = OrderedDict()

    @asynccontextmanager
    async def to(self, credentials: Credentials) -> AsyncIterator[Project]:
        """Lend the connection to a project."""
        key = (credentials.url, credentials.api_key, credentials.api_secret.get_secret_value())
        line = self._lines.get(key)
        if line is None:
            line = self._lines[key] = _Line(Project(credentials, most_at_once=_MOST_REQUESTS))
            await line.project.__aenter__()  # opens a session, sends nothing
        self._lines.move_to_end(key)
        line.users += 1
        try:
            yield line.project
        finally:
            line.users -= 1
            await self._close_surplus()

    async def close(self) -> None:
        """Close them all."""
        lines = list(self._lines.values())
        self._lines.clear()
        for line in lines:
            await line.project.__aexit__(None, None, None)

    async def _close_surplus(self) -> None:
        for key in [key for key, line in self._lines.items() if line.users == 0]:
            if len(self._lines) <= _MOST_KEPT:
                return
            await self._lines.pop(key).project.__aexit__(None, None, None)
