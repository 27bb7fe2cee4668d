"""The answer to a probe: come into its room, show who is there, leave; no session, no provider."""

import asyncio

from livekit.agents import JobContext

from worker.call_pipe import PipeToMain

_LONGEST_SECONDS = 10.0


async def answer(ctx: JobContext, pipe: PipeToMain) -> None:
    """Stay in the probe's room until it is removed, or 10 s; the join shows our attributes.

    Attributes prove nothing against someone who holds the project's key.
    """
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda *_: gone.set())
    await ctx.connect()
    waiting = [asyncio.create_task(gone.wait()), asyncio.create_task(pipe.finished())]
    _, pending = await asyncio.wait(
        waiting, timeout=_LONGEST_SECONDS, return_when=asyncio.FIRST_COMPLETED
    )
    for task in pending:
        task.cancel()
