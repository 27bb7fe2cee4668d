"""An agent that joins and says nothing, where the number of calls is what counts."""

import asyncio
from typing import Any

from livekit.agents import JobContext


async def stay_silent(ctx: JobContext) -> None:
    """Join, and stay until the room or the worker ends the call."""
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda _reason: gone.set())
    await ctx.connect()
    await gone.wait()


async def join_silently(ctx: JobContext, _start: Any) -> None:
    """Do the same as a tenant's own agent; without a session nothing is started."""
    await stay_silent(ctx)
