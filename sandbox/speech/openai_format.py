"""The JSON of OpenAI's answers: completions, their chunks, errors, server-sent events."""

import base64
import json
import time
from collections.abc import Iterator, Sequence
from typing import Any

from aiohttp import web

from sandbox.speech.counts import tokens
from sandbox.speech.models.language_model import Message, Reply, ToolCall, prompt_text


def error(status: int, code: str, message: str) -> web.Response:
    """Refuse the way the provider does."""
    kind = "server_error" if status >= 500 else "invalid_request_error"
    body = {"error": {"message": message, "type": kind, "param": None, "code": code}}
    return web.json_response(body, status=status)


def unknown_model(name: str) -> web.Response:
    """Say that the endpoint does not have a model."""
    return error(404, "model_not_found", f"The model {name!r} does not exist here.")


def usage(messages: Sequence[Message], reply: Reply) -> dict[str, int]:
    """Count the tokens of a completion."""
    tool_call = reply.tool_call
    tokens_out = tokens(reply.text) + (tokens(tool_call.arguments) + 1 if tool_call else 0)
    tokens_in = tokens(prompt_text(messages))
    return {
        "prompt_tokens": tokens_in,
        "completion_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def completion(model: str, messages: Sequence[Message], reply: Reply) -> dict[str, Any]:
    """Render a whole completion."""
    message: dict[str, Any] = {"role": "assistant", "content": reply.text or None}
    if reply.tool_call:
        message["tool_calls"] = [_tool_call(reply.tool_call)]
    choice = {"index": 0, "message": message, "finish_reason": _finish_reason(reply)}
    return _head("chat.completion", model) | {
        "choices": [choice],
        "usage": usage(messages, reply),
    }


def chunks(model: str, messages: Sequence[Message], reply: Reply) -> Iterator[dict[str, Any]]:
    """Render a completion word by word, its usage last."""
    head = _head("chat.completion.chunk", model)

    def chunk(delta: dict[str, Any], finish_reason: str | None = None) -> dict[str, Any]:
        return head | {"choices": [{"index": 0, "delta": delta, "finish_reason": finish_reason}]}

    yield chunk({"role": "assistant", "content": ""})
    if reply.tool_call:
        yield chunk({"tool_calls": [{"index": 0, **_tool_call(reply.tool_call)}]})
    for position, word in enumerate(reply.text.split(" ") if reply.text else []):
        yield chunk({"content": word if position == 0 else f" {word}"})
    yield chunk({}, _finish_reason(reply))
    yield head | {"choices": [], "usage": usage(messages, reply)}


def event(body: dict[str, Any]) -> bytes:
    """Render a server-sent event."""
    return f"data: {json.dumps(body)}\n\n".encode()


def sound_event(sound: bytes) -> bytes:
    """Render a piece of speech as an event."""
    return event({"type": "speech.audio.delta", "audio": base64.b64encode(sound).decode()})


def speech_usage(text: str, audio_seconds: float) -> dict[str, int]:
    """Count the tokens of that many seconds of speech: words in, twenty a second out."""
    tokens_in, tokens_out = tokens(text), round(audio_seconds * 20)
    return {
        "input_tokens": tokens_in,
        "output_tokens": tokens_out,
        "total_tokens": tokens_in + tokens_out,
    }


def _head(kind: str, model: str) -> dict[str, Any]:
    return {"id": "chatcmpl-sandbox", "object": kind, "created": int(time.time()), "model": model}


def _finish_reason(reply: Reply) -> str:
    return "tool_calls" if reply.tool_call else "stop"


def _tool_call(tool_call: ToolCall) -> dict[str, Any]:
    function = {"name": tool_call.name, "arguments": tool_call.arguments}
    return {"id": tool_call.call_id, "type": "function", "function": function}
