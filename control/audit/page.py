"""An audit as one self-contained HTML page: what is not proven first, then the whole matrix."""

from collections.abc import Iterable
from html import escape

from control.audit.findings import (
    PAIR_QUESTIONS,
    TENANT_QUESTIONS,
    Audit,
    Finding,
    Question,
    Subject,
    worst,
)
from control.audit.text import HINTS, MARKS, conclusion, unproven

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2430; --paper: #fbfbf9; --line: #d6d8dc;
  --proven: #1f7a4d; --disproven: #b3261e; --unproven: #8a5a00; --faint: #eef0f2; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6e8ec; --paper: #14171c; --line: #363c46;
  --proven: #5cc490; --disproven: #ff8a80; --unproven: #e8b04b; --faint: #1e232b; } }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  margin: 2rem auto; max-width: 90rem; padding: 0 1.5rem; }
h1 { font-size: 1.5rem; margin: 0 0 .25rem; } h2 { font-size: 1.1rem; margin: 2rem 0 .5rem; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
th, td { border: 1px solid var(--line); padding: .3rem .6rem; text-align: left; }
th, td { white-space: nowrap; }
thead th { background: var(--faint); } tbody th { background: var(--faint); }
code { font-size: .85rem; } .proven { color: var(--proven); } .none { opacity: .5; }
.disproven { color: var(--disproven); font-weight: 700; }
.unproven { color: var(--unproven); font-weight: 700; }
td.proven, td.unproven, td.disproven { letter-spacing: .15em; }
.self { background: var(--faint); } li { margin: .4rem 0; } .hint { opacity: .8; }
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
<h1 class="{verdict}">{MARKS[audit.verdict]} {escape(conclusion(audit))}</h1>
<p>Every answer was asked of the projects and the workers themselves.
A probe's attributes prove nothing against somebody who holds the project's key.</p>
{_complaints(audit)}
<h2>Tenants</h2>
<div class="scroll">{_tenants(audit)}</div>
<h2>Every ordered pair</h2>
<p>Row A, column B; four marks each: {_legend()}.</p>
<div class="scroll">{_matrix(audit)}</div>
</body>
</html>
"""


def _legend() -> str:
    said = {
        Question.KEY: "A's key at B's project",
        Question.ROOM: "a room of B's offered to A's worker",
        Question.CLAIM: "a claim for A presented to B",
        Question.ELSEWHERE: "A's worker on B's project",
    }
    return "; ".join(f"<b>{question.value}</b>: {said[question]}" for question in PAIR_QUESTIONS)


def _complaints(audit: Audit) -> str:
    items = "".join(
        f'<li><span class="{finding.outcome.value}">{MARKS[finding.outcome]} '
        f"{finding.outcome.value}</span> {escape(finding.title)}: {escape(finding.detail)}"
        f'<br><span class="hint">→ {escape(HINTS[finding.question])}</span></li>'
        for finding in unproven(audit)
    )
    return f"<h2>Not proven</h2><ul>{items}</ul>" if items else ""


def _tenants(audit: Audit) -> str:
    heads = ("tenant", "project", "key fingerprint", *(q.value for q in TENANT_QUESTIONS))
    rows = "".join(f"<tr>{_tenant_cells(audit, subject)}</tr>" for subject in audit.subjects)
    return _table(heads, rows)


def _tenant_cells(audit: Audit, subject: Subject) -> str:
    mine = [f for f in audit.findings if f.tenant == subject.id and f.other is None]
    note = "" if subject.enabled else " (disabled)"
    named = (
        f'<th scope="row">{escape(subject.id)}{note}</th><td>{escape(subject.project_host)}</td>'
        f"<td><code>{escape(subject.key_fingerprint)}</code></td>"
    )
    return named + "".join(_cell([f for f in mine if f.question is q]) for q in TENANT_QUESTIONS)


def _matrix(audit: Audit) -> str:
    answers: dict[tuple[str, str | None], list[Finding]] = {}
    for finding in audit.findings:
        answers.setdefault((finding.tenant, finding.other), []).append(finding)
    rows = ""
    for subject in audit.subjects:
        cells = "".join(
            '<td class="self"></td>' if subject == other else _cell(answers.get(pair, []))
            for other in audit.subjects
            for pair in [(subject.id, other.id)]
        )
        rows += f'<tr><th scope="row">{escape(subject.id)}</th>{cells}</tr>'
    return _table(("A \\ B", *(subject.id for subject in audit.subjects)), rows)


def _table(heads: Iterable[str], rows: str) -> str:
    cells = "".join(f'<th scope="col">{escape(head)}</th>' for head in heads)
    return f"<table><thead><tr>{cells}</tr></thead><tbody>{rows}</tbody></table>"


def _cell(findings: list[Finding]) -> str:
    if not findings:
        return '<td class="none" title="not asked">–</td>'
    ordered = sorted(findings, key=lambda f: list(Question).index(f.question))
    marks = "".join(f'<span class="{f.outcome.value}">{MARKS[f.outcome]}</span>' for f in ordered)
    hover = "\n".join(f"{f.question.value}: {f.outcome.value}, {f.detail}" for f in ordered)
    return f'<td class="{worst(findings).value}" title="{escape(hover)}">{marks}</td>'
