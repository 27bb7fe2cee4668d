"""The settings of a realtime session: the client's, merged over the provider's defaults."""

from typing import Any


class RealtimeSettings:
    """The settings in force; `session.update` changes them field by field."""

    def __init__(self) -> None:
        self._session: dict[str, Any] = {
            "instructions": "",
            "tools": [],
            "output_modalities": ["audio"],
            "audio": {"input": {"turn_detection": {"type": "server_vad"}}, "output": {}},
        }

    def update(self, changes: dict[str, Any]) -> None:
        """Merge the changes that the client sent."""
        audio = changes.get("audio") or {}
        for side in ("input", "output"):
            self._session["audio"][side] |= audio.get(side) or {}
        self._session |= {name: value for name, value in changes.items() if name != "audio"}

    def as_json(self, model: str) -> dict[str, Any]:
        """Render the session."""
        return self._session | {"type": "realtime", "object": "realtime.session", "model": model}

    @property
    def instructions(self) -> str:
        """The model's instructions for the whole session."""
        return self._session["instructions"] or ""

    @property
    def tools(self) -> list[dict[str, Any]]:
        """What the model may call."""
        return self._session["tools"] or []

    @property
    def speaks(self) -> bool:
        """Tell whether answers are sound, not text alone."""
        return "audio" in self._session["output_modalities"]

    @property
    def transcription_model(self) -> str | None:
        """The model that transcribes the caller's turns, if any."""
        transcription = self._session["audio"]["input"].get("transcription") or {}
        return transcription.get("model")

    @property
    def _turn_detection(self) -> dict[str, Any] | None:
        settings: dict[str, Any] | None = self._session["audio"]["input"].get("turn_detection")
        return settings

    @property
    def detects_turns(self) -> bool:
        """Tell whether the endpoint detects turns; else the client commits them."""
        return self._turn_detection is not None

    @property
    def answers_turns(self) -> bool:
        """Tell whether each turn is answered without a request."""
        return (self._turn_detection or {}).get("create_response") is not False

    @property
    def may_be_interrupted(self) -> bool:
        """Tell whether the caller's voice stops the answer."""
        return (self._turn_detection or {}).get("interrupt_response") is not False

    @property
    def silence_seconds(self) -> float:
        """The silence that ends a turn."""
        return float((self._turn_detection or {}).get("silence_duration_ms") or 500) / 1000
