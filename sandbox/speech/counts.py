"""What the endpoint has served, per model: what a usage record can be compared with."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from sandbox.speech.catalogue import MODELS, ModelKind


@dataclass(frozen=True)
class ModelCounts:
    """The sums of all requests to one model; tokens as told to the client, sound in seconds."""

    kind: ModelKind
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    audio_seconds: float = 0.0


class EndpointCounts:
    """The counts of all models since the endpoint started."""

    def __init__(self) -> None:
        self._models: dict[str, ModelCounts] = {}

    def add(
        self,
        model: str,
        *,
        tokens_in: int = 0,
        tokens_out: int = 0,
        characters: int = 0,
        audio_seconds: float = 0.0,
    ) -> None:
        """Count one request to a model."""
        before = self._models.get(model, ModelCounts(MODELS[model]))
        self._models[model] = replace(
            before,
            requests=before.requests + 1,
            tokens_in=before.tokens_in + tokens_in,
            tokens_out=before.tokens_out + tokens_out,
            characters=before.characters + characters,
            audio_seconds=before.audio_seconds + audio_seconds,
        )

    def as_json(self) -> dict[str, Any]:
        """Render the counts, by model."""
        return {model: asdict(counts) for model, counts in self._models.items()}


def read_counts(rendered: dict[str, Any]) -> dict[str, ModelCounts]:
    """Read what `as_json` rendered."""
    return {
        model: ModelCounts(**fields | {"kind": ModelKind(fields["kind"])})
        for model, fields in rendered.items()
    }


def tokens(text: str) -> int:
    """Count a text's tokens, which are words for this endpoint."""
    return len(text.split())
