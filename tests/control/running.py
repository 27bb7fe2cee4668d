"""What the control plane's tests start: silent workers, a serving control plane, callers."""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx

from control.storage.sealing import new_key
from project.connection import Project
from project.credentials import Credentials
from project.rooms import list_rooms
from sandbox.child import Child, plain_environment, start_child
from sandbox.ports import free_port
from sandbox.servers import RunningProject

TOKEN = "control-token-of-the-tests"
_READY_SECONDS = 60.0


class Worker:
    """A silent worker under one agent name at one project; `more` are variables of its program.

    Its log is written into `folder`.
    """

    def __init__(
        self,
        credentials: Credentials,
        agent_name: str,
        folder: Path,
        *,
        program: str = "tests.control.silent_worker",
        **more: str,
    ) -> None:
        environment = plain_environment() | {
            "LIVEKIT_URL": credentials.url,
            "LIVEKIT_API_KEY": credentials.api_key,
            "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
            "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0",
            **more,
        }
        self._child = start_child(
            f"silent worker {agent_name}",
            [sys.executable, "-m", program, agent_name],
            log=folder / "log",
            environment=environment,
        )

    def wait_until_registered(self) -> None:
        """Wait until the project knows it."""
        self._child.wait_until(
            lambda: "registered" in self._child.log.read_text(), "registered", _READY_SECONDS
        )

    def kill(self) -> None:
        """End it as a crash would."""
        self._child.kill()

    @property
    def is_running(self) -> bool:
        """Tell whether it has not ended."""
        return self._child.is_running

    def log(self) -> str:
        """Read what it wrote."""
        return self._child.log.read_text()


class Serving:
    """`python -m control serve` as a child, or a script that serves in its place.

    Its log is written into `folder`, and its database unless `variables` name another.
    """

    def __init__(
        self,
        folder: Path,
        variables: Mapping[str, str] | None = None,
        *,
        program: str = "control",
        waits: bool = True,
    ) -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._folder = folder
        self.variables = {
            "CONTROL_TOKEN": TOKEN,
            "CONTROL_SEALING_KEY": new_key(),
            "CONTROL_DATABASE_URL": f"sqlite:///{self._folder}/control.db",
            "CONTROL_URL": self.url,
            "LAUNCHER": "none",
        } | dict(variables or {})
        self._program = program
        self.child: Child = self._launch()
        if waits:
            self.wait_until_ready()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _trace: TracebackType | None,
    ) -> None:
        self.child.kill()

    def start(self) -> None:
        """Start it again with the same settings."""
        self.child = self._launch()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until calls can be made; one that never gets there is ended."""
        try:
            self.child.wait_until(self._is_ready, "ready", _READY_SECONDS)
        except BaseException:  # whatever it is, Ctrl-C included: it must not outlive the test
            self.child.kill()
            raise

    def client(self, **more: Any) -> httpx.AsyncClient:
        """Open a client that has the token."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, **({"timeout": 60} | more))

    def log(self) -> str:
        """Read what it wrote."""
        return self.child.log.read_text()

    def _launch(self) -> Child:
        return start_child(
            "control",
            [sys.executable, "-m", self._program, "serve", "--port", str(self.port)],
            log=self._folder / "log",
            environment=plain_environment() | self.variables,
        )

    def _is_ready(self) -> bool:
        try:
            return httpx.get(f"{self.url}/readyz", timeout=2, trust_env=False).status_code == 200
        except httpx.HTTPError:
            return False


def settings_of(credentials: Credentials) -> dict[str, Any]:
    """Write a row's settings for a project."""
    return {
        "livekit": {
            "server_url": credentials.url,
            "api_key": credentials.api_key,
            "api_secret": credentials.api_secret.get_secret_value(),
        }
    }


async def register(client: httpx.AsyncClient, tenant_id: str, credentials: Credentials) -> None:
    """Register a tenant over HTTP."""
    body = {"settings": settings_of(credentials)}
    answer = await client.put(f"/v1/tenants/{tenant_id}", json=body)
    assert answer.status_code in (200, 201), answer.text


async def rooms_of(project: RunningProject) -> set[str]:
    """Name a project's rooms."""
    async with Project(project.credentials) as asked:
        return {room.name for room in await list_rooms(asked)}


async def eventually(question: Any, seconds: float = 30.0, pause: float = 0.1) -> Any:
    """Ask again until the answer is true, and give it; fail with the last answer."""
    deadline = time.monotonic() + seconds
    while True:
        answer = await question()
        if answer:
            return answer
        assert time.monotonic() < deadline, f"not true within {seconds} s: {answer!r}"
        await asyncio.sleep(pause)
