"""Probes: dispatches that only ask who is there, in rooms that never outlive the question."""

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
    """Whoever came into a probe's room; attributes prove nothing against a holder of the key."""

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
    """Send a probe and give whoever came; its room is removed in any case, cancelled or not.

    Args:
        project: an open connection.
        tenant_prefix: the tenant's ROOM_PREFIX.
        agent_name: whom the probe is addressed to.
        want: ANSWER returns as soon as one came that shows the probe's nonce; RIVALS always waits.
        patience_seconds: how long to wait for whoever comes.
        plain_room: make the room plainly first, so that workers without a name come as well.
        poll_seconds: how long between two looks.

    Raises:
        ProjectFault: the room or dispatch could not be made, asked or removed.
    """
    sent = Probe(new_nonce(), want)
    room = probe_room(tenant_prefix, sent.nonce)
    try:
        await _send(project, room, agent_name, sent, plain_room)
        answers = await _listen(project, room, sent, patience_seconds, poll_seconds)
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
        # A room made with a dispatch has none for nameless workers; this one nobody answers to.
        timeout = _ROOM_TIMEOUT_SECONDS
        await create_room(project, room, agent_name=f"nobody-{nonce}", empty_timeout=timeout)
        yield room
    except BaseException:  # whatever ends a probe, its room is removed first
        await _finish(_remove_quietly(project, room))
        raise
    await _finish(delete_room(project, room))


async def _send(
    project: Project, room: str, agent_name: str, sent: Probe, plain_room: bool
) -> None:
    metadata = render_probe(sent)
    await create_room(
        project,
        room,
        agent_name=None if plain_room else agent_name,
        metadata=metadata,
        empty_timeout=_ROOM_TIMEOUT_SECONDS,
    )
    if plain_room:
        await create_dispatch(project, room, agent_name, metadata)


async def _listen(
    project: Project, room: str, sent: Probe, patience_seconds: float, poll_seconds: float
) -> tuple[ProbeAnswer, ...]:
    seen: dict[str, Participant] = {}
    deadline = asyncio.get_running_loop().time() + patience_seconds
    while True:
        seen |= {one.identity: one for one in await participants_in(project, room)}
        if sent.want is ProbeWant.ANSWER and _has_answer(seen.values(), sent.nonce):
            break
        left = deadline - asyncio.get_running_loop().time()
        # Whoever is only half inside when the room is removed comes back and makes it anew.
        if left <= 0 and (_are_inside(seen.values()) or left < -_LONGEST_JOIN_SECONDS):
            break
        await asyncio.sleep(poll_seconds)
    return tuple(ProbeAnswer(one.identity, one.attributes, one.is_agent) for one in seen.values())


def _has_answer(seen: Iterable[Participant], nonce: str) -> bool:
    return any(one.attributes.get("nonce") == nonce and one.is_active for one in seen)


def _are_inside(seen: Iterable[Participant]) -> bool:
    return all(one.is_active for one in seen)


async def _remove_quietly(project: Project, room: str) -> None:
    try:
        await delete_room(project, room)
    except ProjectFault:
        return  # the fault that led here is the one to tell; the room's own timeout does the rest


async def _finish(removal: Coroutine[Any, Any, None]) -> None:
    """Await a removal to its end, even if this task is cancelled (again) meanwhile."""
    task = asyncio.create_task(removal, name="remove the probe's room")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise
