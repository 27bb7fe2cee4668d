"""Two proofs that tenants do not meet: a foreign key, and a dispatch for a foreign room."""

import asyncio
import time

from contract.refusals import Refusal
from contract.tenant import call_room, new_nonce
from project.connection import Project
from project.credentials import Credentials
from project.faults import Refused
from project.rooms import create_room, delete_room, list_rooms
from sandbox.callers.backend import TenantProject
from sandbox.tenant import RunningTenant

_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.1


class IsolationFault(Exception):
    """Something was let through that must be refused, or no refusal came."""


async def foreign_key_is_refused(foreign: TenantProject, own: TenantProject) -> str:
    """Try a foreign tenant's key at a tenant's own project; give the reason of the refusal.

    Raises:
        IsolationFault: the key was accepted.
    """
    key = foreign.credentials
    credentials = Credentials(
        url=own.credentials.url, api_key=key.api_key, api_secret=key.api_secret
    )
    async with Project(credentials) as project:
        try:
            await list_rooms(project)
        except Refused as fault:
            return f"{fault} ({type(fault).__name__})"
    raise IsolationFault(f"{foreign.tenant}'s key opened {own.tenant}'s project")


async def foreign_room_is_refused(
    foreign: TenantProject, own: TenantProject, worker: RunningTenant
) -> str:
    """Send a dispatch for a foreign tenant's room to a tenant's own worker; give the reason.

    Raises:
        IsolationFault: the worker took it, or did not answer.
    """
    room = call_room(foreign.room_prefix, new_nonce())
    async with Project(own.credentials) as project:
        await create_room(project, room, agent_name=own.agent_name)
        try:
            answer = await _answer_for(room, worker)
        finally:
            await delete_room(project, room)
    if answer != Refusal.WRONG_ROOM:
        raise IsolationFault(
            f"{own.tenant}'s worker answered {answer!r} to a room of {foreign.tenant}"
        )
    return answer


async def _answer_for(room: str, worker: RunningTenant) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for offer in worker.status()["offers"]:
            if offer["room"] == room:
                return str(offer["answer"])
        await asyncio.sleep(_POLL_SECONDS)
    raise IsolationFault(f"{worker.name}'s worker was not asked about {room}")
