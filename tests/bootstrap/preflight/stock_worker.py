"""A stock livekit-agents worker, as somebody else's would be: it takes whatever it is offered.

`stock_worker.py [AGENT_NAME]`, with LIVEKIT_URL, LIVEKIT_API_KEY and LIVEKIT_API_SECRET.
"""

import asyncio
import sys

from livekit.agents import AgentServer, JobContext, JobExecutorType


async def join(ctx: JobContext) -> None:
    """Join the room, and say nothing."""
    await ctx.connect()


def main() -> None:
    """Serve until killed."""
    server = AgentServer(
        # A thread is there at once; a process of its own would come seconds later.
        job_executor_type=JobExecutorType.THREAD,
        num_idle_processes=2,
        # The stock worker counts the whole machine's load and takes nothing on a busy one.
        load_fnc=lambda _server: 0.0,
        load_threshold=1.0,
        host="127.0.0.1",
        port=0,
    )
    server.rtc_session(join, agent_name=sys.argv[1] if len(sys.argv) > 1 else "")
    asyncio.run(server.run())


if __name__ == "__main__":
    main()
