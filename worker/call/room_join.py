"""The one way into a call's room: the session, the tenant's code and ours all take it."""

import asyncio
import logging
import time
from collections.abc import Awaitable
from typing import Any

from livekit.agents import JobContext

from contract.refusals import Refusal
from project.connection import Project
from project.faults import ProjectFault
from project.participants import agents_in
from worker.call.admission import AdmissionRefused, check_listed
from worker.call.job import offered_at
from worker.call_pipe import PipeToMain
from worker.configuration import Configuration
from worker.guard.offer import Offer

logger = logging.getLogger(__name__)

_LOOK_SECONDS = 5.0


class RoomJoin:
    """Joins an admitted call's room once, and leaves it again when an older agent of ours is there.

    Stands in the place of the SDK's `ctx.connect`, so that nothing connects past it. `refused` is
    done when the join was refused, whatever the call's code makes of the error.
    """

    def __init__(
        self, ctx: JobContext, offer: Offer, configuration: Configuration, pipe: PipeToMain
    ) -> None:
        self._ctx, self._offer = ctx, offer
        self._configuration, self._pipe = configuration, pipe
        self._connect = ctx.connect
        self.refused: asyncio.Future[AdmissionRefused] = asyncio.get_running_loop().create_future()
        ctx.connect = self.join  # type: ignore[method-assign] # the SDK has no hook for it

    async def join(self, **options: Any) -> None:
        """Join the room; when it is joined already, do nothing. `options` are the SDK's connect's.

        Raises:
            AdmissionRefused: room-taken; or withdrawn, when the room was removed meanwhile.
        """
        if self._pipe.has_joined:
            return
        if self.refused.done():
            raise self.refused.result()
        try:
            await self._while_listed(self._connect(**options))
            await self._leave_to_an_elder()
        except AdmissionRefused as refusal:
            # Before the room is left: that the room is over must not be taken for the call's end.
            self.refused.set_result(refusal)
            await self._ctx.room.disconnect()
            raise
        self._pipe.joined()
        self._pipe.count("joined_after", time.time() - offered_at(self._ctx))

    async def _while_listed(self, connect: Awaitable[None]) -> None:
        connecting = asyncio.ensure_future(connect)
        try:
            # A join takes 0.1 s, or long on a busy machine. Left alone, one whose room is removed
            # meanwhile would try again after 15 s, and make the room anew.
            while not (await asyncio.wait({connecting}, timeout=_LOOK_SECONDS))[0]:
                await check_listed(self._configuration.credentials, self._offer)
            await connecting
        finally:
            connecting.cancel()

    async def _leave_to_an_elder(self) -> None:
        ours = await self._our_agents()
        mine = self._ctx.room.local_participant.identity
        if mine in ours and ours[0] != mine:
            detail = f"an older agent is there: {ours[0]}"
            raise AdmissionRefused(Refusal.ROOM_TAKEN, detail)

    async def _our_agents(self) -> list[str]:
        """Name this tenant's agents in the room, the earliest first; none if nobody can say."""
        try:
            async with Project(self._configuration.credentials) as project:
                agents = await agents_in(project, self._ctx.room.name)
        except ProjectFault as fault:
            logger.warning("cannot see whether an older agent is in the room: %s", fault)
            return []
        tenant = self._configuration.identity.tenant
        return [agent.identity for agent in agents if agent.attributes.get("tenant") == tenant]
