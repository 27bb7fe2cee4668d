"""Tenants' own code for tests: agents that need no model, so that two cores serve a storm."""

import asyncio
from typing import Any

from livekit.agents import JobContext


async def silent(ctx: JobContext, start: Any) -> None:
    """Be in the room and say nothing, until the room is over."""
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda *_: gone.set())
    await ctx.connect()
    await gone.wait()
