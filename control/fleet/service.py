"""The fleet's part of a running control plane: its launcher, its workers, its loop."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from control.fleet.lead import Lead
from control.fleet.loop import Fleet
from control.launchers import choice, configuration
from control.plane import Plane, open_plane
from control.settings import ControlSettings
from control.workers.workers import Workers


class FleetService:
    """What `serve` holds of the fleet, and what commands use without its loop.

    Raises:
        LauncherFault: on making it, when the launcher cannot work here.
    """

    def __init__(self, settings: ControlSettings) -> None:
        read = configuration.read(
            settings.launcher.value, settings.worker_image, settings.environment
        )
        self.launcher = choice.make(read)
        self.workers = Workers(self.launcher)
        self._drain_seconds = read.drain_seconds

    @asynccontextmanager
    async def lifespan(self, plane: Plane) -> AsyncIterator[Fleet]:
        """Keep the loop running; when it ends, workers and their calls go on."""
        lead = Lead(plane.database)
        fleet = Fleet(
            plane.registry,
            self.launcher,
            self.workers,
            drain_seconds=self._drain_seconds,
            leads=lead.is_ours,
        )
        loop = asyncio.create_task(fleet.run(), name="fleet loop")
        try:
            yield fleet
        finally:
            loop.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await loop
            await lead.give_up()
            await self.close()

    async def close(self) -> None:
        """Let go of connections."""
        await self.workers.close()
        await self.launcher.close()


@asynccontextmanager
async def opened(settings: ControlSettings) -> AsyncIterator[tuple[Plane, FleetService]]:
    """Open what a command needs, and close it again; no loop runs."""
    service = FleetService(settings)
    plane = open_plane(settings, service.workers)
    try:
        yield plane, service
    finally:
        await plane.calls.close()
        await service.close()
        await plane.database.close()
