"""The speech endpoint, with the provider's own client."""

import base64
import time
from collections.abc import AsyncIterator, Iterator

import openai
import pytest

from sandbox.speech.client import FaultName
from sandbox.speech.counts import ModelCounts
from sandbox.speech.process import RunningSpeech
from tests.sandbox.agents import INSTRUCTIONS

pytestmark = [pytest.mark.integration, pytest.mark.xdist_group("breaks speech")]

MESSAGES: list[openai.types.chat.ChatCompletionMessageParam] = [
    {"role": "system", "content": INSTRUCTIONS},
    {"role": "user", "content": "When are you open on Saturday?"},
]
# One grey pixel.
PICTURE = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
)
ANSWER = "We are open from nine to five on Saturdays."


@pytest.fixture
async def client(speech: RunningSpeech) -> AsyncIterator[openai.AsyncClient]:
    async with openai.AsyncClient(
        api_key=speech.api_key, base_url=speech.url, max_retries=0
    ) as openai_client:
        yield openai_client


@pytest.fixture
def broken(speech: RunningSpeech) -> Iterator[RunningSpeech]:
    """The endpoint, for a test that makes it fail."""
    try:
        yield speech
    finally:
        speech.fail(None)


async def _ask(client: openai.AsyncClient) -> str | None:
    completion = await client.chat.completions.create(model="gpt-4.1", messages=MESSAGES)
    return completion.choices[0].message.content


def _counts(speech: RunningSpeech, model: str) -> ModelCounts | None:
    return speech.counts().get(model)


@pytest.mark.parametrize("form", ["mp3", "wav"])
async def test_what_is_said_can_be_heard(client: openai.AsyncClient, form: str) -> None:
    spoken = await client.audio.speech.create(
        model="tts-1",
        voice="alloy",
        input="The night train leaves in the evening.",
        response_format="mp3" if form == "mp3" else "wav",
    )
    transcript = await client.audio.transcriptions.create(
        model="whisper-1", file=(f"said.{form}", await spoken.aread())
    )
    assert "evening" in transcript.text


@pytest.mark.parametrize("upload", [b"", b"RIFF but no more", PICTURE])
async def test_what_is_no_sound_is_refused(client: openai.AsyncClient, upload: bytes) -> None:
    with pytest.raises(openai.BadRequestError, match="no sound file that can be decoded"):
        await client.audio.transcriptions.create(model="whisper-1", file=("said.wav", upload))


async def test_an_answer_streams_word_by_word_and_tells_its_tokens(
    client: openai.AsyncClient,
) -> None:
    stream = await client.chat.completions.create(
        model="gpt-4.1",
        messages=MESSAGES,
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    words = [choice.delta.content or "" for chunk in chunks for choice in chunk.choices]
    assert "".join(words) == ANSWER
    assert len(words) > 5
    usage = chunks[-1].usage
    assert usage is not None
    assert usage.completion_tokens == len(ANSWER.split())


async def test_it_counts_what_each_model_has_served(
    client: openai.AsyncClient, speech: RunningSpeech
) -> None:
    text = "Counted exactly once."
    async with client.audio.speech.with_streaming_response.create(
        model="tts-1-hd", voice="alloy", input=text, response_format="pcm"
    ) as response:
        sound = await response.read()
    completion = await client.chat.completions.create(model="gpt-4o", messages=MESSAGES)
    tts_counts, llm_counts = _counts(speech, "tts-1-hd"), _counts(speech, "gpt-4o")
    assert tts_counts is not None
    assert llm_counts is not None
    assert completion.usage is not None
    assert tts_counts.characters == len(text)
    assert tts_counts.audio_seconds == pytest.approx(len(sound) / 48_000)
    assert llm_counts.tokens_in == completion.usage.prompt_tokens
    assert llm_counts.tokens_out == completion.usage.completion_tokens
    assert (tts_counts.requests, llm_counts.requests) == (1, 1)


async def test_speech_for_the_caller_is_not_counted(speech: RunningSpeech) -> None:
    before = speech.counts()
    assert "hello" in (await speech.transcribe(await speech.speak("Hello, hello."))).lower()
    assert speech.counts() == before


async def test_another_key_is_refused(speech: RunningSpeech) -> None:
    async with openai.AsyncClient(
        api_key="sk-of-somebody-else", base_url=speech.url, max_retries=0
    ) as stranger:
        with pytest.raises(openai.AuthenticationError):
            await stranger.models.list()


async def test_a_model_that_is_not_listed_is_not_served(client: openai.AsyncClient) -> None:
    model_ids = {model.id for model in (await client.models.list()).data}
    assert "gpt-4.1" in model_ids
    assert "gpt-9" not in model_ids
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="gpt-9", messages=MESSAGES)


@pytest.mark.parametrize(("fault", "status"), [("401", 401), ("429", 429), ("500", 500)], ids=str)
async def test_an_injected_fault_is_answered_with_until_it_ends(
    client: openai.AsyncClient, broken: RunningSpeech, fault: FaultName, status: int
) -> None:
    broken.fail(fault)
    with pytest.raises(openai.APIStatusError) as raised:
        await _ask(client)
    assert raised.value.status_code == status
    broken.fail(None)
    assert await _ask(client) == ANSWER


async def test_a_silence_lasts_five_seconds(
    client: openai.AsyncClient, broken: RunningSpeech
) -> None:
    broken.fail("silence", only="llm")
    asked_at = time.monotonic()
    assert await _ask(client) == ANSWER
    assert time.monotonic() - asked_at >= 5.0


async def test_a_fault_of_one_kind_of_model_leaves_the_others_alone(
    client: openai.AsyncClient, broken: RunningSpeech
) -> None:
    broken.fail("500", only="tts")
    assert await _ask(client) == ANSWER
    with pytest.raises(openai.InternalServerError):
        await client.audio.speech.create(model="tts-1", voice="alloy", input="Hello.")


async def test_a_killed_endpoint_is_gone_and_comes_back_where_it_was(
    client: openai.AsyncClient, speech: RunningSpeech
) -> None:
    speech.kill()
    try:
        with pytest.raises(openai.APIConnectionError):
            await _ask(client)
    finally:
        speech.restart()
    assert await _ask(client) == ANSWER
