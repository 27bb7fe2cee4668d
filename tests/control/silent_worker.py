"""A child of the tests: a livekit-agents worker whose agents join, stay, and say nothing.

Usage: python -m tests.control.silent_worker AGENT_NAME, with LIVEKIT_* in the environment.
It prints `registered` once it can be dispatched to. Its calls are threads, so that many fit.
"""

import asyncio
import math
import sys
from collections.abc import Awaitable, Callable

from livekit.agents import AgentServer, JobContext, JobExecutorType, JobRequest


async def stay_silent(ctx: JobContext) -> None:
    """Join, and stay until the room ends."""
    gone = asyncio.Event()
    ctx.room.on("disconnected", lambda _reason: gone.set())
    await ctx.connect()
    await gone.wait()
    ctx.shutdown()


async def accept(request: JobRequest) -> None:
    """Take whatever is offered."""
    await request.accept()


async def serve(
    agent_name: str,
    agent: Callable[[JobContext], Awaitable[None]] = stay_silent,
    on_request: Callable[[JobRequest], Awaitable[None]] = accept,
) -> None:
    """Serve until killed."""
    server = AgentServer(
        job_executor_type=JobExecutorType.THREAD,
        load_fnc=lambda: 0.0,
        load_threshold=math.inf,
        num_idle_processes=1,
        port=0,
    )
    server.rtc_session(agent, agent_name=agent_name, on_request=on_request)
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    await server.run()


if __name__ == "__main__":
    asyncio.run(serve(sys.argv[1]))
