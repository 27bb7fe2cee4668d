"""Runs the tests that pin the SDK's private names; writes what is gone to a file, as Markdown."""

import sys
from importlib.metadata import distributions
from pathlib import Path

import pytest

# Forking is tried with the other tests: it can fail for more than a name.
_CHOICE = "private_names and not integration"
_REASON_LENGTH = 240


class Failures:
    """What pytest tells of tests and modules that failed, a line of Markdown each."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Note a test that failed."""
        self._note(report)

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """Note a module that cannot be imported: so fails what imports a name that is gone."""
        self._note(report)

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.failed:
            # pytest begins with E what went wrong.
            lines = (line for line in report.longreprtext.splitlines() if line.startswith("E "))
            reason = next(lines, "E no reason told")[1:].strip().replace("`", "'")
            self.lines.append(f"- `{report.nodeid}`: `{reason[:_REASON_LENGTH]}`")


def main(path: Path, *tests: str) -> int:
    """Run what is marked there, write the file if anything is gone, and give pytest's exit code."""
    failures = Failures()
    options = ["-q", "-p", "no:cacheprovider", "--continue-on-collection-errors"]
    code = pytest.main([*options, "-m", _CHOICE, *tests], plugins=[failures])
    if failures.lines:
        about = f"Private names that the worker uses are not as they were, with {_packages()}:"
        path.write_text("\n".join([about, "", *failures.lines, ""]), encoding="utf-8")
    return int(code)


def _packages() -> str:
    installed = {f"{each.name} {each.version}" for each in distributions()}
    return ", ".join(sorted(each for each in installed if each.startswith("livekit")))


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), *sys.argv[2:]))
