"""Sentences that must be heard when the provider is not: rendered at start, kept in STATE_DIR."""

import asyncio
import hashlib
import logging
import math
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import aiohttp
from livekit import rtc

from contract.agent_config import AgentConfig
from worker.configuration import Configuration

logger = logging.getLogger(__name__)

SAMPLE_RATE = 24_000
_FRAME_SAMPLES = SAMPLE_RATE // 50
_RENDER_SECONDS = 20.0
_LONGEST_PAUSE_SECONDS = 60.0
_LONGEST_SENTENCE_BYTES = SAMPLE_RATE * 2 * 60
_PROVIDER = "https://api.openai.com/v1"


class Announcement(StrEnum):
    """What a caller may have to be told at any time."""

    GREETING = "greeting"
    APOLOGY = "apology"
    WAIT = "wait"
    GOODBYE = "goodbye"
    GIVING_UP = "giving-up"


_SENTENCES: dict[str, dict[Announcement, str]] = {
    "en": {
        Announcement.APOLOGY: "I am sorry, I have trouble answering right now. "
        "Please say that again.",
        Announcement.WAIT: "One moment, please.",
        Announcement.GOODBYE: "I have to end this call now. Goodbye.",
        Announcement.GIVING_UP: "I am sorry, I cannot go on right now. Please call again. Goodbye.",
    },
    "de": {
        Announcement.APOLOGY: "Es tut mir leid, ich kann gerade nicht antworten. "
        "Bitte sagen Sie das noch einmal.",
        Announcement.WAIT: "Einen Moment, bitte.",
        Announcement.GOODBYE: "Ich muss das Gespräch jetzt beenden. Auf Wiederhören.",
        Announcement.GIVING_UP: "Es tut mir leid, ich kann gerade nicht weitermachen. "
        "Bitte rufen Sie noch einmal an. Auf Wiederhören.",
    },
    "fr": {
        Announcement.APOLOGY: "Je suis désolé, je n'arrive pas à répondre. Pouvez-vous répéter ?",
        Announcement.WAIT: "Un instant, s'il vous plaît.",
        Announcement.GOODBYE: "Je dois terminer cet appel. Au revoir.",
        Announcement.GIVING_UP: "Je suis désolé, je ne peux pas continuer. "
        "Merci de rappeler. Au revoir.",
    },
    "es": {
        Announcement.APOLOGY: "Lo siento, ahora no puedo responder. Por favor, repítalo.",
        Announcement.WAIT: "Un momento, por favor.",
        Announcement.GOODBYE: "Tengo que terminar esta llamada. Adiós.",
        Announcement.GIVING_UP: "Lo siento, no puedo continuar. Por favor, llame de nuevo. Adiós.",
    },
    "it": {
        Announcement.APOLOGY: "Mi dispiace, ora non riesco a rispondere. Può ripetere, per favore?",
        Announcement.WAIT: "Un momento, per favore.",
        Announcement.GOODBYE: "Devo terminare questa chiamata. Arrivederci.",
        Announcement.GIVING_UP: "Mi dispiace, non posso continuare. "
        "Richiami, per favore. Arrivederci.",
    },
    "nl": {
        Announcement.APOLOGY: "Het spijt me, ik kan nu niet antwoorden. Wilt u dat herhalen?",
        Announcement.WAIT: "Een ogenblik, alstublieft.",
        Announcement.GOODBYE: "Ik moet dit gesprek nu beëindigen. Tot ziens.",
        Announcement.GIVING_UP: "Het spijt me, ik kan niet verder. "
        "Belt u later nog eens. Tot ziens.",
    },
}


def sentence(announcement: Announcement, config: AgentConfig) -> str:
    """Give an announcement in the agent's language; in English where we have no words in it."""
    if announcement is Announcement.GREETING:
        return config.greeting
    language = config.language.split("-")[0].lower()
    return _SENTENCES.get(language, _SENTENCES["en"])[announcement]


@dataclass(frozen=True)
class AnnouncementCache:
    """The rendered sentences of one worker, one file each, named after what they say."""

    folder: Path

    @classmethod
    def of(cls, configuration: Configuration) -> "AnnouncementCache":
        """Give a worker's cache in its STATE_DIR."""
        return cls(configuration.host.state_dir / "announcements")

    def find(self, announcement: Announcement, config: AgentConfig) -> bytes | None:
        """Give a sentence's sound (16 bit, mono, 24 kHz), or None when it is not there yet."""
        try:
            return self.path(announcement, config).read_bytes()
        except OSError:
            return None

    def path(self, announcement: Announcement, config: AgentConfig) -> Path:
        """Name a sentence's file; another text, voice or model is another file."""
        spoken = "\n".join((config.models.tts, config.voice, sentence(announcement, config)))
        digest = hashlib.sha256(spoken.encode()).hexdigest()[:16]
        return self.folder / f"{announcement.value}-{digest}.pcm"

    def put(self, announcement: Announcement, config: AgentConfig, sound: bytes) -> None:
        """Keep a sentence's sound whole, and remove that of an earlier configuration."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path(announcement, config)
        half = path.with_suffix(".half")
        half.write_bytes(sound)
        half.rename(path)
        for stale in self.folder.glob(f"{announcement.value}-*"):
            if stale.name.startswith(f"{announcement.value}-") and stale != path:
                stale.unlink(missing_ok=True)


async def prepare(configuration: Configuration) -> None:
    """Render what is missing, again with growing pauses until all is there; then return.

    A tenant's own code may have no provider that we know of; it then has only the tone.
    """
    if configuration.provider.api_key is None:
        return
    cache, config, pause = AnnouncementCache.of(configuration), configuration.agent.config, 1.0
    while missing := [p for p in Announcement if sentence(p, config) and not cache.find(p, config)]:
        try:
            async with aiohttp.ClientSession(trust_env=True) as session:
                for announcement in missing:
                    text = sentence(announcement, config)
                    sound = await _render(session, configuration, text)
                    cache.put(announcement, config, sound)
        except (aiohttp.ClientError, OSError, ValueError) as fault:
            logger.warning("prepared sentences cannot be rendered yet: %s", _cause(fault))
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_SECONDS, pause * 2)


def frames(sound: bytes) -> Iterator[rtc.AudioFrame]:
    """Cut a sound into frames of 20 ms, the last one filled up with silence."""
    size = _FRAME_SAMPLES * 2
    for start in range(0, len(sound), size):
        piece = sound[start : start + size].ljust(size, b"\0")
        yield rtc.AudioFrame(piece, SAMPLE_RATE, 1, _FRAME_SAMPLES)


def tone() -> bytes:
    """Make three falling tones: the last resort when no sentence could ever be rendered."""
    samples = array("h")
    for pitch in (660.0, 550.0, 440.0):
        length = SAMPLE_RATE // 4
        for at in range(length):
            swell = math.sin(math.pi * at / length)
            samples.append(round(8000 * swell * math.sin(2 * math.pi * pitch * at / SAMPLE_RATE)))
    return samples.tobytes()


async def _render(session: aiohttp.ClientSession, configuration: Configuration, text: str) -> bytes:
    assert configuration.provider.api_key is not None
    config = configuration.agent.config
    body = {
        "model": config.models.tts,
        "voice": config.voice,
        "input": text,
        "response_format": "pcm",
    }
    headers = {"Authorization": f"Bearer {configuration.provider.api_key.get_secret_value()}"}
    url = f"{(configuration.provider.base_url or _PROVIDER).rstrip('/')}/audio/speech"
    async with asyncio.timeout(_RENDER_SECONDS):
        async with session.post(url, json=body, headers=headers) as answer:
            if answer.status != 200:
                raise ValueError(f"the provider answered {answer.status}")
            sound = await answer.content.read(_LONGEST_SENTENCE_BYTES)
            while piece := await answer.content.read(_LONGEST_SENTENCE_BYTES):
                sound += piece
    if not sound:
        raise ValueError("the provider answered without sound")
    return sound


def _cause(fault: Exception) -> str:
    return str(fault) if isinstance(fault, ValueError) else type(fault).__name__
