"""A check is data: a stable id, the sentence of the good state, what it needs, and what to do."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Literal

from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode
from contract.records.report import Mark
from contract.settings.findings import Finding, Findings
from project.connection import Project
from project.faults import ProjectFault, Refused

Edition = Literal["cloud", "self-hosted"]
# One request of a check. With the whole preflight's limit it keeps the worst case under 15 s.
REQUEST_SECONDS = 2.5
# The check that does nothing but wait for whoever comes: a start need not wait with it.
LAST = "project.rivals"


@dataclass(frozen=True)
class CheckOutcome:
    """A check's answer; `hint` and `exit_code` are given where this fault differs from the rest."""

    mark: Mark
    detail: str
    hint: str = ""
    exit_code: ExitCode | None = None


def passed(detail: str) -> CheckOutcome:
    """The good state holds."""
    return CheckOutcome(Mark.PASS, detail)


def warned(detail: str, hint: str = "") -> CheckOutcome:
    """The good state holds for now, or could not be told for certain."""
    return CheckOutcome(Mark.WARN, detail, hint)


def failed(detail: str, hint: str = "", exit_code: ExitCode | None = None) -> CheckOutcome:
    """The good state does not hold."""
    return CheckOutcome(Mark.FAIL, detail, hint, exit_code)


def skipped(reason: str) -> CheckOutcome:
    """The question was not asked."""
    return CheckOutcome(Mark.SKIP, reason)


def failed_by(fault: ProjectFault) -> CheckOutcome:
    """A project's fault, in its own words; what it refuses (401, 403) is never a matter of time."""
    code = ExitCode.REFUSED if isinstance(fault, Refused) else None
    return failed(str(fault), fault.hint, code)


@dataclass
class Facts:
    """What one check found and a later one builds on."""

    addresses: tuple[str, ...] = ()
    address: str = ""
    edition: Edition | None = None
    skew_seconds: float | None = None
    wrong_secret: ProjectFault | None = None
    models_status: int = 0
    models_body: bytes = b""


class CheckContext:
    """One preflight: the settings or what is wrong with them, and the facts found so far."""

    def __init__(self, read_settings: WorkerSettings | Findings, proxy: str | None) -> None:
        self.read_settings = read_settings
        self.proxy = proxy
        self.facts = Facts()

    @property
    def settings(self) -> WorkerSettings:
        """The settings, for checks that need `settings.*`."""
        if isinstance(self.read_settings, Findings):
            raise RuntimeError("this check needs the settings.* checks")
        return self.read_settings

    @property
    def findings(self) -> tuple[Finding, ...]:
        """What reading the settings found, faults and warnings."""
        return (
            self.read_settings.all
            if isinstance(self.read_settings, Findings)
            else self.read_settings.findings
        )

    def project(self) -> Project:
        """A connection to the tenant's project, to be opened with `async with`."""
        return Project(self.settings.credentials, REQUEST_SECONDS, self.proxy)


@dataclass(frozen=True)
class Check:
    """One question asked before start; `choice` names the setting that can soften or drop it."""

    id: str
    title: str
    deadline_seconds: float
    exit_code: ExitCode
    ask: Callable[[CheckContext], Awaitable[CheckOutcome]]
    needs: tuple[str, ...]
    hint: str
    choice: Literal["", "rival_check", "provider_check"] = ""
