"""The preflight's report: what every check answered, and what follows from it. And its JSON."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, cast

from bootstrap.preflight.check import Edition
from contract.exits import ExitCode
from contract.records.report import Mark, ReportLine

SCHEMA = 1


@dataclass(frozen=True)
class Report:
    """What a preflight found; holds fingerprints, never keys, secrets or tokens."""

    tenant: str | None
    host: str | None
    edition: Edition | None
    key_fingerprint: str | None
    exit_code: ExitCode
    elapsed_ms: int
    lines: tuple[ReportLine, ...]

    @property
    def verdict(self) -> Literal["pass", "fail"]:
        """Say whether the tenant may be served."""
        return "pass" if self.exit_code is ExitCode.OK else "fail"

    @property
    def faults(self) -> tuple[ReportLine, ...]:
        """The lines that failed."""
        return tuple(line for line in self.lines if line.outcome is Mark.FAIL)

    @property
    def warnings(self) -> tuple[ReportLine, ...]:
        """The lines that warn."""
        return tuple(line for line in self.lines if line.outcome is Mark.WARN)

    def as_dict(self) -> dict[str, Any]:
        """Give the report as docs/report.schema.json describes it."""
        return {
            "schema": SCHEMA,
            "tenant": self.tenant,
            "project": {
                "host": self.host,
                "edition": self.edition,
                "key_fingerprint": self.key_fingerprint,
            },
            "verdict": self.verdict,
            "exit_code": int(self.exit_code),
            "elapsed_ms": self.elapsed_ms,
            "checks": [asdict(line) for line in self.lines],
        }


def render_json(report: Report) -> str:
    """Write the report as one JSON object, for a machine."""
    return json.dumps(report.as_dict(), indent=2, ensure_ascii=False)


def from_dict(fields: Mapping[str, Any]) -> Report:
    """Read what `as_dict` gave; KeyError, TypeError or ValueError when it is no report."""
    project = fields["project"]
    return Report(
        tenant=fields["tenant"],
        host=project["host"],
        edition=cast("Edition | None", project["edition"]),
        key_fingerprint=project["key_fingerprint"],
        exit_code=ExitCode(fields["exit_code"]),
        elapsed_ms=fields["elapsed_ms"],
        lines=tuple(_line(line) for line in fields["checks"]),
    )


def _line(fields: Mapping[str, Any]) -> ReportLine:
    return ReportLine(**{**fields, "outcome": Mark(fields["outcome"])})
