"""The agent that needs no code: STT, LLM and TTS, or one realtime model, as AGENT_CONFIG says."""

from typing import Any

from livekit.agents import Agent, AgentSession, NotGivenOr, inference
from livekit.agents.types import NOT_GIVEN
from livekit.agents.voice.turn import TurnHandlingOptions
from livekit.plugins import openai
from openai.types.beta.realtime.session import InputAudioTranscription

from contract.agent_config import AgentConfig
from worker import tools, trouble
from worker.configuration import Configuration


def build_session(configuration: Configuration, config: AgentConfig) -> AgentSession[Any]:
    """Make a session of the provider's models; nothing is asked of the provider yet."""
    is_realtime = config.pipeline == "realtime"
    return AgentSession(
        llm=_realtime(configuration, config) if is_realtime else _llm(configuration, config),
        stt=NOT_GIVEN if is_realtime else _stt(configuration, config),
        tts=NOT_GIVEN if is_realtime else _tts(configuration, config),
        vad=inference.VAD(model="silero"),
        turn_handling=_turns(config),
        conn_options=trouble.LIMITS,
        tools=list(tools.build(config.tools)),
        # Else what a caller says in the first three seconds of a greeting is thrown away.
        aec_warmup_duration=None,
        user_away_timeout=None,
    )


def build_agent(config: AgentConfig) -> Agent:
    """Make the agent that speaks in the session."""
    return Agent(instructions=config.instructions)


def _turns(config: AgentConfig) -> TurnHandlingOptions:
    # Said explicitly, since some of the SDK's defaults ask LiveKit's own gateway.
    return {
        "turn_detection": "vad",
        "interruption": {"enabled": config.caller_may_interrupt, "mode": "vad"},
        # An answer that is thrown away would be paid for.
        "preemptive_generation": {"enabled": False},
    }


def _stt(configuration: Configuration, config: AgentConfig) -> openai.STT:
    return openai.STT(
        model=config.models.stt,
        language=config.language.split("-")[0],
        use_realtime=False,
        api_key=_key(configuration),
        base_url=_url(configuration),
    )


def _llm(configuration: Configuration, config: AgentConfig) -> openai.LLM:
    return openai.LLM(
        model=config.models.llm, api_key=_key(configuration), base_url=_url(configuration)
    )


def _tts(configuration: Configuration, config: AgentConfig) -> openai.TTS:
    return openai.TTS(
        model=config.models.tts,
        voice=config.voice,
        response_format="pcm",
        api_key=_key(configuration),
        base_url=_url(configuration),
    )


def _realtime(configuration: Configuration, config: AgentConfig) -> openai.realtime.RealtimeModel:
    secret = configuration.openai_api_key
    return openai.realtime.RealtimeModel(
        model=config.models.realtime,
        voice=config.voice,
        input_audio_transcription=InputAudioTranscription(
            model=config.models.stt, language=config.language.split("-")[0]
        ),
        # Turns are ours: a websocket that stalls would tell of no turn that nobody answers.
        turn_detection=None,
        api_key=secret.get_secret_value() if secret else None,
        base_url=_url(configuration),
        conn_options=trouble.REALTIME_LIMITS,
    )


def _key(configuration: Configuration) -> NotGivenOr[str]:
    secret = configuration.openai_api_key
    return secret.get_secret_value() if secret else NOT_GIVEN


def _url(configuration: Configuration) -> NotGivenOr[str]:
    return configuration.openai_base_url or NOT_GIVEN
