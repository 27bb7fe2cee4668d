"""The models that the endpoint claims to have: a provider's names, served by what is here."""

from enum import StrEnum


class Kind(StrEnum):
    """What a model does."""

    STT = "stt"
    LLM = "llm"
    TTS = "tts"
    REALTIME = "realtime"


_NAMES = {
    Kind.STT: ("gpt-4o-mini-transcribe", "gpt-4o-transcribe", "whisper-1"),
    Kind.LLM: ("gpt-4o-mini", "gpt-4o", "gpt-4.1-mini", "gpt-4.1", "gpt-5-mini"),
    Kind.TTS: ("gpt-4o-mini-tts", "tts-1", "tts-1-hd"),
    Kind.REALTIME: ("gpt-realtime", "gpt-realtime-mini"),
}

MODELS = {name: kind for kind, names in _NAMES.items() for name in names}


def is_offered(name: str, kind: Kind) -> bool:
    """Tell whether a model of that name and kind can be asked."""
    return MODELS.get(name) is kind
