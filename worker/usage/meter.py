"""What a call has used so far, from the SDK's own session usage."""

from datetime import UTC, datetime
from typing import Any

from livekit.agents import AgentSession, JobContext, llm
from livekit.agents.metrics import LLMModelUsage, STTModelUsage, TTSModelUsage

from contract.metadata import CallMetadata, MalformedMetadata, parse
from contract.usage import CallOutcome, ModelUsage, UsageRecord
from worker.configuration import Configuration

SNAPSHOT_SECONDS = 10.0


class UsageMeter:
    """One call's counts; `session` may come late, or never."""

    def __init__(self, ctx: JobContext, configuration: Configuration) -> None:
        self._ctx = ctx
        self._configuration = configuration
        self._started_at = datetime.now(UTC)
        self.session: AgentSession[Any] | None = None

    def record(self, outcome: CallOutcome, complete: bool) -> dict[str, Any]:
        """Give the usage record as it stands now."""
        now, job, own = datetime.now(UTC), self._ctx.job, self._configuration
        return UsageRecord(
            tenant=own.tenant,
            project_host=own.credentials.host,
            key_fingerprint=own.credentials.fingerprint,
            agent_name=own.agent_name,
            job_id=job.id,
            dispatch_id=job.dispatch_id,
            call_id=_call_id(job.metadata),
            room=job.room.name,
            started_at=self._started_at.isoformat(timespec="milliseconds"),
            ended_at=now.isoformat(timespec="milliseconds"),
            seconds=round((now - self._started_at).total_seconds(), 3),
            outcome=outcome,
            complete=complete,
            models=self._models(),
        ).as_json()

    def _models(self) -> tuple[ModelUsage, ...]:
        if self.session is None:
            return ()
        is_realtime = isinstance(self.session.llm, llm.RealtimeModel)
        used = (_model(one, is_realtime) for one in self.session.usage.model_usage)
        return tuple(one for one in used if one is not None)


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


def _call_id(metadata: str) -> str | None:
    try:
        said = parse(metadata)
    except MalformedMetadata:
        return None
    return said.call_id if isinstance(said, CallMetadata) else None
