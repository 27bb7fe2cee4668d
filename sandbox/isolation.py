"""Two proofs that tenants do not meet: a foreign key, and a dispatch for a foreign room."""

import asyncio
import time

from contract.refusals import Refusal
from contract.tenant import call_room, new_nonce
from project.connection import Project
from project.credentials import Credentials
from project.faults import Refused
from project.rooms import create_room, delete_room, list_rooms
from sandbox.dispatching import Account
from sandbox.tenant import RunningTenant

_PATIENCE_SECONDS = 15.0
_POLL_SECONDS = 0.1


class Breach(Exception):
    """Something was let through that must be refused, or nobody said that it was."""


async def foreign_key_is_refused(visitor: Account, host: Account) -> str:
    """Try one tenant's key at another's project; give the reason of the refusal.

    Raises:
        Breach: it was let in.
    """
    key = visitor.credentials
    foreign = Credentials(url=host.credentials.url, api_key=key.api_key, api_secret=key.api_secret)
    async with Project(foreign) as project:
        try:
            await list_rooms(project)
        except Refused as fault:
            return f"{fault} ({type(fault).__name__})"
    raise Breach(f"{visitor.tenant}'s key opened {host.tenant}'s project")


async def foreign_room_is_refused(visitor: Account, host: Account, worker: RunningTenant) -> str:
    """Send a dispatch for one tenant's room to another's worker; give the guard's reason.

    Raises:
        Breach: the worker took it, or said nothing.
    """
    room = call_room(visitor.room_prefix, new_nonce())
    async with Project(host.credentials) as project:
        await create_room(project, room, agent_name=host.agent_name)
        try:
            answer = await _answer_for(room, worker)
        finally:
            await delete_room(project, room)
    if answer != Refusal.WRONG_ROOM:
        raise Breach(f"{host.tenant}'s worker answered {answer!r} to a room of {visitor.tenant}")
    return answer


async def _answer_for(room: str, worker: RunningTenant) -> str:
    deadline = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < deadline:
        for offer in worker.status()["offers"]:
            if offer["room"] == room:
                return str(offer["answer"])
        await asyncio.sleep(_POLL_SECONDS)
    raise Breach(f"{worker.name}'s worker was not asked about {room}")
