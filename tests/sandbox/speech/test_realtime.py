"""The realtime websocket, with the installed plugin's RealtimeModel as its client."""

import asyncio
import contextlib
import io
import json
import wave
from collections.abc import AsyncIterator
from typing import Any

import pytest
from livekit import rtc
from livekit.agents import function_tool, llm
from livekit.agents.utils import http_context
from livekit.plugins import openai

from sandbox.speech.process import RunningSpeech
from sandbox.speech.sound import to_wav
from tests.sandbox.agents import INSTRUCTIONS

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("breaks speech")]

_PATIENCE_SECONDS = 60.0


@function_tool
async def order_state(number: int) -> str:
    """Look up the state of an order by its number."""
    return json.dumps({"state": "shipped", "number": number})


class ModelSession:
    """One session of the plugin's model, and the answers that have begun to arrive."""

    def __init__(self, session: Any) -> None:
        self.session = session
        self.answers: asyncio.Queue[llm.GenerationCreatedEvent] = asyncio.Queue()
        session.on("generation_created", self.answers.put_nowait)

    def push(self, wav: bytes, silence_seconds: float = 1.0) -> None:
        """Push a caller's words, and the silence after them."""
        with wave.open(io.BytesIO(wav)) as file:
            rate, pcm = file.getframerate(), file.readframes(file.getnframes())
        pcm += bytes(int(rate * silence_seconds) * 2)
        step = rate // 10 * 2
        for start in range(0, len(pcm) - step, step):
            frame = pcm[start : start + step]
            self.session.push_audio(rtc.AudioFrame(frame, rate, 1, len(frame) // 2))

    async def next_answer(self) -> llm.GenerationCreatedEvent:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            return await self.answers.get()


@contextlib.asynccontextmanager
async def _model_session(speech: RunningSpeech, **options: Any) -> AsyncIterator[ModelSession]:
    async with http_context.open():
        model = openai.realtime.RealtimeModel(
            base_url=speech.url, api_key=speech.api_key, **options
        )
        session = model.session()
        try:
            await session.update_instructions(INSTRUCTIONS)
            yield ModelSession(session)
        finally:
            await session.aclose()
            await model.aclose()


async def _read(answer: llm.GenerationCreatedEvent) -> tuple[str, bytes]:
    text, pcm = "", b""
    async with asyncio.timeout(_PATIENCE_SECONDS):
        async for message in answer.message_stream:
            text += "".join([str(piece) async for piece in message.text_stream])
            pcm += b"".join([bytes(frame.data) async for frame in message.audio_stream])
    return text, pcm


async def test_it_finds_the_end_of_a_turn_and_answers_aloud(speech: RunningSpeech) -> None:
    question = await speech.speak("When are you open on Saturday?")
    async with _model_session(speech) as client:
        client.push(question)
        text, pcm = await _read(await client.next_answer())
    assert text == "We are open from nine to five on Saturdays."
    assert "Saturday" in await speech.transcribe(to_wav(pcm))


async def test_it_answers_what_the_client_commits(speech: RunningSpeech) -> None:
    question = await speech.speak("Where is parking free?")
    async with _model_session(speech, turn_detection=None) as client:
        client.push(question)
        client.session.commit_audio()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await client.session.generate_reply()
        text, _ = await _read(answer)
    assert text == "Parking is free behind the building."


async def test_it_greets_with_what_it_is_told_to_say(speech: RunningSpeech) -> None:
    async with _model_session(speech) as client:
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await client.session.generate_reply(instructions='Say: "Good morning."')
        assert (await _read(answer))[0] == "Good morning."


async def test_it_calls_a_tool_and_says_what_was_found(speech: RunningSpeech) -> None:
    question = await speech.speak("What is the state of my order number 42?")
    async with _model_session(speech) as client:
        await client.session.update_tools([order_state])
        client.push(question)
        answer = await client.next_answer()
        async with asyncio.timeout(_PATIENCE_SECONDS):
            calls = [call async for call in answer.function_stream]
        assert [json.loads(call.arguments) for call in calls] == [{"number": 42}]
        context = client.session.chat_ctx.copy()
        order = await order_state(42)
        context.items.append(
            llm.FunctionCallOutput(
                call_id=calls[0].call_id, name="order_state", output=order, is_error=False
            )
        )
        await client.session.update_chat_ctx(context)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            answer = await client.session.generate_reply()
        text, _ = await _read(answer)
    assert text == "The state is shipped. The number is 42."


async def test_it_counts_what_the_plugin_is_told(speech: RunningSpeech) -> None:
    metrics: asyncio.Queue[Any] = asyncio.Queue()
    async with _model_session(speech, model="gpt-realtime-mini") as client:
        client.session.on("metrics_collected", metrics.put_nowait)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await _read(await client.session.generate_reply(instructions='Say: "Good morning."'))
            while not (usage := await metrics.get()).total_tokens:
                pass  # how long the connection took comes in the same form
    counts = speech.counts()["gpt-realtime-mini"]
    assert (counts.tokens_in, counts.tokens_out) == (usage.input_tokens, usage.output_tokens)
    assert usage.output_token_details.audio_tokens > 0


async def test_a_fault_fails_the_response(speech: RunningSpeech) -> None:
    errors: asyncio.Queue[Any] = asyncio.Queue()
    async with _model_session(speech) as client:
        client.session.on("error", errors.put_nowait)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            # Once over: the session is connected before the fault is in force.
            await _read(await client.session.generate_reply(instructions='Say: "Good."'))
            speech.fail("500", only="realtime")
            try:
                await client.session.generate_reply()
                assert (await errors.get()).recoverable
            finally:
                speech.fail(None)


async def test_a_caller_who_speaks_stops_the_answer(speech: RunningSpeech) -> None:
    statuses: asyncio.Queue[str] = asyncio.Queue()
    interruption = await speech.speak("Stop, please, stop.")
    long_text = " ".join(f"This is sentence number {number} of many." for number in range(60))

    def keep_status(event: dict[str, Any]) -> None:
        if event["type"] == "response.done":
            statuses.put_nowait(event["response"]["status"])

    async with _model_session(speech) as client:
        client.session.on("openai_server_event_received", keep_status)
        async with asyncio.timeout(_PATIENCE_SECONDS):
            await client.session.generate_reply(instructions=f'Say: "{long_text}"')
            client.push(interruption)
            assert await statuses.get() == "cancelled"
