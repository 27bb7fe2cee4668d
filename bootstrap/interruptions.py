"""Ctrl-C and SIGTERM while a command waits: it is cancelled, puts its things away, then ends."""

import asyncio
import os
import signal
from collections.abc import Callable, Coroutine
from types import FrameType
from typing import Any, TypeVar

from bootstrap.exit_messages import Interrupted

T = TypeVar("T")
_SIGNALS = (signal.SIGINT, signal.SIGTERM)


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run a command's work in a loop of its own.

    Raises:
        Interrupted: when a signal came, after the work has put everything away.
    """
    return asyncio.run(_watched(work))


class StartWatch:
    """SIGTERM and Ctrl-C while a start has no loop yet: noted, and acted upon between its steps.

    Nothing is raised within an import, where it could be swallowed or leave half a module.
    """

    def __init__(self) -> None:
        self._came: int | None = None
        self._is_waiting = False
        for number in _SIGNALS:
            signal.signal(number, self._note)

    def check(self) -> None:
        """Raise Interrupted if a signal came."""
        if self._came is not None:
            raise Interrupted(self._came)

    def wait(self, step: Callable[[], T]) -> T:
        """Do a step that only waits, and raise Interrupted within it if a signal comes."""
        self._is_waiting = True
        try:
            self.check()
            return step()
        finally:
            self._is_waiting = False

    def pass_on(self) -> None:
        """Send on, once, what came before somebody else took the signals over."""
        came, self._came = self._came, None
        if came is not None:
            os.kill(os.getpid(), came)

    def _note(self, number: int, _frame: FrameType | None) -> None:
        is_first, self._came = self._came is None, self._came or number
        if is_first and self._is_waiting:
            raise Interrupted(number)


def ignore_from_now_on() -> None:
    """Have nothing disturb the last steps of a process that is ending anyway."""
    for number in _SIGNALS:
        signal.signal(number, signal.SIG_IGN)


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
