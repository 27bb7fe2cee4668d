"""Watches answered calls: one task a project, so that a slow project delays its own calls alone."""

import asyncio
import contextlib
from collections.abc import Callable

from control import logs
from control.calls.call import Call, Receipt
from control.calls.connections import Connections
from control.calls.dispatch_attempts import DispatchAttempts
from control.calls.store import CallStore
from control.calls.upkeep.project_watch import ProjectWatch, WatchedCall
from project.credentials import Credentials


class CallWatch:
    """Knows which project's watch has which call."""

    def __init__(
        self,
        store: CallStore,
        connections: Connections,
        attempts_for: Callable[[Call], DispatchAttempts],
    ) -> None:
        self._store, self._connections, self._attempts_for = store, connections, attempts_for
        self._projects: dict[Credentials, ProjectWatch] = {}
        self._tasks: dict[Credentials, asyncio.Task[None]] = {}

    def add(self, call: Call, attempts: asyncio.Task[Receipt] | None = None) -> None:
        """Watch a call from now on; `attempts` is what still sends for its first agent."""
        key = call.credentials
        if key not in self._projects:
            self._projects[key] = ProjectWatch(
                key, self._store, self._connections, self._attempts_for
            )
            name = f"watch the calls of {key.host}"
            self._tasks[key] = asyncio.create_task(
                self._run(key), name=name, context=logs.nobodys()
            )
        self._projects[key].calls[call.id] = WatchedCall(call, attempts)

    async def drop(self, call: Call) -> None:
        """Watch a call no longer, and send for nobody any more."""
        project = self._projects.get(call.credentials)
        watched = project.calls.pop(call.id, None) if project else None
        if watched is not None and watched.attempts is not None:
            watched.attempts.cancel()
            with contextlib.suppress(asyncio.CancelledError, Exception):
                await watched.attempts

    def look_into(self, project: Credentials, room: str) -> None:
        """Look into a project's room at once, and into no other: something happened there."""
        if project in self._projects:
            self._projects[project].look_into(room)

    async def close(self) -> None:
        """Stop watching; the calls go on, and whoever comes next watches them."""
        watched = [call for project in self._projects.values() for call in project.calls.values()]
        attempts = [call.attempts for call in watched if call.attempts is not None]
        tasks = [*self._tasks.values(), *attempts]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _run(self, key: Credentials) -> None:
        await self._projects[key].run()
        del self._projects[key], self._tasks[key]
