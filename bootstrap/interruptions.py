"""Ctrl-C and SIGTERM while a command waits: it is cancelled, puts its things away, then ends."""

import asyncio
import signal
from collections.abc import Coroutine
from types import FrameType
from typing import Any, TypeVar

from bootstrap.endings import Interrupted

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work in a loop of its own.

    Raises:
        Interrupted: when a signal came, after the work has put everything away.
    """
    return asyncio.run(_watched(work))


def raise_from_now_on() -> None:
    """Have the first SIGTERM or Ctrl-C raise Interrupted wherever this process is.

    What then puts things away is not disturbed by a second one.
    """
    for number in _SIGNALS:
        signal.signal(number, _raise)


def ignore_from_now_on() -> None:
    """Have nothing disturb the last steps of a process that is ending anyway."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


def _raise(number: int, _frame: FrameType | None) -> None:
    ignore_from_now_on()
    raise Interrupted(number)


async def _watched(work: Coroutine[Any, Any, T]) -> T:
    task = asyncio.create_task(work, name="the command's work")
    loop = asyncio.get_running_loop()
    came: list[int] = []

    def stop(number: int) -> None:
        came.append(number)
        task.cancel()

    for number in _SIGNALS:
        loop.add_signal_handler(number, stop, number)
    try:
        return await task
    except asyncio.CancelledError:
        if came:
            raise Interrupted(came[0]) from None
        raise
    finally:
        for number in _SIGNALS:
            loop.remove_signal_handler(number)
