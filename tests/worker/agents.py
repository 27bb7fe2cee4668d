"""Tenants' own code for tests: agents that need no model, so that two cores serve a storm."""

import asyncio
import logging
import subprocess
import time
from typing import Any

from livekit.agents import JobContext

HERE = "the tenant's code runs"
logger = logging.getLogger(__name__)


async def silent(ctx: JobContext, start: Any) -> None:
    """Be in the room and say nothing, until the room is over."""
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda *_: gone.set())
    await ctx.connect()
    await gone.wait()


async def absent(ctx: JobContext, start: Any) -> None:
    """Take the call and never join: a storm of a hundred needs no hundred media connections."""
    logger.info(HERE)
    await asyncio.Event().wait()


async def brief(ctx: JobContext, start: Any) -> None:
    """Be done at once."""


async def greedy(ctx: JobContext, start: Any) -> None:
    """Be in the room and use more and more memory, up to 600 MiB."""
    await ctx.connect()
    held = []
    for _ in range(75):
        held.append(bytearray(b"x") * 8 * 1024 * 1024)
        await asyncio.sleep(0.2)
    await asyncio.Event().wait()


async def stubborn(ctx: JobContext, start: Any) -> None:
    """Be in the room and hear nothing, not even that the worker ends."""
    await ctx.connect()
    time.sleep(300)


async def parent(ctx: JobContext, start: Any) -> None:
    """Leave a child behind that outlives the call's process, and then be done."""
    subprocess.Popen(["sleep", "1"], start_new_session=True)


async def by_room(ctx: JobContext, start: Any) -> None:
    """Be one of these, as the room's name says after the tenant's prefix."""
    kinds = {"greedy": greedy, "stubborn": stubborn, "parent": parent, "brief": brief}
    kind = ctx.job.room.name.split("--")[1].split("-")[0]
    await kinds.get(kind, silent)(ctx, start)
