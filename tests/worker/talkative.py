"""A tenant's own code for tests: an agent of its own models that talks, and one that breaks."""

from livekit.agents import Agent, AgentSession, JobContext
from livekit.plugins import openai

from livekit_tenant import Start


async def talk(ctx: JobContext, start: Start) -> None:
    """Greet and answer, with nothing set but the models."""
    if ctx.room.name.endswith("broken"):
        raise RuntimeError("as ordered")
    session: AgentSession[None] = AgentSession(
        stt=openai.STT(use_realtime=False), llm=openai.LLM(), tts=openai.TTS(response_format="pcm")
    )
    await start(session, Agent(instructions="Our own code answers. The ship sails at seven."))
    session.say("This is our own code.")
