"""What the process launcher writes down of each worker, so that the next control plane finds it."""

import json
import os
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path

_FILE = "worker.json"
# As the file has always named them: a control plane of another version, before an upgrade or beside
# it, reads the records of the same running workers.
_NAMES_IN_FILE = {"spec_hash": "content", "process_start_time": "born"}


@dataclass(frozen=True)
class WorkerRecord:
    """One worker's record; `process_start_time` in clock ticks since boot: a pid alone is reused.

    Other times in Unix seconds.
    """

    id: str
    tenant: str
    spec_hash: str
    slot: int
    started_at: float
    restarts: int
    failures: int
    last_cause: str
    state_dir: str
    pid: int
    process_start_time: int
    draining_since: float | None = None
    exit_code: int | None = None
    ended_at: float | None = None
    cause: str = ""

    def draining(self, since: float) -> "WorkerRecord":
        """Give the record of a worker that has been asked to drain."""
        return replace(self, draining_since=since)

    def ended(self, code: int | None, at: float, cause: str) -> "WorkerRecord":
        """Give the record of a worker that is gone."""
        return replace(self, exit_code=code, ended_at=at, cause=cause)


def save(folder: Path, record: WorkerRecord) -> None:
    """Write a record, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = _names()
    named = {names[ours]: value for ours, value in asdict(record).items()}
    unfinished = folder / f".{_FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(named))
    unfinished.replace(folder / _FILE)


def load(folder: Path) -> WorkerRecord | None:
    """Read a record; None when there is none, or none that this version understands."""
    try:
        named = json.loads((folder / _FILE).read_text())
        # What a later version adds is left out: its worker must not be started a second time.
        known = {ours: named[name] for ours, name in _names().items() if name in named}
        return WorkerRecord(**known)
    except (OSError, ValueError, TypeError):
        return None


def _names() -> dict[str, str]:
    """Give each field's name in the file."""
    ours = (field.name for field in fields(WorkerRecord))
    return {name: _NAMES_IN_FILE.get(name, name) for name in ours}
