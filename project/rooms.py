"""A project's rooms: made together with their first dispatch, listed, and removed."""

from collections.abc import Mapping
from dataclasses import dataclass

from livekit import api

from project.connection import Project, ask
from project.faults import NotFound

EMPTY_TIMEOUT_SECONDS = 60
DEPARTURE_TIMEOUT_SECONDS = 20  # the server's own default
_NO_LIMIT = 0


@dataclass(frozen=True)
class Room:
    """A room of the project, as the server counts it, late by up to 5 s.

    `participants` leaves agents out; `publishers` counts whoever has a track, agents too
    (livekit-server 1.11, pkg/rtc/room.go, updateProto).
    """

    name: str
    sid: str
    participants: int
    publishers: int = 0


async def create_room(  # noqa: PLR0913 - the fields of one request, by keyword
    project: Project,
    name: str,
    *,
    agent_name: str | None = None,
    metadata: str = "",
    dispatch_attributes: Mapping[str, str] | None = None,
    restart_never: bool = True,
    empty_timeout: int = EMPTY_TIMEOUT_SECONDS,
    departure_timeout: int = DEPARTURE_TIMEOUT_SECONDS,
    max_participants: int = _NO_LIMIT,
) -> Room:
    """Make a room and, with `agent_name`, its first dispatch in the same request.

    A room made without `agent_name` is plain: the server sends for every nameless worker.

    Args:
        project: an open connection.
        name: the room's.
        agent_name: the name that the first dispatch is addressed to.
        metadata: the dispatch's.
        dispatch_attributes: the dispatch's.
        restart_never: the server must not send again by itself.
        empty_timeout: seconds that an empty room waits for its first participant.
        departure_timeout: seconds that it stays after the last one left.
        max_participants: 0 is no limit.
    """
    agents = []
    if agent_name is not None:
        agents = [_dispatch(agent_name, metadata, dispatch_attributes, restart_never)]
    request = api.CreateRoomRequest(
        name=name,
        empty_timeout=empty_timeout,
        departure_timeout=departure_timeout,
        max_participants=max_participants,
        agents=agents,
    )
    return _room(await ask(project, project.api.room.create_room(request)))


async def delete_room(project: Project, name: str) -> None:
    """Remove a room and everybody in it; an absent one is no error."""
    request = api.DeleteRoomRequest(room=name)
    try:
        await ask(project, project.api.room.delete_room(request))
    except NotFound:
        return


async def list_rooms(project: Project, *names: str) -> tuple[Room, ...]:
    """List the project's rooms; with `names`, those of them that are there."""
    return await _rooms(project, list(names))


async def room_exists(project: Project, name: str) -> bool:
    """Tell whether the project has this room."""
    return bool(await _rooms(project, [name]))


async def _rooms(project: Project, names: list[str]) -> tuple[Room, ...]:
    request = api.ListRoomsRequest(names=names)
    response = await ask(project, project.api.room.list_rooms(request))
    return tuple(_room(room) for room in response.rooms)


def _room(room: api.Room) -> Room:
    # Nothing else is taken over: a listed room carries a TURN password.
    return Room(room.name, room.sid, room.num_participants, room.num_publishers)


def _dispatch(
    agent_name: str, metadata: str, attributes: Mapping[str, str] | None, restart_never: bool
) -> api.RoomAgentDispatch:
    return api.RoomAgentDispatch(
        agent_name=agent_name,
        metadata=metadata,
        attributes=dict(attributes or {}),
        restart_policy=api.JRP_NEVER if restart_never else api.JRP_ON_FAILURE,
    )
