"""What the client of a realtime session has set, merged over what the provider starts with."""

from typing import Any


class SpeechSettings:
    """What a client has set in `session.update`, merged field by field."""

    def __init__(self) -> None:
        self._session: dict[str, Any] = {
            "instructions": "",
            "tools": [],
            "output_modalities": ["audio"],
            "audio": {"input": {"turn_detection": {"type": "server_vad"}}, "output": {}},
        }

    def update(self, changes: dict[str, Any]) -> None:
        """Merge what the client sent."""
        audio = changes.get("audio") or {}
        for side in ("input", "output"):
            self._session["audio"][side] |= audio.get(side) or {}
        self._session |= {name: value for name, value in changes.items() if name != "audio"}

    def as_json(self, model: str) -> dict[str, Any]:
        """Render what is set."""
        return self._session | {"type": "realtime", "object": "realtime.session", "model": model}

    @property
    def instructions(self) -> str:
        """What the model is told for the whole session."""
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
        """Which model writes down the caller's turns, if any."""
        transcription = self._session["audio"]["input"].get("transcription") or {}
        return transcription.get("model")

    @property
    def _detection(self) -> dict[str, Any] | None:
        detection: dict[str, Any] | None = self._session["audio"]["input"].get("turn_detection")
        return detection

    @property
    def detects_turns(self) -> bool:
        """Tell whether we end turns; else the client commits."""
        return self._detection is not None

    @property
    def answers_turns(self) -> bool:
        """Tell whether a turn's end asks for an answer."""
        return (self._detection or {}).get("create_response") is not False

    @property
    def may_be_interrupted(self) -> bool:
        """Tell whether the caller's voice stops the answer."""
        return (self._detection or {}).get("interrupt_response") is not False

    @property
    def silence_seconds(self) -> float:
        """How long a pause ends a turn."""
        return float((self._detection or {}).get("silence_duration_ms") or 500) / 1000
