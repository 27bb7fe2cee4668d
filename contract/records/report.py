"""The lines of the preflight's report: bootstrap writes them, launchers read them."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from contract.records.foreign_json import as_list, as_name, as_object, as_sentence, as_whole

_MOST_LINES = 200
_LONGEST_TEXT = 8000


class Mark(StrEnum):
    """How a check ended."""

    PASS = "pass"  # noqa: S105 - a mark, not a password
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"


@dataclass(frozen=True)
class ReportLine:
    """One check's line; `detail` may have one line per fault."""

    id: str
    title: str
    outcome: Mark
    detail: str
    hint: str
    elapsed_ms: int


def read_lines(report: object) -> tuple[ReportLine, ...]:
    """Read the lines of a report's JSON; whatever is no check's line is left out."""
    lines = (_line(fields) for fields in as_list(as_object(report).get("checks"), _MOST_LINES))
    return tuple(line for line in lines if line is not None)


def problems(lines: Sequence[ReportLine]) -> tuple[str, ...]:
    """Name what failed, by the check's id and what was found."""
    failed = (line for line in lines if line.outcome is Mark.FAIL)
    return tuple(f"{line.id}: {line.detail or line.title}" for line in failed)


def _line(value: object) -> ReportLine | None:
    fields = as_object(value)
    check_id, outcome = as_name(fields.get("id")), fields.get("outcome")
    if check_id is None or outcome not in tuple(Mark):
        return None
    return ReportLine(
        id=check_id,
        title=as_sentence(fields.get("title")),
        outcome=Mark(outcome),
        detail=as_sentence(fields.get("detail"), _LONGEST_TEXT),
        hint=as_sentence(fields.get("hint"), _LONGEST_TEXT),
        elapsed_ms=as_whole(fields.get("elapsed_ms")) or 0,
    )
