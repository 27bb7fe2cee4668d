"""The agent that needs no code: STT, LLM and TTS, or one realtime model, as AGENT_CONFIG says."""

import ssl
from functools import cache
from typing import Any

from livekit.agents import Agent, AgentSession, inference
from livekit.agents.types import NOT_GIVEN
from livekit.agents.voice.turn import TurnHandlingOptions
from livekit.plugins import openai
from openai import AsyncClient, DefaultAsyncHttpxClient
from openai.types.beta.realtime.session import InputAudioTranscription

from contract.agent_config import AgentConfig
from worker.agent import provider_watch, tools
from worker.configuration import Configuration


@cache
def tls() -> ssl.SSLContext:
    """Load the certificates: a tenth of a second, spent before the fork instead of in each call."""
    return ssl.create_default_context()


def build_session(configuration: Configuration, config: AgentConfig) -> AgentSession[Any]:
    """Make a session of the provider's models; nothing is asked of the provider yet."""
    if config.pipeline == "realtime":
        return AgentSession(llm=_realtime(configuration, config), **_common(config))
    return session_over(_client(configuration), config)


def session_over(client: AsyncClient, config: AgentConfig, **options: Any) -> AgentSession[Any]:
    """Make a session that hears, thinks and speaks over one client."""
    return AgentSession(
        stt=openai.STT(
            model=config.models.stt,
            language=_language(config),
            use_realtime=False,
            client=client,
        ),
        llm=openai.LLM(model=config.models.llm, client=client),
        tts=openai.TTS(
            model=config.models.tts, voice=config.voice, response_format="pcm", client=client
        ),
        **_common(config),
        **options,
    )


def _common(config: AgentConfig) -> dict[str, Any]:
    return {
        "vad": inference.VAD(model="silero"),
        "turn_handling": _join_queue(config),
        "conn_options": provider_watch.LIMITS,
        "tools": list(tools.build(config.tools)),
        # Else what a caller says in the first three seconds of a greeting is thrown away.
        "aec_warmup_duration": None,
        "user_away_timeout": None,
    }


def build_agent(config: AgentConfig) -> Agent:
    """Make the agent that speaks in the session."""
    return Agent(instructions=config.instructions)


def _join_queue(config: AgentConfig) -> TurnHandlingOptions:
    # Said explicitly, since some of the SDK's defaults ask LiveKit's own gateway.
    return {
        "turn_detection": "vad",
        "interruption": {"enabled": config.caller_may_interrupt, "mode": "vad"},
        # An answer that is thrown away would be paid for.
        "preemptive_generation": {"enabled": False},
    }


def _client(configuration: Configuration) -> AsyncClient:
    secret = configuration.provider.api_key
    return AsyncClient(
        # An endpoint of one's own may ask for none; the client insists on a text.
        api_key=secret.get_secret_value() if secret else "none",
        base_url=configuration.provider.base_url,
        max_retries=0,  # tries are counted by the session, in trouble.LIMITS
        http_client=DefaultAsyncHttpxClient(verify=tls()),
    )


def _language(config: AgentConfig) -> str:
    return config.language.split("-")[0]


# Its type in quotes: else every worker would load the realtime half of the plugin.
def _realtime(configuration: Configuration, config: AgentConfig) -> "openai.realtime.RealtimeModel":
    secret = configuration.provider.api_key
    return openai.realtime.RealtimeModel(
        model=config.models.realtime,
        voice=config.voice,
        input_audio_transcription=InputAudioTranscription(
            model=config.models.stt, language=_language(config)
        ),
        # Turns are ours: a websocket that stalls would tell of no turn that nobody answers.
        turn_detection=None,
        api_key=secret.get_secret_value() if secret else None,
        base_url=configuration.provider.base_url or NOT_GIVEN,
        conn_options=provider_watch.REALTIME_LIMITS,
    )
