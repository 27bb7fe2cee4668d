"""The models that the endpoint offers: a provider's names, served by the models that are here."""

from enum import StrEnum


class ModelKind(StrEnum):
    """What a model does."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"
    REALTIME = "realtime"


_NAMES = {
    ModelKind.STT: ("gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1"),
    ModelKind.LLM: ("gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-4.1", "gpt-5-mini"),
    ModelKind.TTS: ("gpt-4o-mini-tts", "tts-1", "tts-1-hd"),
    ModelKind.REALTIME: ("gpt-realtime", "gpt-realtime-mini"),
}

MODELS = {name: kind for kind, names in _NAMES.items() for name in names}


def is_offered(name: str, kind: ModelKind) -> bool:
    """Tell whether the endpoint offers a model of that name and kind."""
    return MODELS.get(name) is kind
