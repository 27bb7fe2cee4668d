"""Sends for an agent, and takes back what was sent: the steps and their undoing."""

import json
import time
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract import claims
from contract.claims import Claim
from contract.tenant import new_nonce
from control.calls.call import TOKEN_SECONDS, Call
from project.connection import Project
from project.dispatches import Dispatch, create_dispatch, delete_dispatch, list_dispatches
from project.participants import agents_in, remove_participant
from project.rooms import create_room, delete_room, room_exists

_CLAIM_SECONDS = 60
_DEPARTURE_SECONDS = 20
# A caller, an agent, and whoever a call is handed over to.
_MOST_PARTICIPANTS = 8


def write_metadata(call: Call, key: Ed25519PrivateKey | None, now: float) -> str:
    """Write a dispatch's metadata, claimed where the control plane has a key to sign with."""
    metadata: dict[str, Any] = {"call_id": call.id}
    if call.request.session:
        metadata["session"] = dict(call.request.session)
    if key is not None:
        claim = Claim(
            tenant=call.tenant_id,
            agent=call.agent_name,
            room=call.room,
            exp=int(now) + _CLAIM_SECONDS,
            jti=new_nonce(),
            digest=claims.digest(metadata),
        )
        metadata["claim"] = claims.sign(claim, key)
    return json.dumps(metadata)


async def send(project: Project, call: Call, key: Ed25519PrivateKey | None) -> str | None:
    """Send for an agent: room and dispatch in one request where the room is not there.

    `call.attempts` counts this one. Gives the dispatch's id; None when the room is made and its
    dispatch is not listed yet.

    Raises:
        ProjectFault: nothing is known to have been sent.
    """
    metadata = write_metadata(call, key, time.time())
    if call.attempts <= 1 and call.makes_room:
        return await _make_room(project, call, metadata)
    if await room_exists(project, call.room):
        return await create_dispatch(project, call.room, call.agent_name, metadata)
    return await _make_room(project, call, metadata)


async def _make_room(project: Project, call: Call, metadata: str) -> str | None:
    await create_room(
        project,
        call.room,
        agent_name=call.agent_name,
        metadata=metadata,
        empty_timeout=TOKEN_SECONDS,
        departure_timeout=_DEPARTURE_SECONDS,
        max_participants=_MOST_PARTICIPANTS,
    )
    mine = await list_mine(project, call)
    return mine[-1].id if mine else None


async def list_mine(project: Project, call: Call) -> tuple[Dispatch, ...]:
    """List the dispatches of this call; a room of the tenant's app may have others."""
    dispatches = await list_dispatches(project, call.room)
    return tuple(dispatch for dispatch in dispatches if _call_id(dispatch.metadata) == call.id)


async def withdraw(project: Project, call: Call) -> None:
    """Take back every dispatch of this call; whoever came for one of them is put out at once.

    Taking a dispatch back removes its agent seconds later, or never; hence both.
    """
    mine = await list_mine(project, call)
    for dispatch in mine:
        await delete_dispatch(project, dispatch.id, call.room)
    agents = {agent.identity for agent in await agents_in(project, call.room)}
    # Jobs are listed late, but in a room of our own whoever came, came for this call.
    for identity in agents if call.makes_room else agents & identities(mine, call):
        await remove_participant(project, call.room, identity)


async def undo(project: Project, call: Call) -> None:
    """Undo a call in reverse: dispatches and agents, then the room if it was made for the call."""
    if call.makes_room:
        await delete_room(project, call.room)  # it takes its dispatches and agents with it
    else:
        await withdraw(project, call)


def identities(dispatches: tuple[Dispatch, ...], call: Call) -> set[str]:
    """Name the agents that may have come for these dispatches."""
    jobs = [job for dispatch in dispatches for job in dispatch.jobs]
    named = {job.participant_identity for job in jobs} | {f"agent-{job.id}" for job in jobs}
    return (named | {call.agent_identity or ""}) - {""}


def _call_id(metadata: str) -> Any:
    try:
        return json.loads(metadata).get("call_id")
    except (ValueError, AttributeError):
        return None  # a dispatch of the tenant's own app
