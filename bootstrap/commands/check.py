"""`check`: ask every question, and report to a person or to a machine."""

import logging
import sys

from bootstrap import agent_code, environment, interruptions, scrubbing
from bootstrap.preflight import run
from bootstrap.preflight.report import Report, render_json
from bootstrap.preflight.report_text import LiveLine, is_colourful, render_text
from bootstrap.settings.settings import WorkerSettings
from contract.exits import ExitCode
from contract.settings.findings import Findings

_log = logging.getLogger("bootstrap")


def check(read_settings: WorkerSettings | Findings, *, as_json: bool) -> ExitCode:
    """Run the preflight, write its report to standard output and give its exit code.

    Raises:
        Interrupted: a signal came; nothing is left behind.
    """
    if isinstance(read_settings, WorkerSettings):
        scrubbing.scrub(read_settings)
        code = read_settings.agent.code
        if code and (fault := agent_code.find_fault(code, read_settings.secrets())):
            read_settings = read_settings.spoiled_by(fault)
    live = LiveLine(sys.stderr)
    report = interruptions.run(
        run.run(read_settings, proxy=environment.proxy(), on_progress=live),
    )
    print(render_json(report) if as_json else _text(report), flush=True)
    return report.exit_code


def record(report: Report, settings: WorkerSettings, *, but: str = "") -> None:
    """Log a report as one record; on a terminal a person gets the page as well if it failed.

    `but` names a check that has not answered yet.
    """
    faults = [f"{line.id}: {line.detail} ({line.hint})" for line in report.faults]
    every = f"every check but {but}" if but else "every check"
    recorded = "; ".join(faults) or f"{every} answered in {report.elapsed_ms / 1000:.1f} s"
    extra = {"report": report.as_dict()} if settings.host.log_format == "json" else {}
    level = logging.INFO if report.verdict == "pass" else logging.ERROR
    _log.log(level, "preflight %s: %s", report.verdict, recorded, extra=extra)
    for line in report.warnings:
        _log.warning("%s: %s (%s)", line.id, line.detail, line.hint)
    if report.verdict == "fail" and settings.host.log_format == "text":
        print(_text(report), file=sys.stderr, flush=True)


def record_rest(report: Report, recorded: Report, settings: WorkerSettings) -> None:
    """Log what a report that is complete by now says beyond the one that was recorded."""
    if report.verdict == "fail":
        record(report, settings)
        return
    for line in report.lines:
        if line not in recorded.lines:
            level = logging.WARNING if line.hint else logging.INFO
            _log.log(level, "%s: %s%s", line.id, line.detail, line.hint and f" ({line.hint})")


def _text(report: Report) -> str:
    encoding = sys.stdout.encoding or "utf-8"
    return render_text(report, in_colour=is_colourful(sys.stdout), encoding=encoding)
