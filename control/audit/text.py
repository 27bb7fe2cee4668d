"""An audit for a person at a terminal: a matrix, then whatever is not proven, with its cause."""

from collections.abc import Sequence
from datetime import UTC, datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from contract.programs import CONTROL, WORKER
from control.audit.findings import (
    PAIR_QUESTIONS,
    TENANT_QUESTIONS,
    Audit,
    AuditedTenant,
    AuditFinding,
    AuditOutcome,
    Question,
    worst,
)

MARKS = {AuditOutcome.PROVEN: "✓", AuditOutcome.DISPROVEN: "✗", AuditOutcome.UNPROVEN: "?"}
_STYLES = {
    AuditOutcome.PROVEN: "green",
    AuditOutcome.DISPROVEN: "bold red",
    AuditOutcome.UNPROVEN: "yellow",
}
# More columns than this no terminal shows; the page does.
_WIDEST = 12


def render(audit: Audit) -> RenderableType:
    """Draw the whole audit."""
    parts: list[RenderableType] = [_tenants(audit)]
    if 1 < len(audit.subjects) <= _WIDEST:
        parts.append(_pairs(audit))
    parts += [_complaint(finding) for finding in unproven(audit)]
    headline = f"{audit.verdict.value}: {tally(audit)}"
    parts.append(Text(headline, style=_STYLES[audit.verdict]))
    return Group(*parts)


def unproven(audit: Audit) -> tuple[AuditFinding, ...]:
    """List what is not proven, the disproven first."""
    found = [finding for finding in audit.findings if finding.outcome is not AuditOutcome.PROVEN]
    return tuple(sorted(found, key=lambda finding: finding.outcome is AuditOutcome.UNPROVEN))


def tally(audit: Audit) -> str:
    """Count the answers, and say of how many tenants, how long it took and when."""
    counts = ", ".join(f"{audit.count(outcome)} {outcome.value}" for outcome in AuditOutcome)
    when = datetime.fromtimestamp(audit.at, UTC).strftime("%Y-%m-%d %H:%M UTC")
    many = f"{len(audit.subjects)} tenants"
    return f"{counts}; {many} in {audit.elapsed_ms / 1000:.1f} s, {when}"


def _tenants(audit: Audit) -> Table:
    table = Table("tenant", "project", "key", *(q.value for q in TENANT_QUESTIONS), box=None)
    for subject in audit.subjects:
        mine = [f for f in audit.findings if f.tenant == subject.id and f.other is None]
        marks = [_mark([f for f in mine if f.question is q]) for q in TENANT_QUESTIONS]
        table.add_row(subject.id, subject.project_host, subject.key_fingerprint, *marks)
    return table


def _pairs(audit: Audit) -> Table:
    """Draw one cell per ordered pair: its four answers in the order of the questions."""
    questions = " ".join(question.value for question in PAIR_QUESTIONS)
    table = Table("", *(subject.id for subject in audit.subjects), box=None, caption=questions)
    for subject in audit.subjects:
        cells = [_cell(audit, subject, other) for other in audit.subjects]
        table.add_row(subject.id, *cells)
    return table


def _cell(audit: Audit, subject: AuditedTenant, other: AuditedTenant) -> Text:
    if subject == other:
        return Text("·")
    pair = [f for f in audit.findings if (f.tenant, f.other) == (subject.id, other.id)]
    return Text().join(_mark([f for f in pair if f.question is q]) for q in PAIR_QUESTIONS)


def _mark(findings: Sequence[AuditFinding]) -> Text:
    if not findings:
        return Text("–")  # not asked: a disabled tenant has no worker to offer anything to
    outcome = worst(findings)
    return Text(MARKS[outcome], style=_STYLES[outcome])


def _complaint(finding: AuditFinding) -> Text:
    return Text.assemble(
        (f"{MARKS[finding.outcome]} ", _STYLES[finding.outcome]),
        f"{finding.title}: {finding.detail}",
        f"\n  → {HINTS[finding.question]}",
    )


HINTS = {
    Question.KEY: "give each tenant a project of its own; two keys of one server are one project",
    Question.ROOM: "look at the worker's ROOM_PREFIX and at what serves this agent name",
    Question.CLAIM: "look at the worker's CLAIM_POLICY and CLAIM_PUBLIC_KEY",
    Question.ELSEWHERE: "find the worker with this agent name on the other's project, and stop it",
    Question.CREDENTIALS: "make a new key in the tenant's own project and register that",
    Question.WORKER: f"look at `{CONTROL} status`; run `{WORKER} smoke`",
    Question.RIVALS: "find who else holds a key of this project, and stop it or revoke the key",
    Question.USAGE: "find out who wrote the records before the tenant is billed by them",
}
