"""`python -m tests`: every test, in two passes, and one summary at the very end.

Most tests wait for programs that they have started, so they run side by side. Those marked `alone`
measure, or take all CPU: they follow one after another. Arguments are paths, for both passes.
"""

import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import pytest

# On two cores these take each other's CPU, and nothing is gained; four or more are used well.
_SIDE_BY_SIDE = ("-m", "not alone", "-n", "4", "--dist", "loadgroup", "--no-loadscope-reorder")
_ALONE = ("-m", "alone")
_SLOWEST = 15
_WELL = (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED)
_OUTCOMES = {"failure": "failed", "error": "failed", "skipped": "skipped"}


@dataclass(frozen=True)
class TestResult:
    """How one test ended, and how many seconds it took with its fixtures."""

    name: str
    outcome: str
    seconds: float


@dataclass(frozen=True)
class Pass:
    """One run of pytest; `results` is empty when it broke off before it could tell."""

    name: str
    exit_code: int
    seconds: float
    results: tuple[TestResult, ...]

    @property
    def is_well(self) -> bool:
        """Tell whether nothing failed."""
        return self.exit_code in _WELL

    def summary(self) -> str:
        """Say how it went, as pytest does."""
        counts = Counter(result.outcome for result in self.results)
        told = ", ".join(f"{counts[outcome]} {outcome}" for outcome in sorted(counts))
        end = "" if self.is_well else f", exit code {self.exit_code}"
        return f"{told or 'no tests'} in {self.seconds:.0f} s{end}"


def main(arguments: Sequence[str]) -> int:
    """Run both passes; gives 0 when both went well and there was a test at all."""
    # The pass that runs hears Ctrl-C as well, and puts its things away.
    signal.signal(signal.SIGINT, lambda *_: None)
    began = time.monotonic()
    passes = [_run("side by side", [*_SIDE_BY_SIDE, *arguments])]
    if passes[-1].exit_code != pytest.ExitCode.INTERRUPTED:
        passes.append(_run("alone", [*_ALONE, *arguments]))
    results = tuple(result for one in passes for result in one.results)
    is_well = bool(results) and all(one.is_well for one in passes)
    whole = Pass("all", int(not is_well), time.monotonic() - began, results)
    print(_told(passes, whole))
    return whole.exit_code


def _run(name: str, options: Sequence[str]) -> Pass:
    print(f"\n==> tests that run {name}", flush=True)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        report = Path(folder, "report.xml")
        # The slowest of both passes stand in the summary.
        command = [sys.executable, "-m", "pytest", "-q", "--override-ini=addopts=-ra"]
        ran = subprocess.run([*command, f"--junitxml={report}", *options])
        results = _read(report) if report.exists() else ()
    return Pass(name, ran.returncode, time.monotonic() - began, results)


def _read(report: Path) -> tuple[TestResult, ...]:
    cases = ElementTree.parse(report).iter("testcase")
    return tuple(map(_result, cases))


def _result(case: ElementTree.Element) -> TestResult:
    file = case.get("classname", "").replace(".", "/")
    outcome = next((_OUTCOMES[child.tag] for child in case if child.tag in _OUTCOMES), "passed")
    return TestResult(f"{file}.py::{case.get('name')}", outcome, float(case.get("time", 0)))


def _told(passes: Sequence[Pass], whole: Pass) -> str:
    slowest = sorted(whole.results, key=lambda result: -result.seconds)[:_SLOWEST]
    failed = [result for result in whole.results if result.outcome == "failed"]
    return "\n".join(
        [
            f"\n==> the slowest {len(slowest)}",
            *(f"{result.seconds:7.1f} s  {result.name}" for result in slowest),
            "\n==> summary",
            *(f"FAILED {result.name}" for result in failed),
            *(f"{one.name}: {one.summary()}" for one in passes),
            f"both: {whole.summary()}",
        ]
    )


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
