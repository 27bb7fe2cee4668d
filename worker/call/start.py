"""What a tenant's own code is given: the one way to join its room and begin to talk."""

from collections.abc import Awaitable, Callable
from typing import Any

from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions

from worker.agent import provider_watch, sdk_session


class SessionStart:
    """`await start(session, agent)`: joins the room, then starts the session in it.

    The worker then watches the call: it ends it when the caller leaves, tells the caller when the
    provider fails, counts what is used, and says goodbye when it has to.
    """

    def __init__(self, join: Callable[[AgentSession[Any]], Awaitable[None]], room: Any) -> None:
        self._join = join
        self._room = room

    async def __call__(
        self, session: AgentSession[Any], agent: Agent, room_options: RoomOptions | None = None
    ) -> None:
        """Join and start; call it once.

        Raises:
            RuntimeError: at the second call.
        """
        options = room_options or RoomOptions()
        # Who ends a call and a room is the worker's to say, in one place.
        options.close_on_disconnect = False
        options.delete_room_on_close = False
        sdk_session.default_to(session, provider_watch.LIMITS)
        await self._join(session)
        await session.start(
            agent, room=self._room, room_options=options, record=False, session_host=False
        )
