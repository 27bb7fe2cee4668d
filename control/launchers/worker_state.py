"""What a worker writes of itself into STATE_DIR/state.json, read from outside."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STATE_FILE = "state.json"
LONGEST_CAUSE = 300


@dataclass(frozen=True)
class WorkerState:
    """A worker's own words about itself; what it has not said is None."""

    pid: int | None = None
    port: int | None = None
    state: str | None = None
    exit_code: int | None = None
    cause: str = ""


def read(folder: Path) -> WorkerState:
    """Read a state folder; one that says nothing yet gives an empty state."""
    try:
        return parse((folder / STATE_FILE).read_bytes())
    except OSError:
        return WorkerState()


def parse(text: bytes) -> WorkerState:
    """Read state.json's text; anything unexpected in it counts as not said."""
    try:
        fields = json.loads(text)
    except ValueError:
        return WorkerState()
    if not isinstance(fields, dict):
        return WorkerState()
    return WorkerState(
        pid=_whole(fields.get("pid")),
        port=_whole(fields.get("port")),
        state=str(fields["state"]) if fields.get("state") else None,
        exit_code=_whole(fields.get("exit_code")),
        cause=_cause(fields),
    )


def last_words(log: bytes) -> str:
    """Give a log's last line, or the message of it where it is a JSON record; a few hundred bytes.

    Workers mask secrets in whatever they log.
    """
    lines = log.decode(errors="replace").strip().splitlines()
    last = lines[-1] if lines else ""
    try:
        record = json.loads(last)
    except ValueError:
        record = None
    if isinstance(record, dict) and record.get("message"):
        last = str(record["message"])
    return last[:LONGEST_CAUSE]


def _whole(value: object) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) else None


def _cause(fields: dict[str, Any]) -> str:
    """Give the first failed check, else the reason that the worker gives."""
    report = fields.get("report")
    checks = report.get("checks", []) if isinstance(report, dict) else []
    for check in checks if isinstance(checks, list) else []:
        if isinstance(check, dict) and check.get("outcome") == "fail":
            return f"{check.get('id')}: {check.get('detail')}"[:LONGEST_CAUSE]
    return str(fields.get("reason") or "")[:LONGEST_CAUSE]
