"""What the endpoint has served, per model: the other side of a usage record."""

from dataclasses import asdict, dataclass, replace
from typing import Any

from sandbox.speech.catalogue import MODELS, Kind


@dataclass(frozen=True)
class Served:
    """All requests to one model so far; tokens as told to the client, sound in seconds."""

    kind: Kind
    requests: int = 0
    tokens_in: int = 0
    tokens_out: int = 0
    characters: int = 0
    audio_seconds: float = 0.0


class Counts:
    """The running sums of one endpoint."""

    def __init__(self) -> None:
        self._served: dict[str, Served] = {}

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
        before = self._served.get(model, Served(MODELS[model]))
        self._served[model] = replace(
            before,
            requests=before.requests + 1,
            tokens_in=before.tokens_in + tokens_in,
            tokens_out=before.tokens_out + tokens_out,
            characters=before.characters + characters,
            audio_seconds=before.audio_seconds + audio_seconds,
        )

    def as_json(self) -> dict[str, Any]:
        """Render the sums."""
        return {model: asdict(served) for model, served in self._served.items()}


def read(rendered: dict[str, Any]) -> dict[str, Served]:
    """Read what `as_json` rendered."""
    return {
        model: Served(**fields | {"kind": Kind(fields["kind"])})
        for model, fields in rendered.items()
    }


def tokens(text: str) -> int:
    """Count tokens the way this endpoint bills: words."""
    return len(text.split())
