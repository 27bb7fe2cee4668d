"""What an agent's code is called with: the one way to join its room and begin to talk."""

from typing import TYPE_CHECKING, Any, Protocol

if (
    TYPE_CHECKING
):  # the SDK takes a second to load, and whoever only names the type needs none of it
    from livekit.agents import Agent, AgentSession
    from livekit.agents.voice.room_io import RoomOptions


class Start(Protocol):
    """`await start(session, agent)`: joins the room, then starts the session in it.

    The worker then watches the call: it ends it when the caller leaves, tells the caller when the
    provider fails, counts what is used, and says goodbye when it has to.
    """

    async def __call__(
        self,
        session: "AgentSession[Any]",
        agent: "Agent",
        room_options: "RoomOptions | None" = None,
    ) -> None:
        """Join and start; call it once.

        Args:
            session: has the models. Without turn detection it takes turns by voice activity.
            agent: begins the conversation.
            room_options: are passed on to the SDK, but who ends a call and its room is the worker's
                to say.

        Raises:
            RuntimeError: at the second call.
        """
