"""A running worker's look for rivals: whoever else takes this tenant's dispatches."""

import asyncio
import logging
from collections.abc import Callable

from contract.metadata import ProbeWant
from contract.policies import Strictness
from project.connection import Project
from project.faults import ProjectFault
from project.probes import probe
from worker.configuration import Configuration
from worker.metrics import WorkerMetrics

logger = logging.getLogger(__name__)


class RivalWatch:
    """Asks every ten minutes; `seen` is what the last look found."""

    def __init__(
        self, configuration: Configuration, metrics: WorkerMetrics, is_ready: Callable[[], bool]
    ) -> None:
        self._configuration = configuration
        self._metrics = metrics
        self._is_ready = is_ready
        self.seen: tuple[str, ...] = ()

    async def watch(self) -> None:
        """Look for ever; never when RIVAL_CHECK is off."""
        if self._configuration.checks.rivals is Strictness.OFF:
            return
        while True:
            await asyncio.sleep(self._configuration.rival_interval_seconds)
            if self._is_ready():
                await self.look()

    async def look(self) -> None:
        """Look once; a project that cannot be asked leaves what was seen before."""
        configuration = self._configuration
        try:
            async with Project(configuration.credentials) as project:
                answers = await probe(
                    project,
                    tenant_prefix=configuration.identity.room_prefix,
                    agent_name=configuration.identity.agent_name,
                    want=ProbeWant.RIVALS,
                    # A cold rival needs about three seconds to come.
                    patience_seconds=configuration.rival_patience_seconds,
                    plain_room=True,
                )
        except ProjectFault as fault:
            logger.warning("could not look for rivals: %s", fault)
            return
        self.seen = tuple(answer.identity for answer in answers)
        self._metrics.rivals_are(len(self.seen))
        if self.seen:
            logger.error(
                "somebody else takes this tenant's dispatches: %d came to a probe that this "
                "tenant's workers leave alone",
                len(self.seen),
                extra={"rivals": list(self.seen)},
            )
