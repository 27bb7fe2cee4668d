"""The preflight gate: offers wait for a final report that comes after the worker has begun."""

import asyncio

from contract.exits import ExitCode
from worker.configuration import Configuration


class PreflightGate:
    """Whether calls may be taken: `report` is the preflight's, as far as it is complete.

    `exit_code` follows from the final one, and is None before.
    """

    def __init__(self, configuration: Configuration) -> None:
        self._final_report = configuration.final_report
        self._is_over = asyncio.Event()
        self.report = configuration.report
        self.exit_code: ExitCode | None = None
        if self._final_report is None:
            self.exit_code = ExitCode.OK
            self._is_over.set()

    @property
    def is_pending(self) -> bool:
        """Tell whether the final report is still to come."""
        return not self._is_over.is_set()

    @property
    def is_refused(self) -> bool:
        """Tell whether by the final report nobody may be served."""
        return self.exit_code not in (None, ExitCode.OK)

    async def watch(self) -> None:
        """Wait for the final report; if calls may be taken, let go of whoever waits for it."""
        if self._final_report is not None:
            self.report, self.exit_code = await self._final_report()
        if not self.is_refused:
            self._is_over.set()

    def give_up(self) -> None:
        """Let go of whoever waits, once the worker drains and gives back whatever it is offered."""
        self._is_over.set()

    async def over(self) -> None:
        """Wait until the final report has come, or nobody waits for it any more."""
        await self._is_over.wait()
