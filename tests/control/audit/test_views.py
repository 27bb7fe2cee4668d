"""What follows from an audit's findings, and how they are shown."""

import re
from html import unescape
from html.parser import HTMLParser

import pytest
from rich.console import Console

from contract.exits import ExitCode
from control.audit import page, text
from control.audit.findings import (
    PAIR_QUESTIONS,
    Audit,
    AuditedTenant,
    AuditFinding,
    AuditOutcome,
    Question,
    parse,
)

SUBJECTS = (
    AuditedTenant("acme", "acme.livekit.cloud", "0123456789abcdef", enabled=True),
    AuditedTenant("globex", "<globex>.internal", "fedcba9876543210", enabled=True),
    AuditedTenant("initech", "", "", enabled=False),
)


def audit(*findings: AuditFinding) -> Audit:
    return Audit(at=1_800_000_000.0, elapsed_ms=6_543, subjects=SUBJECTS, findings=findings)


def finding(outcome: AuditOutcome, question: Question = Question.KEY) -> AuditFinding:
    return AuditFinding(question, "acme", "globex", outcome, "the <project> says so & more")


@pytest.mark.parametrize(
    ("outcomes", "code"),
    [
        ((), ExitCode.OK),
        ((AuditOutcome.PROVEN,), ExitCode.OK),
        ((AuditOutcome.PROVEN, AuditOutcome.UNPROVEN), ExitCode.UNAVAILABLE),
        ((AuditOutcome.UNPROVEN, AuditOutcome.DISPROVEN), ExitCode.REFUSED),
    ],
)
def test_the_exit_code_is_that_of_the_worst_finding(
    outcomes: tuple[AuditOutcome, ...], code: ExitCode
) -> None:
    done = audit(*(finding(outcome) for outcome in outcomes))
    assert done.exit_code is code


def test_an_audit_is_read_back_as_it_was_written() -> None:
    done = audit(finding(AuditOutcome.PROVEN), finding(AuditOutcome.DISPROVEN, Question.ROOM))
    assert parse(done.as_json()) == done
    assert done.as_json()["verdict"] == "disproven"
    assert done.as_json()["counts"] == {"proven": 1, "disproven": 1, "unproven": 0}


def test_the_text_names_what_is_not_proven_with_its_cause_and_what_to_do() -> None:
    console = Console(width=120, record=True, file=None, quiet=False)
    with console.capture() as captured:
        console.print(
            text.render(
                audit(finding(AuditOutcome.PROVEN), finding(AuditOutcome.DISPROVEN, Question.ROOM))
            )
        )
    shown = captured.get()
    assert "✗ acme's worker refuses a room of globex's: the <project> says so" in shown
    assert "→ look at the worker's ROOM_PREFIX" in shown
    assert "disproven: 1 proven, 1 disproven, 0 unproven; 3 tenants in 6.5 s" in shown
    assert "acme's key is refused" not in shown


class Page(HTMLParser):
    """Collects a page's tags and what they load."""

    def __init__(self) -> None:
        super().__init__()
        self.cells = 0
        self.loads: list[str] = []
        self.tags: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.cells += tag == "td"
        self.loads += [value or "" for name, value in attrs if name in ("src", "href")]


def test_the_page_is_whole_by_itself_and_escapes_what_others_wrote() -> None:
    shown = page.render(
        audit(finding(AuditOutcome.PROVEN), finding(AuditOutcome.UNPROVEN, Question.CLAIM))
    )
    read = Page()
    read.feed(shown)
    assert read.loads == []
    assert not read.tags & {"script", "link", "img", "iframe", "project", "globex"}
    assert "url(" not in shown
    assert "@import" not in shown
    # Three tenants: project, key and four answers each; and a matrix of three by three.
    assert read.cells == 3 * 6 + 3 * 3
    assert "&lt;globex&gt;.internal" in shown
    assert "(disabled)" in shown


def test_the_page_tells_once_what_holds_of_several_others_alike() -> None:
    told = [
        AuditFinding(
            Question.ROOM, "acme", other, AuditOutcome.UNPROVEN, "its worker does not answer"
        )
        for other in ("globex", "initech")
    ]
    shown = page.render(audit(*told))
    assert shown.count("<li>") == 1
    assert "a room of globex's <span>(likewise: initech)</span>" in unescape(shown)


def test_a_cell_is_one_mark_when_all_is_proven_and_else_one_for_each_question() -> None:
    answers = [finding(AuditOutcome.PROVEN, question) for question in PAIR_QUESTIONS]
    assert ">✓</td>" in page.render(audit(*answers))
    mixed = page.render(
        audit(finding(AuditOutcome.PROVEN), finding(AuditOutcome.UNPROVEN, Question.CLAIM))
    )
    (cell,) = re.findall(r'<td class="mark unproven"[^>]*>(.*?)</td>', mixed)
    assert re.sub("<[^>]*>", "", cell) == "✓–?–"
