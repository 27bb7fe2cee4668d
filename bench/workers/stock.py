"""The stock worker in its documented production form: `python -m bench.workers.stock start`."""

import os

from livekit.agents import Agent, AgentServer, AgentSession, JobContext, cli, inference
from livekit.plugins import openai

from bench.workers.silent_agent import stay_silent

server = AgentServer(port=0)


@server.rtc_session(agent_name=os.environ["LIVEKIT_AGENT_NAME"])
async def answer(ctx: JobContext) -> None:
    """Hold the same conversation as our built-in agent, with the same plugins."""
    if os.environ.get("BENCH_SILENT"):
        await stay_silent(ctx)
        return
    session: AgentSession[None] = AgentSession(
        vad=inference.VAD(),
        stt=openai.STT(model=os.environ["BENCH_STT"], language="en"),
        llm=openai.LLM(model=os.environ["BENCH_LLM"]),
        tts=openai.TTS(model=os.environ["BENCH_TTS"], voice="alloy", response_format="pcm"),
        turn_handling={"turn_detection": "vad", "interruption": {"mode": "vad"}},
    )
    await session.start(Agent(instructions=os.environ["BENCH_INSTRUCTIONS"]), room=ctx.room)
    session.say(os.environ["BENCH_GREETING"])


if __name__ == "__main__":
    cli.run_app(server)
