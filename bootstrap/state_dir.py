"""STATE_DIR: one process at a time, closed to others, and what that process is doing in a file."""

import contextlib
import fcntl
import json
import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TextIO

from contract.records.worker_status import STATE_FILE, StateFile, WorkerState

_PRIVATE = 0o700
_LOCK = "lock"


class StateDirFault(Exception):
    """A STATE_DIR that cannot be used; says why."""


@dataclass
class StateDir:
    """A folder that this process holds; `content` is what `state.json` says."""

    path: Path
    lock: TextIO
    content: StateFile

    def write(self, **changed: Any) -> None:
        """Change fields of `state.json` in one step.

        A write that fails is dropped: a full disk must not end calls.
        """
        self.content = replace(self.content, **changed)
        fresh = self.path / f"{STATE_FILE}.new"
        with contextlib.suppress(OSError):
            descriptor = _open_private(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                json.dump(self.content.as_json(), file)
            fresh.replace(self.path / STATE_FILE)

    def release(self) -> None:
        """Let another process use the folder; what it says stays."""
        self.lock.close()


def acquire(path: Path) -> StateDir:
    """Make the folder, close it to others and hold it until `release` or the process's end.

    Raises:
        StateDirFault: when it is in use, is no folder or cannot be written.
    """
    try:
        _make(path)
        content = StateFile(pid=os.getpid(), state=WorkerState.CHECKING)
        state_dir = StateDir(path, _lock(path / _LOCK), content)
        (path / STATE_FILE).unlink(missing_ok=True)
    except OSError as error:
        raise StateDirFault(f"{path} cannot be used: {error.strerror}") from None
    state_dir.write()
    if not (path / STATE_FILE).exists():
        raise StateDirFault(f"{path} cannot be written: is the disk full?")
    return state_dir


def _open_private(path: Path, flags: int) -> int:
    return os.open(path, flags | os.O_NOFOLLOW, 0o600)


def _make(path: Path) -> None:
    path.mkdir(mode=_PRIVATE, parents=True, exist_ok=True)
    if path.is_symlink():
        raise StateDirFault(f"{path} is a link; name the folder itself")
    status = path.stat()
    if status.st_uid == os.geteuid():
        path.chmod(_PRIVATE)
    elif stat.S_IMODE(status.st_mode) & stat.S_IWOTH:
        raise StateDirFault(f"{path} belongs to another user, and anyone may write to it")


def _lock(path: Path) -> TextIO:
    descriptor = _open_private(path, os.O_RDWR | os.O_CREAT)
    file = os.fdopen(descriptor, "r+", encoding="utf-8")
    try:
        # A lock of the process, not of the open file: calls that outlive it do not hold it.
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = file.readline().strip()
        file.close()
        raise StateDirFault(
            f"{path.parent} is in use by process {holder or 'unknown'}; stop it, or choose another"
        ) from None
    file.truncate(0)
    file.write(f"{os.getpid()}\n")
    file.flush()
    return file
