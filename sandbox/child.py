"""A child process in a group of its own, which ends with its parent and keeps a log."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from contract.programs import ROOT

_PARENT_DEATH = Path(__file__).with_name("parent_death.py")
_POLL_SECONDS = 0.05
# The kernel's "parent" is the thread that forked: one thread that lasts as long as the process.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sandbox-spawner")
_started: list["Child"] = []


class StartFault(RuntimeError):
    """A part of the sandbox did not start; the message has the end of its log."""


class Child:
    """A program that the sandbox started, its output in a log file."""

    def __init__(self, process: subprocess.Popen[bytes], name: str, log: Path) -> None:
        self.process, self.name, self.log = process, name, log

    @property
    def pid(self) -> int:
        """The process id, which is also the id of its group."""
        return self.process.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the program has not ended."""
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the program alone."""
        if self.is_running:
            self.process.send_signal(number)

    def stop(self, patience_seconds: float = 2.0) -> int:
        """Ask it to end, then kill it; give its exit code. Nothing of its group is left."""
        self.signal(signal.SIGTERM)
        try:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(patience_seconds)
        finally:  # also when Ctrl-C comes while we wait
            self.kill()
        return self.process.returncode

    def kill(self) -> None:
        """End it and whatever it started in its group, at once."""
        with contextlib.suppress(ProcessLookupError, PermissionError):  # its group is empty
            os.killpg(self.pid, signal.SIGKILL)
        self.process.wait()

    def log_tail(self, characters: int = 2000) -> str:
        """Read the end of its log."""
        return self.log.read_text(errors="replace")[-characters:] if self.log.exists() else ""

    def wait_until(self, is_true: Callable[[], bool], state: str, patience_seconds: float) -> None:
        """Poll until the program is in a state; `state` names it in the fault.

        Raises:
            StartFault: the program ended, or the patience did.
        """
        deadline = time.monotonic() + patience_seconds
        while not is_true():
            if not self.is_running:
                raise StartFault(
                    f"{self.name} ended with {self.process.returncode} before it was {state}:\n"
                    f"{self.log_tail()}"
                )
            if time.monotonic() > deadline:
                raise StartFault(
                    f"{self.name} was not {state} after {patience_seconds:.0f} s:\n"
                    f"{self.log_tail()}"
                )
            time.sleep(_POLL_SECONDS)


def start_child(
    name: str, command: Sequence[str], *, log: Path, environment: Mapping[str, str] | None = None
) -> Child:
    """Start a program in our own folder with only this environment; `log` gets its output."""
    guarded_command = [sys.executable, "-I", "-S", str(_PARENT_DEATH), str(os.getpid()), *command]
    log.parent.mkdir(parents=True, exist_ok=True)

    def spawn() -> Child:
        with log.open("ab") as output:
            process = subprocess.Popen(
                guarded_command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=dict(environment) if environment is not None else plain_environment(),
                cwd=ROOT,
                start_new_session=True,
            )
        _started.append(Child(process, name, log))
        return _started[-1]

    return _spawner.submit(spawn).result()


def end_all() -> None:
    """Kill every child that this process has started."""
    _spawner.submit(int).result()  # waits for a start that Ctrl-C has interrupted
    for child in reversed(_started):
        child.kill()
    _started.clear()


def plain_environment() -> dict[str, str]:
    """Give the variables that any program needs; none of them names a tenant or a provider."""
    names = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV", "OPENBLAS_CORETYPE")
    return {name: os.environ[name] for name in names if name in os.environ}
