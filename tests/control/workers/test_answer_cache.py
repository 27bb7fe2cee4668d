"""An answer is asked for once by all who want it at a time, and forgotten after its moment."""

import asyncio

from control.launchers.launcher import LauncherFault
from control.workers.answer_cache import AnswerCache
from tests.control.running import eventually


async def test_answers_are_forgotten_when_their_moment_is_over() -> None:
    asked: list[str] = []

    async def ask(key: str) -> str:
        asked.append(key)
        return key * 2

    cache = AnswerCache(ask, 0.05)
    assert await asyncio.gather(*(cache.of(f"{n}") for n in range(1000))) == [
        f"{n}" * 2 for n in range(1000)
    ]

    async def is_empty() -> bool:
        return len(cache) == 0

    await eventually(is_empty, pause=0.01)
    assert len(asked) == 1000
    await cache.of("7")
    assert asked[1000:] == ["7"]


async def test_whoever_waits_no_longer_takes_the_answer_from_nobody() -> None:
    release = asyncio.Event()

    async def ask(key: str) -> str:
        await release.wait()
        return key

    cache = AnswerCache(ask, 0.05)
    impatient = asyncio.create_task(cache.of("a"))
    patient = asyncio.create_task(cache.of("a"))
    await asyncio.sleep(0)
    impatient.cancel()
    await asyncio.wait([impatient])
    release.set()
    assert await patient == "a"


async def test_a_fault_is_told_to_all_who_asked_and_the_next_moment_asks_anew() -> None:
    faults = [LauncherFault("away")]

    async def ask(key: str) -> str:
        await asyncio.sleep(0)
        if faults:
            raise faults.pop()
        return key

    cache = AnswerCache(ask, 0.05)
    answers = await asyncio.gather(*(cache.of("a") for _ in range(3)), return_exceptions=True)
    assert [type(answer) for answer in answers] == [LauncherFault] * 3

    async def is_empty() -> bool:
        return len(cache) == 0

    await eventually(is_empty, pause=0.01)
    assert await cache.of("a") == "a"


async def test_a_closed_cache_leaves_no_task_behind() -> None:
    async def ask(key: str) -> str:
        await asyncio.Event().wait()
        return key

    cache = AnswerCache(ask, 0.05)
    waiting = asyncio.create_task(cache.of("a"))
    await asyncio.sleep(0)
    await cache.close()
    await asyncio.wait([waiting])
    assert waiting.cancelled()
