"""A room's participants, as the server lists them: only there is it seen that an agent joined."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from livekit import api

from project.connection import Project, ask
from project.faults import NotFound

_AGENT = "agent"


@dataclass(frozen=True)
class Participant:
    """One participant; `kind` and `state` are the server's words in lower case.

    `joined_at` is a Unix time in seconds; `published` tells whether it has a track.
    """

    identity: str
    kind: str
    state: str
    attributes: Mapping[str, str] = field(hash=False)
    joined_at: float
    published: bool
    sid: str = ""

    @property
    def is_agent(self) -> bool:
        """Tell whether it joined as an agent."""
        return self.kind == _AGENT

    @property
    def is_active(self) -> bool:
        """Tell whether its media connection is up."""
        return self.state == "active"


async def participants_in(project: Project, room: str) -> tuple[Participant, ...]:
    """List a room's participants, the earliest first; none for a room that is not there.

    The server lists a disconnected participant for a moment longer; it is left out here.
    """
    request = api.ListParticipantsRequest(room=room)
    try:
        response = await ask(project, project.api.room.list_participants(request))
    except NotFound:
        return ()
    participants = (_participant(info) for info in response.participants)
    present = (participant for participant in participants if participant.state != "disconnected")
    return tuple(
        sorted(present, key=lambda participant: (participant.joined_at, participant.identity))
    )


async def agents_in(project: Project, room: str) -> tuple[Participant, ...]:
    """List a room's agents, the earliest first."""
    participants = await participants_in(project, room)
    return tuple(participant for participant in participants if participant.is_agent)


async def remove_participant(project: Project, room: str, identity: str) -> None:
    """Put a participant out of a room; an absent one is no error."""
    request = api.RoomParticipantIdentity(room=room, identity=identity)
    try:
        await ask(project, project.api.room.remove_participant(request))
    except NotFound:
        return


def _participant(info: api.ParticipantInfo) -> Participant:
    return Participant(
        identity=info.identity,
        kind=api.ParticipantInfo.Kind.Name(info.kind).lower(),
        state=api.ParticipantInfo.State.Name(info.state).lower(),
        attributes=dict(info.attributes),
        joined_at=info.joined_at_ms / 1000 if info.joined_at_ms else float(info.joined_at),
        published=bool(info.tracks),
        sid=info.sid,
    )
