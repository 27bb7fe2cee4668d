"""A rehearsal before the fork: what each call would build for its first answer is built once.

The SDK, the provider's client and pydantic import, compile and cache at first use: 75 modules and
some 10 MiB in every call, at the moment when a caller waits for the first answer. So one exchange
is played with a provider that answers from memory, by the very plugins that calls use.
"""

from typing import Any

import anyio
import httpx2
import numpy.fft  # noqa: F401 - how fast the agent speaks is measured with it, in every call
from livekit import rtc
from livekit.agents import ChatContext
from livekit.agents.tokenize.basic import hyphenate_word
from openai import AsyncClient, DefaultAsyncHttpxClient

from contract.agent_config import AgentConfig
from worker import built_in

_SENTENCE = "Rehearsal."
_RATE = 16_000
_SILENCE = bytes(2 * _RATE // 50)

_MODELS = {
    "object": "list",
    "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "nobody"}],
}
_TRANSCRIPTION = {
    "text": _SENTENCE,
    "usage": {"type": "tokens", "input_tokens": 1, "output_tokens": 1, "total_tokens": 2},
}
_SPEECH = (
    'data: {"type":"speech.audio.delta","audio":"AAAAAAAAAAA="}\n\n'
    'data: {"type":"speech.audio.done",'
    '"usage":{"input_tokens":1,"output_tokens":1,"total_tokens":2}}\n\n'
)
_ANSWER = (
    'data: {"id":"1","object":"chat.completion.chunk","created":0,"model":"m","choices":'
    '[{"index":0,"delta":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}]}\n\n'
    'data: {"id":"1","object":"chat.completion.chunk","created":0,"model":"m","choices":[],'
    '"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}\n\n'
    "data: [DONE]\n\n"
)


# pydantic forgets a generic class, such as a page of models, when nobody holds it any more.
_kept: list[Any] = []


def rehearse() -> None:
    """Play one exchange; it reaches nobody, and leaves no thread, no loop and no file open."""
    # By anyio, which the client's connections need as well.
    anyio.run(_exchange)
    # How fast a transcript is shown goes by syllables: 5,000 patterns, parsed at first use.
    hyphenate_word(_SENTENCE)


async def _exchange() -> None:
    client = AsyncClient(
        api_key="none",
        base_url="http://rehearsal",
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(transport=httpx2.MockTransport(_answer)),
    )
    stt, llm, tts = built_in.models(client, AgentConfig())
    # As the SDK does, to have a connection before it is needed.
    _kept.append(await client.models.list())
    await stt.recognize(rtc.AudioFrame(_SILENCE, _RATE, 1, len(_SILENCE) // 2))
    question = ChatContext()
    question.add_message(role="user", content=_SENTENCE)
    async with llm.chat(chat_ctx=question) as answer:
        async for _ in answer:
            pass
    async with tts.synthesize(_SENTENCE) as speech:
        async for _ in speech:
            pass
    await client.close()


def _answer(request: httpx2.Request) -> httpx2.Response:
    path = request.url.path
    if path.endswith("/models"):
        return httpx2.Response(200, json=_MODELS)
    if path.endswith("/transcriptions"):
        return httpx2.Response(200, json=_TRANSCRIPTION)
    if path.endswith("/completions"):
        return _stream(_ANSWER)
    return _stream(_SPEECH)


def _stream(text: str) -> httpx2.Response:
    named = {"content-type": "text/event-stream", "x-request-id": "rehearsal"}
    return httpx2.Response(200, text=text, headers=named)
