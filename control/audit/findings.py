"""What an audit asks, what it found, and what follows from it: plain data."""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from contract.exits import ExitCode

SCHEMA = 1


class Question(StrEnum):
    """What is asked; the first four of an ordered pair of tenants, the others of one."""

    KEY = "key"
    ROOM = "room"
    CLAIM = "claim"
    ELSEWHERE = "elsewhere"
    CREDENTIALS = "credentials"
    WORKER = "worker"
    RIVALS = "rivals"
    USAGE = "usage"


PAIR_QUESTIONS = (Question.KEY, Question.ROOM, Question.CLAIM, Question.ELSEWHERE)
TENANT_QUESTIONS = (Question.CREDENTIALS, Question.WORKER, Question.RIVALS, Question.USAGE)

# The good state, with {a} the tenant and {b} the other of a pair.
TITLES = {
    Question.KEY: "{a}'s key is refused at {b}'s project",
    Question.ROOM: "{a}'s worker refuses a room of {b}'s",
    Question.CLAIM: "{b}'s worker refuses a claim made for {a}",
    Question.ELSEWHERE: "no worker of {a}'s is on {b}'s project",
    Question.CREDENTIALS: "{a}'s key is its own alone",
    Question.WORKER: "{a}'s worker answers on its own project",
    Question.RIVALS: "nobody else takes {a}'s dispatches",
    Question.USAGE: "{a}'s usage records are of its own project",
}


class AuditOutcome(StrEnum):
    """Whether the good state was seen, its opposite, or neither."""

    PROVEN = "proven"
    DISPROVEN = "disproven"
    UNPROVEN = "unproven"


@dataclass(frozen=True)
class AuditFinding:
    """One answer; `other` is the second tenant of a pair."""

    question: Question
    tenant: str
    other: str | None
    outcome: AuditOutcome
    detail: str

    @property
    def title(self) -> str:
        """Say the good state that was asked for."""
        return TITLES[self.question].format(a=self.tenant, b=self.other)


@dataclass(frozen=True)
class AuditedTenant:
    """A tenant as the audit shows it: no secrets."""

    id: str
    project_host: str
    key_fingerprint: str
    enabled: bool


@dataclass(frozen=True)
class Audit:
    """All answers of one run; `at` in Unix seconds."""

    at: float
    elapsed_ms: int
    subjects: tuple[AuditedTenant, ...]
    findings: tuple[AuditFinding, ...]

    def count(self, outcome: AuditOutcome) -> int:
        """Count the findings of an outcome."""
        return sum(finding.outcome is outcome for finding in self.findings)

    @property
    def exit_code(self) -> ExitCode:
        """Give 77 when anything is disproven, else 69 when anything is unproven, else 0."""
        if self.count(AuditOutcome.DISPROVEN):
            return ExitCode.REFUSED
        return ExitCode.UNAVAILABLE if self.count(AuditOutcome.UNPROVEN) else ExitCode.OK

    @property
    def verdict(self) -> AuditOutcome:
        """Say the worst outcome."""
        if self.exit_code is ExitCode.OK:
            return AuditOutcome.PROVEN
        is_refuted = self.exit_code is ExitCode.REFUSED
        return AuditOutcome.DISPROVEN if is_refuted else AuditOutcome.UNPROVEN

    def as_json(self) -> dict[str, Any]:
        """Give the audit as plain JSON values."""
        return {
            "schema": SCHEMA,
            "at": self.at,
            "elapsed_ms": self.elapsed_ms,
            "verdict": self.verdict.value,
            "exit_code": int(self.exit_code),
            "counts": {outcome.value: self.count(outcome) for outcome in AuditOutcome},
            "tenants": [asdict(subject) for subject in self.subjects],
            "findings": [asdict(finding) | {"title": finding.title} for finding in self.findings],
        }


def parse(fields: dict[str, Any]) -> Audit:
    """Read back what `as_json` wrote."""
    return Audit(
        at=fields["at"],
        elapsed_ms=fields["elapsed_ms"],
        subjects=tuple(AuditedTenant(**subject) for subject in fields["tenants"]),
        findings=tuple(_finding(finding) for finding in fields["findings"]),
    )


def _finding(fields: dict[str, Any]) -> AuditFinding:
    return AuditFinding(
        question=Question(fields["question"]),
        tenant=fields["tenant"],
        other=fields["other"],
        outcome=AuditOutcome(fields["outcome"]),
        detail=fields["detail"],
    )


def worst(findings: Iterable[AuditFinding]) -> AuditOutcome:
    """Give the worst outcome among some findings; proven when there is none."""
    outcomes = {finding.outcome for finding in findings}
    for outcome in (AuditOutcome.DISPROVEN, AuditOutcome.UNPROVEN):
        if outcome in outcomes:
            return outcome
    return AuditOutcome.PROVEN
