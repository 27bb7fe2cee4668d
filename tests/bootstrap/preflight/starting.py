"""The container's program with its live checks, without, or with more patience for rivals.

Usage: starting.py with|without|patient COMMAND …
"""

import socket
import sys
from types import TracebackType
from typing import Self

from bootstrap import command_line
from bootstrap.preflight import process
from bootstrap.preflight.checks import place
from bootstrap.preflight.process import ReportSoFar
from bootstrap.preflight.report import Report
from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode


class Unasked:
    """Stands where the preflight's process would: nothing is forked or asked, all is well."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def next_report(self) -> ReportSoFar:
        """Give a report without a single question."""
        report = Report("acme", None, "self-hosted", None, ExitCode.OK, 0, ())
        return ReportSoFar(report, is_final=True)

    def close(self) -> None:
        """Nothing was begun."""


def begin(listener: socket.socket, settings: WorkerSettings, *, proxy: str | None) -> Unasked:
    """Take the place of the preflight's process."""
    return Unasked()


if __name__ == "__main__":
    if sys.argv[1] == "without":
        process.begin = begin  # type: ignore[assignment]  # it has all that `run` asks of it
    if sys.argv[1] == "patient":
        place._PATIENCE_SECONDS = 4.0  # this machine may be busy, and a rival slow
    sys.exit(command_line.main(sys.argv[2:]))
