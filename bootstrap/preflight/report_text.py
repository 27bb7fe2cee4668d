"""The report for a person: a line per check, then each fault's cause and cure, in 80 columns."""

import textwrap
from typing import TextIO

from bootstrap.preflight.check import Check, CheckOutcome
from bootstrap.preflight.report import Report
from contract.records.report import Mark, ReportLine

_COLUMNS = 80
_TIME_COLUMNS = 9
_CLEAR = "\r\x1b[2K"
_SIGNS = {Mark.PASS: "✓", Mark.WARN: "!", Mark.FAIL: "✗", Mark.SKIP: "-"}
_PLAIN_SIGNS = {Mark.PASS: "+", Mark.WARN: "!", Mark.FAIL: "x", Mark.SKIP: "-"}
_COLOURS = {Mark.PASS: "32", Mark.WARN: "33", Mark.FAIL: "31", Mark.SKIP: "2"}


def render_text(report: Report, *, in_colour: bool = False, encoding: str = "utf-8") -> str:
    """Write the report for a person; `in_colour` is for a terminal that is one."""
    page = _Page(in_colour, _signs(encoding))
    parts = [
        _heading(report),
        "",
        *(page.line(line) for line in report.lines),
        *page.explanations(report),
        "",
        _closing(report),
    ]
    text = "\n".join(parts)
    return text.encode(encoding, "replace").decode(encoding)


def is_colourful(stream: TextIO) -> bool:
    """Tell whether colour would be seen as such: only on a terminal."""
    return stream.isatty()


class LiveLine:
    """One line of a terminal that says what is being asked, and is gone when all is answered."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._asked: dict[str, str] = {}

    def __call__(self, check: Check, outcome: CheckOutcome | None) -> None:
        """Take up that a check began (None), or that it ended."""
        if outcome is None:
            self._asked[check.id] = check.title
        else:
            self._asked.pop(check.id, None)
        if not self._stream.isatty():
            return
        titles = "; ".join(self._asked.values())
        text = f"… {titles}" if titles else ""
        self._stream.write(_CLEAR + text[: _COLUMNS - 1])
        self._stream.flush()


class _Page:
    def __init__(self, in_colour: bool, signs: dict[Mark, str]) -> None:
        self._in_colour, self._signs = in_colour, signs

    def line(self, line: ReportLine) -> str:
        time = "" if line.outcome is Mark.SKIP else f"{line.elapsed_ms} ms"
        title = line.title[: _COLUMNS - _TIME_COLUMNS - 2]
        return f"{self._sign(line.outcome)} {title:<{_COLUMNS - _TIME_COLUMNS - 2}}{time:>9}"

    def explanations(self, report: Report) -> list[str]:
        parts: list[str] = []
        for line in (*report.faults, *report.warnings):
            cause = [text for fault in line.detail.split("\n") for text in _wrap(fault, "    ")]
            cure = _wrap(f"-> {line.hint}", "    ", "       ")
            parts += ["", f"{self._sign(line.outcome)} {line.id}", *cause, *cure]
        return parts

    def _sign(self, mark: Mark) -> str:
        sign = self._signs[mark]
        return f"\x1b[{_COLOURS[mark]}m{sign}\x1b[0m" if self._in_colour else sign


def _signs(encoding: str) -> dict[Mark, str]:
    try:
        "".join(_SIGNS.values()).encode(encoding)
    except (UnicodeEncodeError, LookupError):
        return _PLAIN_SIGNS
    return _SIGNS


def _heading(report: Report) -> str:
    edition = f" ({report.edition})" if report.edition else ""
    key = f", key {report.key_fingerprint}" if report.key_fingerprint else ""
    about = f"{report.tenant or 'no tenant'} on {report.host or 'no project'}{edition}{key}"
    return "\n".join(_wrap(about, ""))


def _closing(report: Report) -> str:
    counts = {mark: sum(line.outcome is mark for line in report.lines) for mark in Mark}
    words = {Mark.PASS: "passed", Mark.WARN: "warned", Mark.FAIL: "failed", Mark.SKIP: "skipped"}
    tally = ", ".join(f"{counts[mark]} {words[mark]}" for mark in Mark if counts[mark])
    code = int(report.exit_code)
    return f"{report.verdict}: exit code {code}, {tally}, in {report.elapsed_ms / 1000:.1f} s"


def _wrap(text: str, first: str, rest: str | None = None) -> list[str]:
    return textwrap.wrap(
        text,
        _COLUMNS,
        initial_indent=first,
        subsequent_indent=first if rest is None else rest,
        break_on_hyphens=False,
    )
