"""Dispatches: LiveKit's requests for an agent in a room, and the jobs that came of them."""

import asyncio
from dataclasses import dataclass

from livekit import api

from project.connection import Project, ask
from project.faults import NotFound, ServerFault, Unreachable
from project.rooms import room_exists


@dataclass(frozen=True)
class Job:
    """What a worker was offered for a dispatch; listed up to 5 s late, and never ended by a death.

    `status` is the server's word in lower case: pending, running, success, failed, cancelled.
    Success with an empty `participant_identity` is a refusal for good.
    """

    id: str
    status: str
    participant_identity: str
    worker_id: str
    error: str

    @property
    def is_refused(self) -> bool:
        """Tell whether a worker refused it for good."""
        return self.status == "success" and not self.participant_identity


@dataclass(frozen=True)
class Dispatch:
    """One dispatch in a room."""

    id: str
    agent_name: str
    room: str
    metadata: str
    jobs: tuple[Job, ...]


async def create_dispatch(
    project: Project,
    room: str,
    agent_name: str,
    metadata: str,
    restart_never: bool = True,
) -> str:
    """Ask for an agent in a room, and give the dispatch's id; no error tells that nobody came."""
    request = api.CreateAgentDispatchRequest(
        room=room,
        agent_name=agent_name,
        metadata=metadata,
        restart_policy=api.JRP_NEVER if restart_never else api.JRP_ON_FAILURE,
    )
    dispatch = await ask(project, project.api.agent_dispatch.create_dispatch(request))
    return dispatch.id


async def delete_dispatch(project: Project, dispatch_id: str, room: str) -> None:
    """Withdraw a dispatch, whose agent leaves seconds later or not at all; absent is no error."""
    try:
        await ask(project, project.api.agent_dispatch.delete_dispatch(dispatch_id, room))
    except NotFound:
        return
    except (ServerFault, Unreachable):  # what an absent room is answered with
        if await room_exists(project, room):
            raise


async def list_dispatches(project: Project, room: str) -> tuple[Dispatch, ...]:
    """List a room's dispatches; none for a room that is not there."""
    # For an absent room the server waits 3 s and answers 503: nobody serves such a request. So it
    # is asked at the same time whether the room exists, which costs an existing room no time.
    listing = asyncio.create_task(_list(project, room), name=f"list the dispatches of {room}")
    try:
        if not await room_exists(project, room):
            return ()
        return await listing
    finally:
        listing.cancel()
        await asyncio.gather(listing, return_exceptions=True)


async def _list(project: Project, room: str) -> tuple[Dispatch, ...]:
    response = await ask(project, project.api.agent_dispatch.list_dispatch(room))
    return tuple(_dispatch(dispatch) for dispatch in response)


async def is_listed(project: Project, dispatch_id: str, room: str) -> bool:
    """Tell whether a dispatch is still there; a withdrawn one is not."""
    return any(dispatch.id == dispatch_id for dispatch in await list_dispatches(project, room))


def _dispatch(dispatch: api.AgentDispatch) -> Dispatch:
    return Dispatch(
        id=dispatch.id,
        agent_name=dispatch.agent_name,
        room=dispatch.room,
        metadata=dispatch.metadata,
        jobs=tuple(_job(job) for job in dispatch.state.jobs),
    )


def _job(job: api.Job) -> Job:
    status = api.JobStatus.Name(job.state.status)
    return Job(
        id=job.id,
        status=status.removeprefix("JS_").lower(),
        participant_identity=job.state.participant_identity,
        worker_id=job.state.worker_id,
        error=job.state.error,
    )
