"""Tenants' own code for tests: agents that need no model, so that two cores serve a storm."""

import asyncio
import subprocess
from typing import Any

from livekit.agents import JobContext


async def silent(ctx: JobContext, start: Any) -> None:
    """Be in the room and say nothing, until the room is over."""
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda *_: gone.set())
    await ctx.connect()
    await gone.wait()


async def absent(ctx: JobContext, start: Any) -> None:
    """Take the call and never join: a storm of a hundred needs no hundred media connections."""
    await asyncio.Event().wait()


async def brief(ctx: JobContext, start: Any) -> None:
    """Be done at once."""


async def greedy(ctx: JobContext, start: Any) -> None:
    """Be in the room and use more and more memory."""
    await ctx.connect()
    held = []
    while True:
        held.append(bytearray(b"x") * 8 * 1024 * 1024)
        await asyncio.sleep(0.05)


async def parent(ctx: JobContext, start: Any) -> None:
    """Leave a child behind that outlives the call's process, and then is done."""
    subprocess.Popen(["sleep", "1"], start_new_session=True)
