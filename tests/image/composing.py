"""compose.yaml on the sandbox's engine, by Debian's docker-compose."""

import os
import subprocess
from pathlib import Path

from contract.programs import ROOT
from sandbox.debian import install
from sandbox.docker.engine import RunningEngine
from sandbox.docker.image import BASE, Image
from sandbox.ports import free_port

CONTROL = "livekit-tenant-control"  # the container's name, and its network's
_PROGRAM = "/usr/bin/docker-compose"
_POSTGRES = "localhost/postgres:debian"
_SECONDS = 300.0


class Composition:
    """A project of compose.yaml, as it stands there; only images, port and socket are given."""

    def __init__(self, engine: RunningEngine, worker: Image, control: Image) -> None:
        install({_PROGRAM: "docker-compose"})
        self._engine, self.port = engine, free_port()
        self.name = f"test{self.port}"
        socket = engine.host.removeprefix("unix://")
        self._environment = engine.environment() | {
            "CONTROL_IMAGE": control.name,
            "WORKER_IMAGE": worker.name,
            "POSTGRES_IMAGE": _build_postgres(engine),
            "CONTROL_PORT": str(self.port),
            "DOCKER_SOCKET": socket,
            "DOCKER_GROUP": str(os.stat(socket).st_gid),
        }

    @property
    def url(self) -> str:
        """Say where the control plane is reached on this machine."""
        return f"http://127.0.0.1:{self.port}"

    def run(self, *arguments: str) -> str:
        """Run a docker-compose command, and give its output; it must succeed."""
        done = subprocess.run(
            [_PROGRAM, "--project-name", self.name, *arguments],
            cwd=ROOT,
            env=self._environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
        )
        assert done.returncode == 0, f"{arguments}: {done.stderr}\n{self.logs()}"
        return done.stdout

    def control(self, *arguments: str) -> str:
        """Run a command of the control plane in its container, and give its output."""
        return self._engine.ask("exec", CONTROL, "python", "-m", "control", *arguments)

    def logs(self) -> str:
        """Give what every container of it has written."""
        label = f"label=com.docker.compose.project={self.name}"
        ids = self._engine.ask("ps", "--all", "--quiet", "--filter", label).split()
        done = [self._engine.run("logs", container) for container in ids]
        return "\n".join(each.stdout + each.stderr for each in done)

    def things(self) -> list[str]:
        """Name what is left of it: containers, networks, volumes."""
        label = f"label=com.docker.compose.project={self.name}"
        listings = (("ps", "--all"), ("network", "ls"), ("volume", "ls"))
        return [
            name
            for listing in listings
            for name in self._engine.ask(*listing, "--quiet", "--filter", label).split()
        ]

    def clear(self) -> None:
        """Remove all of it, whatever state it is in, and every worker."""
        self._engine.remove_containers()
        self.run("down", "--volumes")


def _build_postgres(engine: RunningEngine) -> str:
    recipe = str(Path(__file__).with_name("postgres"))
    base = ("--build-arg", f"BASE_IMAGE={BASE}")
    engine.ask("build", "--network", "host", *base, "--tag", _POSTGRES, recipe, seconds=300)
    return _POSTGRES
