"""Whether audio could flow: a participant joins a room, and a packet reaches it."""

import asyncio
import importlib
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from livekit import api

from bootstrap.preflight.check import CheckContext, CheckOutcome, failed, failed_by, passed, warned
from project.connection import Project, ask
from project.credentials import Credentials
from project.faults import ProjectFault
from project.probes import empty_room
from project.tokens import caller_token

if TYPE_CHECKING:
    from livekit import rtc

_IDENTITY = "preflight"
_PACKET_SECONDS = 2.0
_RESEND_SECONDS = 0.3
_LEAVE_SECONDS = 0.5
_JOIN_SECONDS = 1.5
_TCP_HINT = "Calls work, with more delay. Open the server's UDP port for better sound."


async def packets_move(context: CheckContext) -> CheckOutcome:
    """A participant joins and gets a packet, over UDP or else TCP."""
    # In a thread, since it takes half a second of loading that other checks need not wait for.
    await asyncio.to_thread(importlib.import_module, "livekit.rtc")
    from livekit import rtc  # noqa: PLC0415 - loaded by now

    try:
        with _native_records_muted():
            async with (
                context.project() as project,
                empty_room(project, context.settings.identity.room_prefix) as name,
            ):
                return await _join(context, project, name)
    except ProjectFault as fault:
        return failed_by(fault)
    except rtc.ConnectError:
        return failed("a participant could not join the room")


async def _join(context: CheckContext, project: Project, name: str) -> CheckOutcome:
    from livekit import rtc  # noqa: PLC0415 - loaded by now

    room = rtc.Room()
    try:
        return await _move(context, project, room, name)
    finally:
        await _leave(room)


async def _move(
    context: CheckContext, project: Project, room: "rtc.Room", name: str
) -> CheckOutcome:
    came = asyncio.Event()
    room.on("data_received", lambda _: came.set())
    await _connect(room, context.settings.credentials, name)
    try:
        async with asyncio.timeout(_PACKET_SECONDS):
            await _send_until(came, project, name)
    except TimeoutError:
        return failed("a participant joined, but no packet reached it")
    protocol = await _protocol(room)
    if protocol == "TCP":
        return warned("a packet came over TCP; UDP is blocked", _TCP_HINT)
    return passed(f"a packet came over {protocol}")


async def _connect(room: "rtc.Room", credentials: Credentials, name: str) -> None:
    token = caller_token(credentials, name, _IDENTITY)
    joining = asyncio.create_task(room.connect(credentials.ws_url, token), name="join to probe")
    try:
        await asyncio.shield(joining)
    except asyncio.CancelledError:
        # The native library goes on joining whatever is cancelled here, and whoever joins a room
        # that was removed makes it anew: so it is let in first, then put out.
        await asyncio.wait({joining}, timeout=_JOIN_SECONDS)
        joining.cancel()
        await asyncio.gather(joining, return_exceptions=True)
        raise


async def _send_until(came: asyncio.Event, project: Project, name: str) -> None:
    # The server drops what it is given before its data channel is open.
    while not came.is_set():
        packet = api.SendDataRequest(
            room=name, data=b"preflight", destination_identities=[_IDENTITY], topic="preflight"
        )
        await ask(project, project.api.room.send_data(packet))
        try:
            async with asyncio.timeout(_RESEND_SECONDS):
                await came.wait()
        except TimeoutError:
            continue


async def _protocol(room: "rtc.Room") -> str:
    stats = await room.get_rtc_stats()
    entries = [*stats.subscriber_stats, *stats.publisher_stats]
    remote = {
        entry.remote_candidate.rtc.id: entry.remote_candidate.candidate.protocol
        for entry in entries
        if entry.HasField("remote_candidate")
    }
    for entry in entries:
        if entry.HasField("candidate_pair"):
            pair = entry.candidate_pair.candidate_pair
            if pair.nominated and pair.bytes_received:
                return remote.get(pair.remote_candidate_id, "").upper() or "an unnamed protocol"
    return "an unnamed protocol"


async def _leave(room: "rtc.Room") -> None:
    try:
        async with asyncio.timeout(_LEAVE_SECONDS):
            await room.disconnect()
    except TimeoutError:
        return  # its room is removed, which puts it out as well


@contextmanager
def _native_records_muted() -> Iterator[None]:
    """Keep the native library's records back: they repeat what the outcome says, with URLs."""
    log = logging.getLogger("livekit")
    before = log.disabled
    log.disabled = True
    try:
        yield
    finally:
        log.disabled = before
