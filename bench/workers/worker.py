"""The two workers that are measured, started alike: a child on a project and an endpoint."""

import re
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.results.result import OURS, STOCK
from bench.workers.process_tree import ProcessTree
from contract.agent_config import Models
from project.credentials import Credentials
from sandbox.child import Child, plain_environment, start_child

_READY_SECONDS = 60.0
_MAX_CALLS = 64
_MODELS = Models()
_REGISTERED = re.compile(r"registered worker")
_READY = re.compile(r'"?state"?\W+ready\b')
# The look for rivals goes on after `ready`: one log line tells its end, or the report does.
_PROVEN = re.compile(r'project\.rivals: nobody|"project\.rivals"[^}]*"outcome": "pass"')

GREETING = "Hello, you have reached the bench. How may I help you?"
INSTRUCTIONS = "The office opens at nine in the morning. Parking is behind the house."


@dataclass(frozen=True)
class BenchSetup:
    """What every measured worker uses: a project, a speech endpoint, a folder."""

    credentials: Credentials
    speech_url: str
    speech_key: str
    folder: Path


@dataclass(frozen=True)
class WorkerKind:
    """One of the two kinds of worker, and how it is started."""

    name: str

    @contextmanager
    def running(
        self, setup: BenchSetup, tenant: str, *, is_silent: bool = False
    ) -> Iterator["MeasuredWorker"]:
        """Start the worker, wait until it takes calls and is proven, and stop it at the end.

        Raises:
            sandbox.child.StartFault: it did not become ready.
        """
        folder = setup.folder / f"{tenant}-{self.name}-{time.monotonic_ns()}"
        folder.mkdir(parents=True)
        started_at = time.monotonic()
        child = self._start(setup, tenant, folder, is_silent)
        try:
            pattern = _REGISTERED if self.name == STOCK else _READY
            child.wait_until(lambda: _is_logged(child, pattern), "ready", _READY_SECONDS)
            ready_after = time.monotonic() - started_at
            if self.name == OURS and not is_silent:
                child.wait_until(lambda: _is_logged(child, _PROVEN), "proven", _READY_SECONDS)
            proven_after = time.monotonic() - started_at
            yield MeasuredWorker(child, ready_after, proven_after, f"{tenant}-agent", f"{tenant}--")
        finally:
            child.stop(patience_seconds=5)

    def _start(self, setup: BenchSetup, tenant: str, folder: Path, is_silent: bool) -> Child:
        environment = plain_environment() | _shared_variables(setup, tenant)
        if self.name == STOCK:
            command = [sys.executable, "-m", "bench.workers.stock", "start"]
            environment |= _stock_variables(is_silent)
        else:
            command = [sys.executable, "-m", "bootstrap", "run"]
            environment |= _our_variables(tenant, folder, is_silent)
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
    def tree(self) -> ProcessTree:
        """The worker's process and all that it started."""
        return ProcessTree(self.child.pid)


WORKER_KINDS = (WorkerKind(OURS), WorkerKind(STOCK))


def container_environment(setup: BenchSetup, tenant: str, health_port: int) -> dict[str, str]:
    """Give the variables of our worker inside a container."""
    variables = {"TENANT_ID": tenant, "HEALTH_HOST": "127.0.0.1", "HEALTH_PORT": str(health_port)}
    return _shared_variables(setup, tenant) | variables


def _is_logged(child: Child, pattern: re.Pattern[str]) -> bool:
    return pattern.search(child.log.read_text(errors="replace")) is not None


def _shared_variables(setup: BenchSetup, tenant: str) -> dict[str, str]:
    credentials = setup.credentials
    return {
        "LIVEKIT_URL": credentials.url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "LIVEKIT_AGENT_NAME": f"{tenant}-agent",
        "OPENAI_API_KEY": setup.speech_key,
        "OPENAI_BASE_URL": setup.speech_url,
        "PYTHONUNBUFFERED": "1",
    }


def _stock_variables(is_silent: bool) -> dict[str, str]:
    return {
        "BENCH_STT": _MODELS.stt,
        "BENCH_LLM": _MODELS.llm,
        "BENCH_TTS": _MODELS.tts,
        "BENCH_GREETING": GREETING,
        "BENCH_INSTRUCTIONS": INSTRUCTIONS,
        "BENCH_SILENT": "1" if is_silent else "",
    }


def _our_variables(tenant: str, folder: Path, is_silent: bool) -> dict[str, str]:
    agent_config = folder / "agent.yaml"
    agent_config.write_text(
        f"greeting: {GREETING!r}\ninstructions: {INSTRUCTIONS!r}\nlanguage: en\n"
    )
    return {
        "TENANT_ID": tenant,
        "AGENT_CONFIG": "" if is_silent else str(agent_config),
        "AGENT": "bench.workers.silent_agent:join_silently" if is_silent else "",
        "MAX_CALLS": str(_MAX_CALLS),
        "HEALTH_HOST": "127.0.0.1",
        "HEALTH_PORT": "0",
        "STATE_DIR": str(folder / "state"),
        "LOG_FORMAT": "json",
        # No probe may come beside the dispatches of a burst: the stock worker sends none.
        "RIVAL_CHECK": "off" if is_silent else "required",
    }
