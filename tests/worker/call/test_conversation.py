"""Whole calls with real speech: greeted, answered, helped in trouble, ended and counted."""

import asyncio
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path

import pytest

from sandbox.servers import RunningProject
from sandbox.speech.counts import ModelCounts
from sandbox.speech.process import RunningSpeech
from sandbox.speech.sound import to_wav
from tests.worker.conversing import (
    QUESTION,
    answer,
    ask,
    calling,
    hear,
    hear_goodbye,
    is_gone,
    overhear,
    settled,
    talking_worker,
    wait_for_phrases,
)
from tests.worker.parcels import Parcels
from tests.workers import RunningWorker

pytestmark = [
    pytest.mark.integration,
    pytest.mark.timeout(180),
    pytest.mark.xdist_group("breaks speech"),
]

LONGEST_SILENCE_SECONDS = 5.0  # as designed, from the last word to the sentence's first sound


@pytest.fixture(scope="module")
def tool_server() -> Iterator[str]:
    """An HTTP service of the tenant's, for its tool."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Parcels)
    thread = threading.Thread(target=server.serve_forever, name="parcels")
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/parcels"
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture(scope="module")
def worker(
    acme: RunningProject,
    speech: RunningSpeech,
    tool_server: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[RunningWorker]:
    """One worker with the built-in agent."""
    tool = {
        "name": "find_parcel",
        "description": "Tells when a parcel arrives, by its number.",
        "url": tool_server,
        "parameters": {"type": "object", "properties": {"number": {"type": "string"}}},
    }
    with talking_worker(
        acme.credentials, speech, tmp_path_factory.mktemp("own"), {"tools": [tool]}
    ) as running:
        yield running


def _served(
    before: dict[str, ModelCounts], after: dict[str, ModelCounts], model: str
) -> tuple[float, ...]:
    new, old = after[model], before.get(model)
    names = ("tokens_in", "tokens_out", "characters", "audio_seconds")
    return tuple(getattr(new, n) - (getattr(old, n) if old else 0) for n in names)


async def test_a_call_is_greeted_answered_and_counted_as_its_provider_counted(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker
) -> None:
    wait_for_phrases(worker)
    before, words = speech.counts(), await speech.speak(QUESTION)
    async with calling(acme, speech, "acme--counted") as caller:
        assert "welcome" in (await hear(caller, speech))[1]
        await answer(caller, speech, words, "rotterdam")
    record = await settled(worker, "acme--counted")
    assert (record["outcome"], record["complete"]) == ("caller-left", True)
    assert await is_gone(acme, "acme--counted")
    after = speech.counts()
    assert {model["kind"] for model in record["models"]} == {"stt", "llm", "tts"}
    for model in record["models"]:
        counted = (model["tokens_in"], model["tokens_out"], model["characters"])
        served = _served(before, after, model["name"])
        assert counted == served[:3], model
        assert model["audio_seconds"] == pytest.approx(served[3], abs=0.05), model
    assert 'tenant_worker_answer_seconds_count{tenant="acme"} 1.0' in worker.get("/metrics")[1]


async def test_a_tool_without_code_answers_through_the_agent(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker
) -> None:
    words = await speech.speak("When does the parcel with the number seven arrive?")
    async with calling(acme, speech, "acme--tool") as caller:
        await hear(caller, speech)
        await answer(caller, speech, words, "friday")


async def test_a_caller_is_told_of_each_refusal_of_the_provider_and_answered_after_it(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker
) -> None:
    wait_for_phrases(worker)
    words = await speech.speak(QUESTION)
    async with calling(acme, speech, "acme--refused") as caller:
        await hear(caller, speech)
        for fault, stage in (("401", "llm"), ("429", "stt"), ("500", "tts")):
            speech.fail(fault, only=stage)  # type: ignore[arg-type]  # a Literal, one by one
            try:
                began, text = await ask(caller, speech, words)
            finally:
                speech.fail(None)
            assert "trouble" in text, fault
            assert began < LONGEST_SILENCE_SECONDS, fault
            await answer(caller, speech, words, "rotterdam")
    assert 'provider_troubles_total{kind="llm",tenant="acme"} 0' not in worker.get("/metrics")[1]


async def test_a_provider_that_is_silent_for_five_seconds_leaves_no_caller_in_silence(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker
) -> None:
    wait_for_phrases(worker)
    words = await speech.speak(QUESTION)
    async with calling(acme, speech, "acme--silent") as caller:
        await hear(caller, speech)
        speech.fail("silence")
        try:
            began, text = await ask(caller, speech, words)
        finally:
            speech.fail(None)
        assert "trouble" in text
        assert began < LONGEST_SILENCE_SECONDS


async def test_a_provider_that_stays_away_ends_the_call_with_a_word(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker
) -> None:
    wait_for_phrases(worker)
    words = await speech.speak(QUESTION)
    async with calling(acme, speech, "acme--away") as caller:
        await hear(caller, speech)
        speech.kill()
        try:
            await caller.connection.play(words)
            await caller.connection.wait_until(
                lambda: caller.connection.recording.onset_at is not None, 30
            )
            await caller.connection.wait_until(
                lambda: caller.connection.recording.is_quiet_since(1.2), 30
            )
            first = caller.connection.recording.take_utterance()
            await caller.connection.play(words)
            await asyncio.wait_for(caller.connection.ended.wait(), 30)
        finally:
            await asyncio.to_thread(speech.restart)
        assert "trouble" in (await speech.transcribe(to_wav(first))).lower()
        await hear_goodbye(caller, speech)
    record = await settled(worker, "acme--away")
    assert (record["outcome"], record["complete"]) == ("failed", True)
    assert await is_gone(acme, "acme--away")


async def test_every_record_of_every_process_says_whose_it_is_and_none_tells_a_secret(
    acme: RunningProject, speech: RunningSpeech, worker: RunningWorker
) -> None:
    records = worker.records()
    served = [record for record in records if record.get("worker_id")]
    assert {record["tenant"] for record in served} == {"acme"}
    in_calls = [record for record in served if record["pid"] != worker.pid]
    assert in_calls
    assert {bool(record["job"] and record["room"]) for record in in_calls} == {True}
    text = worker.log_text()
    for secret in (acme.credentials.api_secret.get_secret_value(), speech.api_key):
        assert secret not in text
    assert acme.credentials.api_key not in text
    assert "eyJ" not in text
    assert QUESTION not in text


async def test_a_tenants_own_code_talks_and_is_ended_politely_when_its_time_is_up(
    acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    words = await speech.speak("When does the ship sail?")
    own = {"AGENT": "tests.worker.talkative:talk", "MAX_CALL_SECONDS": "30"}
    name = "own-code"
    own |= {"LIVEKIT_AGENT_NAME": name, "AGENT_CONFIG": ""}
    with talking_worker(acme.credentials, speech, tmp_path, {}, **own) as worker:
        wait_for_phrases(worker)
        async with calling(acme, speech, "acme--own", name) as caller:
            assert "own code" in (await hear(caller, speech))[1]
            await answer(caller, speech, words, "seven")
            await hear_goodbye(caller, speech)
            await asyncio.wait_for(caller.connection.ended.wait(), 30)
        record = await settled(worker, "acme--own")
        assert (record["outcome"], record["complete"]) == ("completed", True)
        assert {model["kind"] for model in record["models"]} == {"stt", "llm", "tts"}
        async with calling(acme, speech, "acme--broken", name) as caller:
            await asyncio.wait_for(caller.connection.ended.wait(), 30)
        assert (await settled(worker, "acme--broken"))["outcome"] == "failed"


async def test_a_realtime_model_answers_is_missed_when_it_stalls_and_says_goodbye_at_the_end(
    acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    words = await speech.speak(QUESTION)
    name = "realtime"
    ends = {"LIVEKIT_AGENT_NAME": name, "DRAIN_SECONDS": "1", "HURRY_SECONDS": "30"}
    with talking_worker(
        acme.credentials, speech, tmp_path, {"pipeline": "realtime"}, **ends
    ) as worker:
        wait_for_phrases(worker)
        async with calling(acme, speech, "acme--realtime", name) as caller:
            assert "welcome" in (await hear(caller, speech))[1]
            await answer(caller, speech, words, "rotterdam")
            speech.fail("silence")
            try:
                began, text = await ask(caller, speech, words)
            finally:
                speech.fail(None)
            assert "trouble" in text
            assert began < LONGEST_SILENCE_SECONDS
            worker.signal(signal.SIGTERM)
            await hear_goodbye(caller, speech)
        assert await asyncio.to_thread(worker.wait, 40) == 75
        (record,) = worker.usage()
        assert (record["outcome"], record["complete"]) == ("cut-off", True)
        assert "realtime" in {model["kind"] for model in record["models"]}


@contextmanager
def _stalled(speech: RunningSpeech) -> Iterator[None]:
    """Let no connection break and nothing be answered, as a provider that hangs for good."""
    os.kill(speech.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(speech.pid, signal.SIGCONT)


async def test_a_realtime_model_that_stalls_for_good_ends_the_call_with_a_word(
    acme: RunningProject, speech: RunningSpeech, tmp_path: Path
) -> None:
    words, room, name = await speech.speak(QUESTION), "acme--stalled", "stalled"
    told, silences = [], []
    realtime = {"pipeline": "realtime"}
    with talking_worker(
        acme.credentials, speech, tmp_path, realtime, LIVEKIT_AGENT_NAME=name
    ) as worker:
        wait_for_phrases(worker)
        async with calling(acme, speech, room, name) as caller:
            await hear(caller, speech)
            with _stalled(speech):
                for _ in range(3):
                    asked_at = await caller.connection.play(words)
                    began, sound = await overhear(caller)
                    told.append(sound)
                    silences.append(began - asked_at)
                await asyncio.wait_for(caller.connection.ended.wait(), 30)
        record = await settled(worker, room)
    assert (record["outcome"], record["complete"]) == ("failed", True)
    assert await is_gone(acme, room)
    texts = [(await speech.transcribe(to_wav(sound))).lower() for sound in told]
    assert ["trouble" in text for text in texts] == [True, True, False], texts
    assert "cannot go on" in texts[-1]
    assert max(silences) < LONGEST_SILENCE_SECONDS
