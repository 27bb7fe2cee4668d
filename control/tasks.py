"""Long-lived tasks with a name and an owner, and long work that lets others have their turn."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, TypeVar

Item = TypeVar("Item")


@asynccontextmanager
async def running(work: Coroutine[Any, Any, None], name: str) -> AsyncIterator[None]:
    """Run a task for as long as the context lasts, and wait for its end."""
    task = asyncio.create_task(work, name=name)
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def one_by_one(items: Iterable[Item]) -> AsyncIterator[Item]:
    """Give items, and between two of them let run whatever is due, such as a call's dispatch."""
    for item in items:
        yield item
        await asyncio.sleep(0)
