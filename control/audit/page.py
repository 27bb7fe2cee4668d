"""An audit as one self-contained HTML page: what is not proven first, then the whole matrix."""

from collections.abc import Iterable, Sequence
from html import escape

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
from control.audit.text import HINTS, MARKS, tally, unproven

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfbf9; --line: #d6d8dc;
  --proven: #1f7a4d; --disproven: #b3261e; --unproven: #8a5a00; --faint: #eef0f2;
  --alarm: #fbe3e0; --doubt: #fdf0d2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --paper: #14171c; --line: #363c46;
  --proven: #5cc490; --disproven: #ff8a80; --unproven: #e8b04b; --faint: #1e232b;
  --alarm: #43201f; --doubt: #3a2e14; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 90rem; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
p { margin: .25rem 0 .75rem; max-width: 75rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
thead th { background: var(--faint); vertical-align: bottom; white-space: nowrap; }
tbody th { background: var(--faint); position: sticky; left: 0; }
tbody th, td.name { overflow-wrap: anywhere; min-width: 9rem; max-width: 20rem; }
td.mark { text-align: center; white-space: nowrap; }
.matrix td.mark { padding: .3rem .2rem; min-width: 1.4rem; }
.matrix thead th + th span { writing-mode: vertical-rl; rotate: 180deg; max-height: 19rem;
  overflow: hidden; text-overflow: ellipsis; }
.matrix thead th + th { text-align: center; padding: .5rem .2rem; }
.matrix tr:hover td, .matrix tr:hover th { box-shadow: inset 0 0 0 99rem #8882; }
.proven { color: var(--proven); } .none { opacity: .5; }
.disproven { color: var(--disproven); font-weight: 700; }
.unproven { color: var(--unproven); font-weight: 700; }
td.disproven { background: var(--alarm); } td.unproven { background: var(--doubt); }
.self { background: var(--faint); } li { margin: .6rem 0; overflow-wrap: anywhere; }
.hint { opacity: .8; }
"""


def render(audit: Audit) -> str:
    """Write the page; nothing in it is loaded from elsewhere, and nothing runs."""
    verdict = audit.verdict.value
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>Audit: {verdict}</title>
<style>{_STYLE}</style>
</head>
<body>
<h1 class="{verdict}">{MARKS[audit.verdict]} Isolation {verdict}</h1>
<p>{escape(tally(audit))}</p>
<p>Every answer was asked of the projects and the workers themselves.
A probe's attributes prove nothing against somebody who holds the project's key.</p>
{_complaints(audit)}
<h2>Tenants</h2>
<div class="scroll">{_tenants(audit)}</div>
<h2>Every ordered pair</h2>
<p>Row A, column B. {_legend()}</p>
<div class="scroll matrix">{_matrix(audit)}</div>
</body>
</html>
"""


def _legend() -> str:
    summary = {
        Question.KEY: "A's key at B's project",
        Question.ROOM: "a room of B's offered to A's worker",
        Question.CLAIM: "a claim for A presented to B",
        Question.ELSEWHERE: "A's worker on B's project",
    }
    asked = "; ".join(
        f"<b>{question.value}</b>: {summary[question]}" for question in PAIR_QUESTIONS
    )
    return (
        "One ✓: all four questions are proven. Else four marks in this order, "
        f"– for what was not asked. {asked}. Hover over a cell for its answers."
    )


def _complaints(audit: Audit) -> str:
    alike: dict[tuple[AuditOutcome, Question, str, str], list[AuditFinding]] = {}
    for finding in unproven(audit):
        key = (finding.outcome, finding.question, finding.tenant, finding.detail)
        alike.setdefault(key, []).append(finding)
    items = "".join(_complaint(findings) for findings in alike.values())
    return f"<h2>Not proven</h2><ul>{items}</ul>" if items else ""


def _complaint(alike: list[AuditFinding]) -> str:
    """Tell once what was found of one tenant in the same way with several others."""
    first, *more = alike
    others = ", ".join(finding.other or "" for finding in more)
    likewise = f" <span>(likewise: {escape(others)})</span>" if others else ""
    outcome = first.outcome.value
    return (
        f'<li><span class="{outcome}">{MARKS[first.outcome]} {outcome}:</span> '
        f"{escape(first.title)}{likewise}<br>{escape(first.detail)}"
        f'<br><span class="hint">→ {escape(HINTS[first.question])}</span></li>'
    )


def _tenants(audit: Audit) -> str:
    heads = ("tenant", "project", "key fingerprint", *(q.value for q in TENANT_QUESTIONS))
    rows = "".join(f"<tr>{_tenant_cells(audit, subject)}</tr>" for subject in audit.subjects)
    return _table(heads, rows)


def _tenant_cells(audit: Audit, subject: AuditedTenant) -> str:
    mine = [f for f in audit.findings if f.tenant == subject.id and f.other is None]
    note = "" if subject.enabled else " (disabled)"
    named = (
        f'<th scope="row">{escape(subject.id)}{note}</th>'
        f'<td class="name">{escape(subject.project_host)}</td>'
        f"<td><code>{escape(subject.key_fingerprint)}</code></td>"
    )
    return named + "".join(_cell(mine, [question]) for question in TENANT_QUESTIONS)


def _matrix(audit: Audit) -> str:
    answers: dict[tuple[str, str | None], list[AuditFinding]] = {}
    for finding in audit.findings:
        answers.setdefault((finding.tenant, finding.other), []).append(finding)
    rows = ""
    for subject in audit.subjects:
        cells = "".join(
            '<td class="self"></td>'
            if subject == other
            else _cell(answers.get((subject.id, other.id), []), PAIR_QUESTIONS)
            for other in audit.subjects
        )
        rows += f'<tr><th scope="row">{escape(subject.id)}</th>{cells}</tr>'
    return _table(("A \\ B", *(subject.id for subject in audit.subjects)), rows)


def _table(heads: Iterable[str], rows: str) -> str:
    cells = "".join(
        f'<th scope="col" title="{escape(head)}"><span>{escape(head)}</span></th>' for head in heads
    )
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(findings: Sequence[AuditFinding], questions: Sequence[Question]) -> str:
    asked = {finding.question: finding for finding in findings if finding.question in questions}
    if not asked:
        return '<td class="mark none" title="not asked">–</td>'
    outcome = worst(asked.values())
    is_plain = outcome is AuditOutcome.PROVEN and len(asked) == len(questions)
    marks = MARKS[outcome] if is_plain else "".join(_mark(asked.get(q)) for q in questions)
    hover = "\n".join(f"{q.value}: {f.outcome.value}, {f.detail}" for q, f in asked.items())
    return f'<td class="mark {outcome.value}" title="{escape(hover)}">{marks}</td>'


def _mark(finding: AuditFinding | None) -> str:
    if finding is None:
        return '<span class="none">–</span>'
    return f'<span class="{finding.outcome.value}">{MARKS[finding.outcome]}</span>'
