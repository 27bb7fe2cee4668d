"""A dispatch as the worker is offered it, plain: what the guard judges, and nothing else."""

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from contract import metadata
from contract.metadata import CallMetadata, MalformedMetadata, Probe


class _Room(Protocol):
    name: str


class _Job(Protocol):
    id: str
    dispatch_id: str
    agent_name: str
    metadata: str

    @property
    def room(self) -> _Room: ...


@dataclass(frozen=True)
class Offer:
    """One job that the server asks this worker to take, as whoever dispatched it says."""

    job_id: str
    dispatch_id: str
    agent_name: str
    room: str
    metadata: str

    @cached_property
    def parsed(self) -> CallMetadata | Probe | MalformedMetadata:
        """The metadata as it was meant: a call's, a probe's, or why it is neither."""
        try:
            return metadata.parse(self.metadata)
        except MalformedMetadata as fault:
            return fault


def read(job: _Job) -> Offer:
    """Take from LiveKit's job what the guard needs."""
    return Offer(
        job_id=job.id,
        dispatch_id=job.dispatch_id,
        agent_name=job.agent_name,
        room=job.room.name,
        metadata=job.metadata,
    )
