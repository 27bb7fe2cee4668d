"""A rehearsal before the fork: what each call would build for its first answer is built once.

The SDK, the provider's client and pydantic import, compile and cache at first use: 75 modules and
some 13 MiB in every call, at the moment when a caller waits for the first answer. So one exchange
is played in a session like a call's, without a room and with a provider that answers from memory.
"""

import multiprocessing.popen_forkserver  # noqa: F401 - each call's process asks for it
from typing import Any

import anyio
import httpx2
import livekit.agents.llm.async_toolset  # noqa: F401 - each session does
import numpy.fft  # noqa: F401 - how fast the agent speaks is measured with it, in every call
from livekit import rtc
from livekit.agents import tokenize
from livekit.agents.tokenize.basic import hyphenate_word
from livekit.agents.voice.io import AudioOutput, AudioOutputCapabilities, TextOutput
from openai import AsyncClient, DefaultAsyncHttpxClient

from contract.agent_config import AgentConfig
from worker.agent import built_in

_SENTENCE = "Rehearsal."
_LONGEST_SECONDS = 5.0  # it takes 0.1 s; with a session that hangs a worker starts all the same
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


def rehearse() -> str | None:
    """Play one exchange; it reaches nobody, and leaves no thread, no loop and no file open.

    Gives None, or why it was broken off: calls then build for themselves what they need.
    """
    try:
        # By anyio, which the client's connections need as well.
        anyio.run(_exchange)
    except Exception as error:  # noqa: BLE001 - whatever an SDK that changed makes of it: calls go without
        return f"the rehearsal was broken off ({type(error).__name__})"
    # Answers are spoken sentence by sentence.
    tokenize.blingfire.SentenceTokenizer().tokenize(_SENTENCE)
    # How fast a transcript is shown goes by syllables: 5,000 patterns, parsed at first use.
    hyphenate_word(_SENTENCE)
    return None


async def _exchange() -> None:
    client = AsyncClient(
        api_key="none",
        base_url="http://rehearsal",
        max_retries=0,
        http_client=DefaultAsyncHttpxClient(transport=httpx2.MockTransport(_answer)),
    )
    # As the SDK does, to have a connection before it is needed.
    _kept.append(await client.models.list())
    config = AgentConfig()
    session = built_in.session_over(client, config, session_close_transcript_timeout=0.0)
    session.output.audio, session.output.transcription = _Ear(), _Eye()
    with anyio.fail_after(_LONGEST_SECONDS):
        await session.start(built_in.build_agent(config), record=False, session_host=False)
        await session.say(_SENTENCE)
        assert session.stt is not None
        await session.stt.recognize(rtc.AudioFrame(_SILENCE, _RATE, 1, len(_SILENCE) // 2))
        await session.generate_reply(user_input=_SENTENCE)
        await session.aclose()
    await client.close()


class _Ear(AudioOutput):
    """Hears all of a sentence at once."""

    def __init__(self) -> None:
        super().__init__(label="rehearsal", capabilities=AudioOutputCapabilities(pause=True))
        self._heard_seconds = 0.0

    async def capture_frame(self, frame: rtc.AudioFrame) -> None:
        await super().capture_frame(frame)
        self._heard_seconds += frame.duration

    def flush(self) -> None:
        super().flush()
        self.on_playback_finished(playback_position=self._heard_seconds, interrupted=False)

    def clear_buffer(self) -> None:
        """Nothing waits in it."""


class _Eye(TextOutput):
    """Reads along."""

    def __init__(self) -> None:
        super().__init__(label="rehearsal", next_in_chain=None)

    async def capture_text(self, text: str) -> None:
        """Keep nothing of it."""

    def flush(self) -> None:
        """Nothing waits in it."""


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
