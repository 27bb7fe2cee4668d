"""Probes: dispatches that only ask who is there, each in a room that is removed with it."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from contract.metadata import Probe, ProbeWant, render_probe
from contract.tenant import new_nonce, probe_room
from project.connection import Project
from project.dispatches import create_dispatch
from project.faults import ProjectFault
from project.participants import Participant, participants_in
from project.rooms import create_room, delete_room

_POLL_SECONDS = 0.1
_LONGEST_JOIN_SECONDS = 2.0
_ROOM_TIMEOUT_SECONDS = 30  # should even the removal fail


@dataclass(frozen=True)
class ProbeAnswer:
    """A participant of a probe's room; anybody who holds the project's key can fake attributes."""

    identity: str
    attributes: Mapping[str, str] = field(hash=False)
    is_agent: bool = True


async def probe(
    project: Project,
    *,
    tenant_prefix: str,
    agent_name: str,
    want: ProbeWant,
    patience_seconds: float,
    plain_room: bool = False,
    poll_seconds: float = _POLL_SECONDS,
) -> tuple[ProbeAnswer, ...]:
    """Send a probe and give whoever came; its room is removed in any case, also when cancelled.

    Args:
        project: an open connection.
        tenant_prefix: the tenant's ROOM_PREFIX.
        agent_name: the name that the probe is addressed to.
        want: ANSWER returns as soon as somebody shows the probe's nonce; RIVALS always waits.
        patience_seconds: how long to wait for whoever comes.
        plain_room: make the room plainly first, so that workers without a name come as well.
        poll_seconds: how long between two requests for the participants.

    Raises:
        ProjectFault: the room or dispatch could not be made, asked or removed.
    """
    metadata = Probe(new_nonce(), want)
    room = probe_room(tenant_prefix, metadata.nonce)
    try:
        await _send(project, room, agent_name, metadata, plain_room)
        answers = await _wait_for_answers(project, room, metadata, patience_seconds, poll_seconds)
    except BaseException:  # whatever ends a probe, its room is removed first
        await _finish(_remove_quietly(project, room))
        raise
    await _finish(delete_room(project, room))
    return answers


@asynccontextmanager
async def empty_room(project: Project, tenant_prefix: str) -> AsyncIterator[str]:
    """Make a probe's room into which nobody is sent, and remove it in any case, cancelled or not.

    Raises:
        ProjectFault: the room could not be made or removed.
    """
    nonce = new_nonce()
    room = probe_room(tenant_prefix, nonce)
    try:
        # A room with a dispatch sends for no nameless worker; nobody has this dispatch's name.
        timeout = _ROOM_TIMEOUT_SECONDS
        await create_room(project, room, agent_name=f"nobody-{nonce}", empty_timeout=timeout)
        yield room
    except BaseException:  # whatever ends a probe, its room is removed first
        await _finish(_remove_quietly(project, room))
        raise
    await _finish(delete_room(project, room))


async def _send(
    project: Project, room: str, agent_name: str, metadata: Probe, plain_room: bool
) -> None:
    text = render_probe(metadata)
    await create_room(
        project,
        room,
        agent_name=None if plain_room else agent_name,
        metadata=text,
        empty_timeout=_ROOM_TIMEOUT_SECONDS,
    )
    if plain_room:
        await create_dispatch(project, room, agent_name, text)


async def _wait_for_answers(
    project: Project, room: str, metadata: Probe, patience_seconds: float, poll_seconds: float
) -> tuple[ProbeAnswer, ...]:
    participants: dict[str, Participant] = {}
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        for participant in await participants_in(project, room):
            participants[participant.identity] = participant
        if metadata.want is ProbeWant.ANSWER and _has_answer(participants.values(), metadata.nonce):
            break
        seconds_left = deadline - asyncio.get_running_loop().time()
        # An agent that is still joining when the room is removed comes back and makes it anew.
        is_late = seconds_left < -_LONGEST_JOIN_SECONDS
        if seconds_left <= 0 and (_have_joined(participants.values()) or is_late):
            break
        await asyncio.sleep(poll_seconds)
    return tuple(_answer(participant) for participant in participants.values())


def _answer(participant: Participant) -> ProbeAnswer:
    return ProbeAnswer(participant.identity, participant.attributes, participant.is_agent)


def _has_answer(participants: Iterable[Participant], nonce: str) -> bool:
    return any(
        participant.attributes.get("nonce") == nonce and participant.is_active
        for participant in participants
    )


def _have_joined(participants: Iterable[Participant]) -> bool:
    return all(participant.is_active for participant in participants)


async def _remove_quietly(project: Project, room: str) -> None:
    try:
        await delete_room(project, room)
    except ProjectFault:
        return  # the fault that led here is the one to report; the room's own timeout removes it


async def _finish(removal: Coroutine[Any, Any, None]) -> None:
    """Await a removal to its end, even if this task is cancelled (again) meanwhile."""
    task = asyncio.create_task(removal, name="remove the probe's room")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
