"""Finds the processes that a program leaves behind, by adopting them and their children."""

import contextlib
import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from contract.programs import ROOT

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_POLL_SECONDS = 0.05


@contextlib.contextmanager
def adopting_orphans() -> Iterator[set[int]]:
    """Become the parent of every process whose own parent ends; give the children so far."""
    libc = ctypes.CDLL(None)
    earlier_pids = children()
    libc.prctl(_PR_SET_CHILD_SUBREAPER, 1)
    try:
        yield earlier_pids
    finally:
        while orphans := children() - earlier_pids:  # the end of each may bring its own children
            for pid in orphans:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, 0)
        libc.prctl(_PR_SET_CHILD_SUBREAPER, 0)


def wait_until_gone(earlier_pids: set[int], patience_seconds: float) -> list[str]:
    """Wait until no adopted process runs; give the command lines of those that still do."""
    deadline = time.monotonic() + patience_seconds
    while True:
        orphans = [pid for pid in children() - earlier_pids if not _reap(pid)]
        if not orphans or time.monotonic() > deadline:
            return [_command(pid) for pid in orphans]
        time.sleep(_POLL_SECONDS)


def children() -> set[int]:
    """List this process's children, with those that have ended and are not waited for."""
    tasks = Path("/proc/self/task").iterdir()
    return {int(pid) for task in tasks for pid in (task / "children").read_text().split()}


class Terminal:
    """A program as a terminal starts it: in a group of its own, its output in a file."""

    def __init__(self, command: list[str], log: Path) -> None:
        self._log = log
        with log.open("wb") as output:
            self.process = subprocess.Popen(
                command,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def output(self) -> str:
        """Read what it has printed."""
        return self._log.read_text(errors="replace")

    def wait_for(self, text: str, patience_seconds: float) -> None:
        """Wait until it has printed something."""
        deadline = time.monotonic() + patience_seconds
        while text not in self.output():
            assert self.process.poll() is None, f"it ended before {text!r}:\n{self.output()}"
            assert time.monotonic() < deadline, f"no {text!r} in time:\n{self.output()}"
            time.sleep(_POLL_SECONDS)

    def press_ctrl_c(self) -> None:
        """Do what a terminal does: interrupt the whole foreground group."""
        os.killpg(self.process.pid, signal.SIGINT)


def _reap(pid: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        return os.waitpid(pid, os.WNOHANG)[0] != 0
    return True


def _command(pid: int) -> str:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")
    return f"process {pid}"
