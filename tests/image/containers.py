"""Containers of both images, hardened as the documentation says, for tests."""

import contextlib
import http.client
import json
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from contract.limits import memory_mib, pids
from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import Image

HARDENED = (
    *("--read-only", "--tmpfs", "/tmp", "--cap-drop", "ALL"),
    *("--security-opt", "no-new-privileges"),
)
MAX_CALLS = 2
_MEMORY_MIB = memory_mib(MAX_CALLS)
_PIDS = pids(MAX_CALLS)
STOP_PATIENCE_SECONDS = 30
_POLL_SECONDS = 0.1


class RunningContainer:
    """One container of an image; `port` where it serves on the host's network."""

    def __init__(self, engine: RunningEngine, name: str, port: int | None = None) -> None:
        self._engine, self.name, self._port = engine, name, port

    def is_ready(self) -> bool:
        """Tell whether its worker is registered and takes calls."""
        assert self._port is not None
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=5)
        try:
            connection.request("GET", "/readyz")
            return connection.getresponse().status == http.client.OK
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def inspect(self) -> dict[str, Any]:
        """Give what the engine knows of it."""
        return self._engine.inspect(self.name)

    def run(self, *command: str) -> str:
        """Run a command inside, and give its output; it must succeed."""
        return self._engine.ask("exec", self.name, *command)

    def fails_at(self, *command: str) -> bool:
        """Tell whether a command inside fails."""
        return self._engine.run("exec", self.name, *command).returncode != 0

    def logs(self) -> str:
        """Give all of its output."""
        done = self._engine.run("logs", self.name)
        return done.stdout + done.stderr

    def wait(self) -> int:
        """Wait for its end and give its exit code."""
        return int(self._engine.ask("wait", self.name, seconds=120))

    def stop(self) -> float:
        """Do as `docker stop` does; gives the seconds that it took."""
        started = time.monotonic()
        self._engine.ask("stop", "--time", str(STOP_PATIENCE_SECONDS), self.name)
        return time.monotonic() - started

    def wait_until(self, is_true: Callable[[], bool], what: str, seconds: float = 90.0) -> None:
        """Wait for what only polling can tell; fails with the container's output."""
        deadline = time.monotonic() + seconds
        while not is_true():
            is_over = time.monotonic() > deadline or not self.inspect()["State"]["Running"]
            assert not is_over, f"the container was not {what}:\n{self.logs()[-4000:]}"
            time.sleep(_POLL_SECONDS)


@contextlib.contextmanager
def started(
    engine: RunningEngine,
    image: Image,
    variables: Mapping[str, str],
    *,
    folder: Path,
    port: int,
    memory_mib: int = _MEMORY_MIB,
) -> Iterator[RunningContainer]:
    """Start a container with a tenant's variables and all the limits; it is removed at the end."""
    env_file = folder / f"{port}.env"
    env_file.touch(mode=0o600)
    lines = {"MAX_CALLS": str(MAX_CALLS), "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": str(port)}
    lines |= variables
    env_file.write_text("".join(f"{name}={value}\n" for name, value in lines.items()))
    name = f"tenant-{port}"
    engine.ask(
        *("run", "--detach", "--name", name, "--network", "host", "--env-file", str(env_file)),
        *HARDENED,
        *("--memory", f"{memory_mib}m", "--pids-limit", str(_PIDS), "--health-interval", "5s"),
        *("--volume", f"{folder}:/config:ro", image.name),
    )
    try:
        yield RunningContainer(engine, name, port)
    finally:
        engine.run("rm", "-f", "-v", name)


def zombies_in(container: RunningContainer) -> list[str]:
    """List the dead processes that nobody has reaped, by what /proc says of them."""
    return [line for line in _processes(container) if line.split(") ")[1].startswith("Z")]


def orphans_of_pid_1(container: RunningContainer, name: str) -> list[str]:
    """List the processes of a name that have fallen to PID 1."""
    found = []
    for line in _processes(container):
        comm, rest = line.split("(", 1)[1].rsplit(") ", 1)
        if comm == name and rest.split()[1] == "1":
            found.append(line)
    return found


def _processes(container: RunningContainer) -> list[str]:
    read = (
        "import glob, json\n"
        "found = []\n"
        "for path in glob.glob('/proc/[0-9]*/stat'):\n"
        "    try:\n"
        "        found.append(open(path).read())\n"
        "    except OSError:\n"
        "        pass\n"
        "print(json.dumps(found))\n"
    )
    lines: list[str] = json.loads(container.run("python", "-I", "-S", "-c", read))
    return lines
