"""A real Docker Engine of our own: its images stay in .cache, everything else ends with it."""

import fcntl
import json
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from sandbox.child import Child, StartFault, plain_environment, start_child
from sandbox.debian import CACHE, install

# Debian's own client has BuildKit; another one may come first in the PATH.
DOCKER = "/usr/bin/docker"
_PROGRAMS = {
    DOCKER: "docker.io",
    "/usr/sbin/dockerd": "docker.io",
    "/usr/sbin/iptables": "iptables",
}
_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_LOCK_SECONDS = 600.0


class EngineFault(RuntimeError):
    """A docker command failed; the message has the end of its output."""


class RunningEngine:
    """One dockerd in process and mount namespaces of its own: containers die with it."""

    def __init__(self, child: Child, folder: Path, lock: IO[str]) -> None:
        self._child, self._folder, self._lock = child, folder, lock

    @property
    def host(self) -> str:
        """Where it listens, as DOCKER_HOST wants it."""
        return f"unix://{_socket(self._folder)}"

    def environment(self) -> dict[str, str]:
        """Give what a docker client needs to talk to this engine."""
        return plain_environment() | {"DOCKER_HOST": self.host, "DOCKER_BUILDKIT": "1"}

    def run(self, *arguments: str, seconds: float = 60.0) -> "subprocess.CompletedProcess[str]":
        """Run a docker command to its end, whatever that is, output captured."""
        return subprocess.run(
            [DOCKER, *arguments],
            env=self.environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=seconds,
        )

    def ask(self, *arguments: str, seconds: float = 60.0) -> str:
        """Run a docker command and give its output.

        Raises:
            EngineFault: it failed.
        """
        result = self.run(*arguments, seconds=seconds)
        if result.returncode != 0:
            raise EngineFault(f"docker {arguments[0]} failed:\n{result.stderr[-3000:]}")
        return result.stdout.strip()

    def inspect(self, name: str) -> dict[str, Any]:
        """Give what the engine knows of a container or an image.

        Raises:
            EngineFault: there is none of this name.
        """
        (description,) = json.loads(self.ask("inspect", name))
        return dict(description)

    def has_image(self, name: str) -> bool:
        """Tell whether there is an image of this name."""
        return self.run("image", "inspect", name).returncode == 0

    def remove_containers(self) -> None:
        """End and remove every container."""
        if ids := self.ask("ps", "-aq").split():
            self.run("rm", "-f", "-v", *ids)

    def log_tail(self) -> str:
        """Read the end of the engine's log."""
        return self._child.log_tail()

    def stop(self) -> None:
        """End every container and the engine; the images stay."""
        try:
            if self._child.is_running:
                self.remove_containers()
                _terminate_children(self._child.pid)
            self._child.stop(_STOP_SECONDS)
        finally:
            self.kill()

    def kill(self) -> None:
        """End the engine as a crash would, and every container with it."""
        self._child.kill()
        self._lock.close()
        shutil.rmtree(self._folder, ignore_errors=True)


def start_engine(data: Path | None = None) -> RunningEngine:
    """Start an engine; it has only the networks `host` and `none`, and leaves the machine's alone.

    Args:
        data: where images are kept, for one engine at a time; .cache/engine by default.

    Raises:
        DebianFault: a package that it needs cannot be installed.
        StartFault: it did not answer in time, or another engine has its data.
    """
    install(_PROGRAMS)
    data = data or CACHE / "engine"
    data.mkdir(parents=True, exist_ok=True)
    lock = _locked(data)
    # A socket's path has at most 107 characters, and the current folder's may be long.
    folder = Path(tempfile.mkdtemp(prefix="engine-", dir="/tmp"))
    child = start_child(
        "dockerd",
        _command(data, folder),
        log=folder / "dockerd.log",
        environment=plain_environment(),
    )
    engine = RunningEngine(child, folder, lock)
    try:
        child.wait_until(lambda: engine.run("version").returncode == 0, "ready", _READY_SECONDS)
        engine.remove_containers()
    except BaseException:  # Ctrl-C too must leave no process behind
        child.kill()
        lock.close()
        raise
    return engine


def _command(data: Path, folder: Path) -> list[str]:
    # What the engine started in a process namespace of its own ends with it, however it ends.
    namespace = ["unshare", "--pid", "--fork", "--kill-child", "--mount-proc"]
    return [
        *namespace,
        "/usr/sbin/dockerd",
        *("--data-root", str(data / "data")),
        *("--exec-root", str(folder / "exec")),
        *("--pidfile", str(folder / "dockerd.pid")),
        *("--host", f"unix://{_socket(folder)}"),
        *("--bridge", "none", "--iptables=false", "--ip6tables=false"),
    ]


def _socket(folder: Path) -> Path:
    return folder / "docker.sock"


def _terminate_children(pid: int) -> None:
    # `unshare` itself ignores SIGTERM; the engine is its only child.
    for child in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split():
        os.kill(int(child), signal.SIGTERM)


def _locked(data: Path) -> IO[str]:
    lock = (data / "lock").open("a+")
    deadline = time.monotonic() + _LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > deadline:
                lock.close()
                raise StartFault(f"another engine has been using {data} for too long") from None
            time.sleep(1.0)
        else:
            os.truncate(lock.fileno(), 0)
            lock.write(f"{os.getpid()}\n")
            lock.flush()
            return lock
