"""The caller on the command line: whom to call, with whose voice and ears, and what to print."""

import json
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from sandbox.caller import Heard, call
from sandbox.dispatching import Arranged, arrange, read_account
from sandbox.speech.client import Speech
from sandbox.speech.running import start_speech


@contextmanager
def lent_speech(env_file: Path | None, speech_url: str | None, api_key: str) -> Iterator[Speech]:
    """Find a speech endpoint of ours to speak and hear with, else start one for this call."""
    if speech_url is not None:
        yield Speech(speech_url, api_key)
        return
    found = _speech_of(env_file) if env_file is not None else None
    if found is not None:
        yield found
        return
    own = start_speech()
    try:
        yield own
    finally:
        own.kill()


async def call_tenant(env_file: Path, say: str | None, speech: Speech) -> Heard:
    """Do what the tenant's backend does, then call."""
    arranged = await arrange(read_account(env_file))
    return await call_room(arranged, say, speech)


async def call_room(arranged: Arranged, say: str | None, speech: Speech) -> Heard:
    """Call a room to which an agent has been asked."""
    return await call(arranged.url, arranged.token, speech=speech, say=say, since=arranged.at)


def as_json(heard: Heard) -> str:
    """Render a call for a program; the recording is left out."""
    fields: dict[str, Any] = {**asdict(heard), "answer_text": heard.answer_text}
    del fields["wav"]
    return json.dumps(fields)


def as_text(heard: Heard) -> str:
    """Render a call for a person."""
    lines = [f"the agent said: {heard.greeting_text}"]
    if heard.first_audio_after is not None:
        lines.append(f"first audio after {heard.first_audio_after:.2f} s")
    lines += [f"the agent answered: {answer}" for answer in heard.answers]
    if heard.answered_after is not None:
        lines.append(f"question → answer {heard.answered_after:.2f} s")
    return "\n".join(lines)


def _speech_of(env_file: Path) -> Speech | None:
    values = dotenv_values(env_file)
    url, api_key = values.get("OPENAI_BASE_URL"), values.get("OPENAI_API_KEY")
    if not url or not api_key or not url.startswith("http://127.0.0.1:"):
        return None  # a real provider is not asked for what only ours has
    speech = Speech(url, api_key)
    try:
        speech.counts()
    except (urllib.error.URLError, ValueError):
        return None
    return speech
