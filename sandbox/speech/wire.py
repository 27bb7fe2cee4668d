"""The shapes of OpenAI's answers: completions, their chunks, errors, server-sent events."""

import base64
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from aiohttp import web

from sandbox.speech.counts import tokens
from sandbox.speech.script import Message, Reply, prompt_text


def error(status: int, code: str, message: str) -> web.Response:
    """Refuse the way the provider does."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(body, status=status)


def unknown_model(name: str) -> web.Response:
    """Say that a model is not to be had here."""
    return error(404, "model_not_found", f"The model {name!r} does not exist here.")


def usage(messages: Sequence[Message], said: Reply) -> dict[str, int]:
    """Bill a completion."""
    spent = tokens(said.text) + (tokens(said.call.arguments) + 1 if said.call else 0)
    read = tokens(prompt_text(messages))
    return {"prompt_tokens": read, "completion_tokens": spent, "total_tokens": read + spent}


def completion(model: str, messages: Sequence[Message], said: Reply) -> dict[str, Any]:
    """Render a whole completion."""
    message: dict[str, Any] = {"role": "assistant", "content": said.text or None}
    if said.call:
        message["tool_calls"] = [_tool_call(said)]
    choice = {"index": 0, "message": message, "finish_reason": _finish(said)}
    return _head("chat.completion", model) | {
        "choices": [choice],
        "usage": usage(messages, said),
    }


def chunks(model: str, messages: Sequence[Message], said: Reply) -> Iterator[dict[str, Any]]:
    """Render a completion word by word, its usage last."""
    head = _head("chat.completion.chunk", model)

    def chunk(delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish}]}

    yield chunk({"role": "assistant", "content": ""})
    if said.call:
        yield chunk({"tool_calls": [{"index": 0, **_tool_call(said)}]})
    for position, word in enumerate(said.text.split(" ") if said.text else []):
        yield chunk({"content": word if position == 0 else f" {word}"})
    yield chunk({}, _finish(said))
    yield head | {"choices": [], "usage": usage(messages, said)}


def event(body: dict[str, Any]) -> bytes:
    """Render a server-sent event."""
    return f"data: {json.dumps(body)}\n\n".encode()


def sound_event(sound: bytes) -> bytes:
    """Render a piece of speech as an event."""
    return event({"type": "speech.audio.delta", "audio": base64.b64encode(sound).decode()})


def speech_usage(text: str, length: float) -> dict[str, int]:
    """Bill speech of that many seconds: words in, twenty tokens a second out."""
    read, spoken = tokens(text), round(length * 20)
    return {"input_tokens": read, "output_tokens": spoken, "total_tokens": read + spoken}


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-sandbox", "object": kind, "created": int(time.time()), "model": model}


def _finish(said: Reply) -> str:
    return "tool_calls" if said.call else "stop"


def _tool_call(said: Reply) -> dict[str, Any]:
    assert said.call is not None
    function = {"name": said.call.name, "arguments": said.call.arguments}
    return {"id": said.call.call_id, "type": "function", "function": function}
