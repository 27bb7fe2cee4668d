"""One answer for all who ask the same within a moment."""

import asyncio
from collections.abc import Callable, Coroutine, Hashable
from typing import Any, Generic, TypeVar

Key = TypeVar("Key", bound=Hashable)
Answer = TypeVar("Answer")


class AnswerCache(Generic[Key, Answer]):
    """Asks once where many want to know; an answer is forgotten `seconds` after it was asked for.

    What is still being asked for is waited for, however long that takes.
    """

    def __init__(self, ask: Callable[[Key], Coroutine[Any, Any, Answer]], seconds: float) -> None:
        self._ask, self._seconds = ask, seconds
        self._asked: dict[Key, asyncio.Task[Answer]] = {}

    def __len__(self) -> int:
        """Count what is remembered or being asked for."""
        return len(self._asked)

    async def of(self, key: Key) -> Answer:
        """Give the answer; raises what the asking raised."""
        task = self._asked.get(key) or self._begin(key)
        # Whoever waits no longer must not take the answer from the others.
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Ask no more."""
        tasks = tuple(self._asked.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _begin(self, key: Key) -> asyncio.Task[Answer]:
        loop = asyncio.get_running_loop()
        forget_at = loop.time() + self._seconds

        def answered(task: asyncio.Task[Answer]) -> None:
            if not task.cancelled():
                task.exception()  # whoever asked is told of it, and perhaps nobody waits any more
            loop.call_at(forget_at, self._asked.pop, key, None)

        task = loop.create_task(self._ask(key), name=f"ask {self._ask.__name__}")
        task.add_done_callback(answered)
        self._asked[key] = task
        return task
