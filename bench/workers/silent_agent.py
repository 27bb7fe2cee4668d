"""An agent that joins and says nothing, where only the number of calls is measured."""

import asyncio
from typing import Any

from livekit.agents import JobContext


async def stay_silent(ctx: JobContext) -> None:
    """Join, and stay until the room or the worker ends the call."""
    disconnected = asyncio.Event()
    ctx.room.on("disconnected", lambda _reason: disconnected.set())
    await ctx.connect()
    await disconnected.wait()


async def join_silently(ctx: JobContext, _start: Any) -> None:
    """Do the same as a tenant's own agent; without a session the worker starts nothing."""
    await stay_silent(ctx)
