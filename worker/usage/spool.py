"""Usage records on disk, one file each, from a call's end until somebody has taken them."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

MOST_RECORDS = 20_000
_LOUD_EVERY = 100
_SUFFIX = ".json"


@dataclass(frozen=True)
class Waiting:
    """A record on disk; file names begin with the time, so they sort oldest first."""

    path: Path
    record: dict[str, Any]


class Spool:
    """A bounded folder of one tenant's records; what is in it has survived a kill already.

    When it is full, new records stay out (they are in the log): the older ones are likelier to
    have left the log's own keeping.
    """

    def __init__(
        self,
        folder: Path,
        tenant: str,
        most: int = MOST_RECORDS,
        on_count: Callable[[int], None] | None = None,
    ) -> None:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._folder = folder
        self._tenant = tenant
        self._most = most
        self._on_count = on_count
        self._turned_away = 0
        _remove_halves(folder)
        self._names = {name for name in _names(folder) if self._is_ours(name)}
        self._tell()

    def __len__(self) -> int:
        """Count this tenant's records that wait."""
        return len(self._names)

    def put(self, record: dict[str, Any]) -> bool:
        """Write a record so that it survives a crash; False, and a loud error, when full."""
        if len(self._names) >= self._most:
            self._turn_away(record)
            return False
        name = f"{time.time_ns():020d}-{file_name(str(record['job_id']))}{_SUFFIX}"
        try:
            write_durably(self._folder / name, record)
        except OSError as error:
            logger.error(
                "a usage record cannot be kept, it is in the log alone: %s", error.strerror
            )
            return False
        self._names.add(name)
        self._tell()
        return True

    def oldest_first(self) -> Iterator[Waiting]:
        """Give this tenant's records, those that came first at first."""
        for name in sorted(self._names):
            path = self._folder / name
            record = _read(path)
            if record is None:
                self._names.discard(name)
                continue
            yield Waiting(path, record)

    def remove(self, waiting: Waiting) -> None:
        """Forget a record that somebody has taken."""
        waiting.path.unlink(missing_ok=True)
        self._names.discard(waiting.path.name)
        self._tell()

    def _tell(self) -> None:
        if self._on_count:
            self._on_count(len(self._names))

    def _is_ours(self, name: str) -> bool:
        record = _read(self._folder / name)
        if record is not None and record.get("tenant") == self._tenant:
            return True
        logger.error(
            "a usage record in the spool is another tenant's or unreadable: it stays unsent",
            extra={"file": name},
        )
        return False

    def _turn_away(self, record: dict[str, Any]) -> None:
        if self._turned_away % _LOUD_EVERY == 0:
            logger.error(
                "the spool of usage records is full (%d): new ones are in the log alone; "
                "see whether USAGE_URL takes them",
                self._most,
                extra={"usage_job": record.get("job_id"), "turned_away": self._turned_away + 1},
            )
        self._turned_away += 1


def write_durably(path: Path, record: dict[str, Any]) -> None:
    """Write a file whole or not at all, and make the disk hold it before returning."""
    write_whole(path, record, is_durable=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def write_whole(path: Path, record: dict[str, Any], is_durable: bool = False) -> None:
    """Write a file whole or not at all; it survives this process, and the machine if durable."""
    half = path.with_suffix(".half")
    with half.open("w", encoding="utf-8") as file:
        json.dump(record, file, separators=(",", ":"))
        file.flush()
        if is_durable:
            os.fsync(file.fileno())
    half.rename(path)


def is_in_memory(folder: Path, mounts: Path = Path("/proc/self/mountinfo")) -> bool:
    """Tell whether a folder lies on a tmpfs, whose files end with the container."""
    try:
        lines = mounts.read_text(encoding="utf-8").splitlines()
    except OSError:
        return False
    best: tuple[int, str] = (-1, "")
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split()[4].replace("\\040", " ")
        if after and folder.resolve().is_relative_to(point) and len(point) >= best[0]:
            best = (len(point), after.split()[0])
    return best[1] in ("tmpfs", "ramfs")


def file_name(job_id: str) -> str:
    """Give a job's id as what a file may be called."""
    return "".join(letter for letter in job_id if letter.isalnum() or letter in "_-")[:80]


def _names(folder: Path) -> list[str]:
    return [entry.name for entry in folder.iterdir() if entry.suffix == _SUFFIX]


def _remove_halves(folder: Path) -> None:
    for half in folder.glob("*.half"):
        half.unlink(missing_ok=True)


def _read(path: Path) -> dict[str, Any] | None:
    try:
        record = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return record if isinstance(record, dict) else None
