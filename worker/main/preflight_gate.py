"""The preflight's last word, where it comes after the worker has begun: until then offers wait."""

import asyncio

from contract.exits import ExitCode
from worker.configuration import Configuration


class PreflightGate:
    """Whether calls may be taken: `report` is what the preflight has said so far.

    `exit_code` follows from its last word, and is None before.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._last_word = configuration.last_word
        self._is_over = asyncio.Event()
        self.report = configuration.report
        self.exit_code: ExitCode | None = None
        if self._last_word is None:
            self.exit_code = ExitCode.OK
            self._is_over.set()

    @property
    def is_pending(self) -> bool:
        """Tell whether the last word is still to come."""
        return not self._is_over.is_set()

    @property
    def is_refused(self) -> bool:
        """Tell whether the last word was that nobody may be served."""
        return self.exit_code not in (None, ExitCode.OK)

    async def watch(self) -> None:
        """Wait for the last word; if calls may be taken, let go of whoever waits for it."""
        if self._last_word is not None:
            self.report, self.exit_code = await self._last_word()
        if not self.is_refused:
            self._is_over.set()

    def give_up(self) -> None:
        """Let go of whoever waits, once the worker drains and gives back whatever it is offered."""
        self._is_over.set()

    async def over(self) -> None:
        """Wait until the last word has come, or nobody waits for it any more."""
        await self._is_over.wait()
