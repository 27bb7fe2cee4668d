"""The stock worker of the same SDK, as documented for production: what ours is shown beside."""

import asyncio
import os

from livekit.agents import AgentServer, JobContext, cli

server = AgentServer(port=0, host="127.0.0.1")


@server.rtc_session(agent_name=os.environ["STOCK_AGENT_NAME"])
async def entrypoint(ctx: JobContext) -> None:
    """Be in the room and say nothing."""
    await ctx.connect()
    await asyncio.Event().wait()


if __name__ == "__main__":
    cli.run_app(server)
