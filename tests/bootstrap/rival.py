"""A child of the tests: a stock worker under a tenant's agent name, with a key of its project.

Usage: python -m tests.bootstrap.rival AGENT_NAME URL KEY SECRET. It prints `registered`.
"""

import asyncio
import math
import sys

from livekit.agents import AgentServer, JobContext, JobExecutorType


async def take(ctx: JobContext) -> None:
    """Join whatever room it is."""
    await ctx.connect()


async def main(agent_name: str, url: str, key: str, secret: str) -> None:
    """Serve until killed."""
    server = AgentServer(
        ws_url=url,
        api_key=key,
        api_secret=secret,
        job_executor_type=JobExecutorType.THREAD,
        load_fnc=lambda: 0.0,
        load_threshold=math.inf,
        num_idle_processes=1,
        host="127.0.0.1",
        port=0,
    )
    server.rtc_session(take, agent_name=agent_name)
    server.on("worker_registered", lambda *_: print("registered", flush=True))
    await server.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
