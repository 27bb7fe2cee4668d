"""What a call has used so far, from the SDK's own session usage."""

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from livekit.agents import AgentSession, llm
from livekit.agents.metrics import LLMModelUsage, STTModelUsage, TTSModelUsage

from contract.records.usage import CallOutcome, ModelUsage

SNAPSHOT_SECONDS = 10.0


class UsageMeter:
    """One call's counts; `session` may come late, or never."""

    def __init__(self) -> None:
        self._started_at = datetime.now(UTC)
        self.session: AgentSession[Any] | None = None

    def read(self, outcome: CallOutcome) -> dict[str, Any]:
        """Give times, outcome and models as they stand now, as plain JSON values.

        Whose call it is, the main process alone says (`worker.usage.journal`).
        """
        now = datetime.now(UTC)
        return {
            "started_at": self._started_at.isoformat(timespec="milliseconds"),
            "ended_at": now.isoformat(timespec="milliseconds"),
            "seconds": round((now - self._started_at).total_seconds(), 3),
            "outcome": outcome.value,
            "models": [asdict(model) for model in self._models()],
        }

    def _models(self) -> tuple[ModelUsage, ...]:
        if self.session is None:
            return ()
        is_realtime = isinstance(self.session.llm, llm.RealtimeModel)
        usages = (_model(usage, is_realtime) for usage in self.session.usage.model_usage)
        return tuple(usage for usage in usages if usage is not None)


def _model(used: object, is_realtime: bool) -> ModelUsage | None:
    match used:
        case LLMModelUsage():
            return ModelUsage(
                kind="realtime" if is_realtime else "llm",
                name=used.model,
                tokens_in=used.input_tokens,
                tokens_out=used.output_tokens,
            )
        case TTSModelUsage():
            return ModelUsage(
                kind="tts",
                name=used.model,
                tokens_in=used.input_tokens,
                tokens_out=used.output_tokens,
                characters=used.characters_count,
                audio_seconds=round(used.audio_duration, 3),
            )
        case STTModelUsage():
            return ModelUsage(
                kind="stt",
                name=used.model,
                tokens_in=used.input_tokens,
                tokens_out=used.output_tokens,
                audio_seconds=round(used.audio_duration, 3),
            )
    return None  # local models cost nothing
