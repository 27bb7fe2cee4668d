"""What a worker does in the project, done once and undone: rooms, dispatches, registering."""

import asyncio
from collections.abc import Coroutine
from typing import Any

import aiohttp

from bootstrap.preflight.check import (
    REQUEST_SECONDS,
    CheckContext,
    CheckOutcome,
    failed,
    failed_by,
    passed,
)
from contract.metadata import ProbeWant
from contract.tenant import new_nonce
from project.connection import Project
from project.dispatches import create_dispatch, delete_dispatch
from project.faults import ProjectFault
from project.probes import ProbeAnswer, empty_room, probe
from project.rooms import room_exists
from project.tokens import worker_token

Came = tuple[ProbeAnswer, ...]
Probing = Coroutine[Any, Any, Came]

_PATIENCE_SECONDS = 1.5


async def rooms_work(context: CheckContext) -> CheckOutcome:
    """A room can be made, is there, and is removed again."""
    try:
        async with context.project() as project:
            async with empty_room(project, context.settings.identity.room_prefix) as name:
                is_there = await room_exists(project, name)
            is_gone = not await room_exists(project, name)
    except ProjectFault as fault:
        return failed_by(fault)
    if not (is_there and is_gone):
        return failed("a room was made and is not listed" if is_gone else "a room stays")
    return passed("a room was made and removed")


async def dispatches_work(context: CheckContext) -> CheckOutcome:
    """A dispatch can be made in a room and is withdrawn again."""
    try:
        async with (
            context.project() as project,
            empty_room(project, context.settings.identity.room_prefix) as room,
        ):
            dispatch = await create_dispatch(project, room, f"nobody-{new_nonce()}", "")
            await delete_dispatch(project, dispatch, room)
    except ProjectFault as fault:
        return failed_by(fault)
    return passed("a dispatch was made and withdrawn")


async def worker_may_register(context: CheckContext) -> CheckOutcome:
    """The worker's websocket opens to a token with the `agent` grant; nothing is registered."""
    credentials = context.settings.credentials
    headers = {"Authorization": f"Bearer {worker_token(credentials)}"}
    try:
        async with context.project() as project, asyncio.timeout(REQUEST_SECONDS):
            # The project's session names a 401's cause.
            async with project.session.ws_connect(f"{credentials.ws_url}/agent", headers=headers):
                return passed("the worker's websocket opens")
    except ProjectFault as fault:
        return failed_by(fault)
    except aiohttp.WSServerHandshakeError as error:
        return failed(f"the worker's websocket is answered HTTP {error.status}", _WEBSOCKET_HINT)
    except TimeoutError:
        return failed("the worker's websocket does not open in time", _WEBSOCKET_HINT)
    except (aiohttp.ClientError, OSError) as error:
        return failed(f"the worker's websocket broke off ({type(error).__name__})", _WEBSOCKET_HINT)


_WEBSOCKET_HINT = "A proxy or load balancer before the server has to let websockets through."


async def nobody_else_comes(context: CheckContext) -> CheckOutcome:
    """Nobody comes into a plain room, and nobody takes a dispatch that ours gives back."""
    try:
        async with context.project() as project:
            # The two run side by side; each waits for a cold rival as long as it may.
            in_plain, to_name = await _both(
                _who_comes(context, project, plain_room=True),
                _who_comes(context, project, plain_room=False),
            )
    except ProjectFault as fault:
        return failed_by(fault)
    if to_name:
        agent_name = context.settings.identity.agent_name
        return failed(f"another worker takes dispatches for {agent_name!r}: {_list(to_name)}")
    if in_plain:
        return failed(
            f"a worker joins rooms that nobody sent it to: {_list(in_plain)}",
            "Give it an agent name (agent_name in its code): without one it joins every room that "
            "is made plainly. Or stop it.",
        )
    return passed(f"nobody came within {_PATIENCE_SECONDS:g} s")


async def _both(first: Probing, second: Probing) -> tuple[Came, Came]:
    # Both to their ends, so that each has removed its room before the connection closes.
    one, other = await asyncio.gather(first, second, return_exceptions=True)
    for came in (one, other):
        if isinstance(came, BaseException):
            raise came
    return one, other  # type: ignore[return-value]  # mypy forgets the loop above


async def _who_comes(context: CheckContext, project: Project, *, plain_room: bool) -> Came:
    came = await probe(
        project,
        tenant_prefix=context.settings.identity.room_prefix,
        agent_name=context.settings.identity.agent_name,
        want=ProbeWant.RIVALS,
        patience_seconds=_PATIENCE_SECONDS,
        plain_room=plain_room,
    )
    return tuple(answer for answer in came if answer.is_agent)


def _list(answers: Came) -> str:
    return ", ".join(sorted(answer.identity[:40] for answer in answers)[:5])
