"""How a command ends when something went wrong: which exit code, and what a person is told."""

import logging
import os
import signal
import sys
import traceback
from dataclasses import dataclass

from contract.exits import ExitCode
from contract.records.log_record import mask
from contract.settings.findings import Finding, Findings
from project import faults


class Interrupted(BaseException):
    """A signal asks the command to end; whoever lets it pass puts its things away.

    No Exception: a library that catches all of them around an import must not swallow it.
    """

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.number = number


class UnusableSetting(Exception):
    """Settings that turn out unusable only when they are used: a busy port, a locked folder."""

    def __init__(self, *findings: Finding) -> None:
        super().__init__("; ".join(str(finding) for finding in findings))
        self.findings = findings


class UsageFault(Exception):
    """A command line that says nothing we know; holds what argparse has to say about it."""


@dataclass(frozen=True)
class ExitMessage:
    """An exit code and the lines that explain it."""

    code: ExitCode
    lines: tuple[str, ...]


def of_findings(findings: Findings | tuple[Finding, ...]) -> ExitMessage:
    """End because of settings: one line per fault, all at once."""
    lines = tuple(f"{'warning: ' if finding.is_warning else ''}{finding}" for finding in findings)
    return ExitMessage(ExitCode.CONFIG, lines)


def of_error(error: Exception, *, shows_traceback: bool = False) -> ExitMessage:
    """Map any error to its exit code; one that is not foreseen is a fault of ours (70).

    The traceback, which may quote what a library was given, is only for whoever debugs.
    """
    if isinstance(error, UsageFault):
        # Permanent as a wrong setting is: another start with the same words changes nothing.
        return ExitMessage(ExitCode.CONFIG, (str(error),))
    if isinstance(error, UnusableSetting):
        return of_findings(error.findings)
    if isinstance(error, faults.ProjectFault):
        return ExitMessage(_code_of_fault(error), (f"{error}. {error.hint}",))
    what = mask(" ".join(f"{type(error).__name__}: {error}".split()))
    hint = "this is a fault of ours; LOG_LEVEL=DEBUG shows where, please report it with that"
    lines = [f"{what[:300]} ({hint})"]
    if shows_traceback:
        lines.append(mask("".join(traceback.format_exception(error))).rstrip())
    return ExitMessage(ExitCode.SOFTWARE, tuple(lines))


def _code_of_fault(fault: faults.ProjectFault) -> ExitCode:
    if isinstance(fault, faults.TokenTimeFault):
        return ExitCode.UNAVAILABLE  # a clock that is set right heals it: no person at the settings
    if isinstance(fault, faults.Refused | faults.ForeignToken):
        return ExitCode.REFUSED
    if isinstance(fault, faults.NotLiveKit):
        return ExitCode.CONFIG
    return ExitCode.UNAVAILABLE


def tell(ending: ExitMessage) -> ExitCode:
    """Write an ending's lines to standard error and give its code."""
    for line in ending.lines:
        print(line, file=sys.stderr)
    sys.stderr.flush()
    return ending.code


def die_by(number: int) -> int:
    """End as the signal would have ended the process, so that a shell sees it; PID 1 cannot."""
    logging.shutdown()
    sys.stdout.flush()
    signal.signal(number, signal.SIG_DFL)
    os.kill(os.getpid(), number)
    return 128 + number
