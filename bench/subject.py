"""The two workers that are measured, started alike: a child on a project and an endpoint."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.result import OURS, STOCK
from bench.tree import Tree
from contract.agent_config import Models
from project.credentials import Credentials
from sandbox.child import Child, plain_environment, start_child

_READY_SECONDS = 60.0
_MAX_CALLS = 64
_MODELS = Models()
_REGISTERED = re.compile(r"registered worker")
_READY = re.compile(r'"?state"?\W+ready\b')
# Of the look for rivals, which goes on after `ready`, one line tells; else it is in the report.
_PROVEN = re.compile(r'project\.rivals: nobody|"project\.rivals"[^}]*"outcome": "pass"')

GREETING = "Hello, you have reached the bench. How may I help you?"
INSTRUCTIONS = "The office opens at nine in the morning. Parking is behind the house."


@dataclass(frozen=True)
class Surroundings:
    """What a worker under measurement stands on: a project, a speech endpoint, a folder."""

    credentials: Credentials
    speech_url: str
    speech_key: str
    folder: Path


@dataclass(frozen=True)
class BenchSubject:
    """One of the two workers, and how it is started."""

    name: str

    @contextmanager
    def running(
        self, surroundings: Surroundings, tenant: str, *, is_silent: bool = False
    ) -> Iterator["MeasuredWorker"]:
        """Start the worker, wait until it takes calls and is proven, and stop it at the end.

        Raises:
            sandbox.child.StartFault: when it does not become ready.
        """
        folder = surroundings.folder / f"{tenant}-{self.name}-{time.monotonic_ns()}"
        folder.mkdir(parents=True)
        started = time.monotonic()
        child = self._start(surroundings, tenant, folder, is_silent)
        try:
            pattern = _REGISTERED if self.name == STOCK else _READY
            child.wait_until(lambda: _is_logged(child, pattern), "ready", _READY_SECONDS)
            ready_after = time.monotonic() - started
            if self.name == OURS and not is_silent:
                child.wait_until(lambda: _is_logged(child, _PROVEN), "proven", _READY_SECONDS)
            proven_after = time.monotonic() - started
            yield MeasuredWorker(child, ready_after, proven_after, f"{tenant}-agent", f"{tenant}--")
        finally:
            child.stop(patience_seconds=5)

    def _start(
        self, surroundings: Surroundings, tenant: str, folder: Path, is_silent: bool
    ) -> Child:
        environment = plain_environment() | _shared(surroundings, tenant)
        if self.name == STOCK:
            command = [sys.executable, "-m", "bench.stock", "start"]
            environment |= _stocks(is_silent)
        else:
            command = [sys.executable, "-m", "bootstrap", "run"]
            environment |= _ours(tenant, folder, is_silent)
        return start_child(
            f"{self.name} worker", command, log=folder / "log", environment=environment
        )


@dataclass(frozen=True)
class MeasuredWorker:
    """A worker that takes calls; times in seconds since its process was started.

    From `ready_after` on it is sure to take a call, and from `proven_after` on at once.
    """

    child: Child
    ready_after: float
    proven_after: float
    agent_name: str
    room_prefix: str

    @property
    def tree(self) -> Tree:
        """The worker's process and all that it started."""
        return Tree(self.child.pid)


SUBJECTS = (BenchSubject(OURS), BenchSubject(STOCK))


def container_environment(
    surroundings: Surroundings, tenant: str, health_port: int
) -> dict[str, str]:
    """Give what our worker needs to know inside a container."""
    own = {"TENANT_ID": tenant, "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": str(health_port)}
    return _shared(surroundings, tenant) | own


def _is_logged(child: Child, pattern: re.Pattern[str]) -> bool:
    return pattern.search(child.log.read_text(errors="replace")) is not None


def _shared(surroundings: Surroundings, tenant: str) -> dict[str, str]:
    credentials = surroundings.credentials
    return {
        "LIVEKIT_URL": credentials.url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "LIVEKIT_AGENT_NAME": f"{tenant}-agent",
        "OPENAI_API_KEY": surroundings.speech_key,
        "OPENAI_BASE_URL": surroundings.speech_url,
        "PYTHONUNBUFFERED": "1",
    }


def _stocks(is_silent: bool) -> dict[str, str]:
    return {
        "BENCH_STT": _MODELS.stt,
        "BENCH_LLM": _MODELS.llm,
        "BENCH_TTS": _MODELS.tts,
        "BENCH_GREETING": GREETING,
        "BENCH_INSTRUCTIONS": INSTRUCTIONS,
        "BENCH_SILENT": "1" if is_silent else "",
    }


def _ours(tenant: str, folder: Path, is_silent: bool) -> dict[str, str]:
    agent = folder / "agent.yaml"
    agent.write_text(f"greeting: {GREETING!r}\ninstructions: {INSTRUCTIONS!r}\nlanguage: en\n")
    return {
        "TENANT_ID": tenant,
        "AGENT_CONFIG": "" if is_silent else str(agent),
        "AGENT": "bench.silent:join_silently" if is_silent else "",
        "MAX_CALLS": str(_MAX_CALLS),
        "HEALTH_HOST": "127.0.0.1",
        "HEALTH_PORT": "0",
        "STATE_DIR": str(folder / "state"),
        "LOG_FORMAT": "json",
        # Both ask alike: nothing else may take the dispatches that are measured.
        "RIVAL_CHECK": "off" if is_silent else "required",
    }
