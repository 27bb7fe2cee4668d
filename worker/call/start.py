"""The worker's `Start`: joins the call's room, then starts the session as this worker wants it."""

from collections.abc import Awaitable, Callable
from typing import Any

from livekit.agents import Agent, AgentSession
from livekit.agents.voice.room_io import RoomOptions

from livekit_tenant import Start
from worker.agent import provider_watch, sdk_session


class SessionStart(Start):
    """One call's."""

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
