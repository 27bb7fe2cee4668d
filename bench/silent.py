"""An agent that joins and says nothing, where the number of calls is what counts."""

import asyncio

from livekit.agents import JobContext


async def stay_silent(ctx: JobContext) -> None:
    """Join, and stay until the room or the worker ends the call."""
    await ctx.connect()
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda _reason: gone.set())
    await gone.wait()
