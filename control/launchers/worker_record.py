"""What the process launcher writes down of each worker, so that another control plane adopts it."""

import json
import os
from dataclasses import asdict, dataclass, replace
from pathlib import Path

_FILE = "worker.json"


@dataclass(frozen=True)
class WorkerRecord:
    """One worker's entry; `born` is the process's start in clock ticks: a pid alone is reused."""

    id: str
    tenant: str
    content: str
    slot: int
    started_at: float
    restarts: int
    failures: int
    last_cause: str
    state_dir: str
    pid: int
    born: int
    draining_since: float | None = None
    exit_code: int | None = None
    ended_at: float | None = None
    cause: str = ""

    def ended(self, code: int | None, at: float, cause: str) -> "WorkerRecord":
        """Give the entry of a worker that is gone."""
        return replace(self, exit_code=code, ended_at=at, cause=cause)


def save(folder: Path, record: WorkerRecord) -> None:
    """Write an entry, whole or not at all."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    unfinished = folder / f".{_FILE}.{os.getpid()}"
    unfinished.write_text(json.dumps(asdict(record)))
    unfinished.replace(folder / _FILE)


def load(folder: Path) -> WorkerRecord | None:
    """Read an entry; None when there is none, or none that this version understands."""
    try:
        return WorkerRecord(**json.loads((folder / _FILE).read_text()))
    except (OSError, ValueError, TypeError):
        return None
