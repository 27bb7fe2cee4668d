"""The command `caller`: whom it calls, which speech endpoint it uses, and what it prints."""

import json
import urllib.error
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from sandbox.callers.backend import ConnectionDetails, dispatch_by_room, read_tenant_project
from sandbox.callers.caller import CallResult, call
from sandbox.speech.client import SpeechClient
from sandbox.speech.process import start_speech


@contextmanager
def speech_for_call(
    env_file: Path | None, speech_url: str | None, api_key: str
) -> Iterator[SpeechClient]:
    """Give the speech endpoint that is named, else the tenant's if it is ours, else a new one."""
    if speech_url is not None:
        yield SpeechClient(speech_url, api_key)
        return
    tenants_speech = _speech_of(env_file) if env_file is not None else None
    if tenants_speech is not None:
        yield tenants_speech
        return
    new_speech = start_speech()
    try:
        yield new_speech
    finally:
        new_speech.kill()


async def call_tenant(env_file: Path, say: str | None, speech: SpeechClient) -> CallResult:
    """Do what the tenant's backend does, then call."""
    details = await dispatch_by_room(read_tenant_project(env_file))
    return await call_room(details, say, speech)


async def call_room(
    details: ConnectionDetails, say: str | None, speech: SpeechClient
) -> CallResult:
    """Call a room that has a dispatch."""
    return await call(details.url, details.token, speech=speech, say=say, since=details.at)


def as_json(result: CallResult) -> str:
    """Render a call for a program; the recording is left out."""
    fields: dict[str, Any] = {**asdict(result), "answer_text": result.answer_text}
    del fields["wav"]
    return json.dumps(fields)


def as_text(result: CallResult) -> str:
    """Render a call for a person."""
    lines = [f"the agent said: {result.greeting_text}"]
    if result.first_audio_after is not None:
        lines.append(f"first audio after {result.first_audio_after:.2f} s")
    lines += [f"the agent answered: {answer}" for answer in result.answers]
    if result.answered_after is not None:
        lines.append(f"question → answer {result.answered_after:.2f} s")
    return "\n".join(lines)


def _speech_of(env_file: Path) -> SpeechClient | None:
    values = dotenv_values(env_file)
    url, api_key = values.get("OPENAI_BASE_URL"), values.get("OPENAI_API_KEY")
    if not url or not api_key or not url.startswith("http://127.0.0.1:"):
        return None  # a real provider is not asked for what only ours has
    speech = SpeechClient(url, api_key)
    try:
        speech.counts()
    except (urllib.error.URLError, ValueError):
        return None
    return speech
