"""Workers as child processes, run from an env file as a container runs them, for any test."""

import contextlib
import http.client
import json
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from project.credentials import Credentials
from sandbox.child import Child, StartFault, plain_environment, start_child

SILENT = "tests.worker.agents:silent"
_PYTHON = str(Path(__file__).parent.parent / ".venv" / "bin" / "python")
_START_SECONDS = 60.0
_POLL_SECONDS = 0.05


class RunningWorker:
    """One `python -m bootstrap run`, in a process group of its own."""

    def __init__(self, child: Child, folder: Path) -> None:
        self.child = child
        self.folder = folder

    @property
    def pid(self) -> int:
        """The main process."""
        return self.child.pid

    def state(self) -> dict[str, Any]:
        """Read state.json; empty while there is none."""
        try:
            read: dict[str, Any] = json.loads((self.folder / "state" / "state.json").read_text())
        except (OSError, ValueError):
            return {}
        return read

    def get(self, path: str) -> tuple[int, Any]:
        """Ask the health port: the HTTP status, and the body as JSON or text."""
        connection = http.client.HTTPConnection("127.0.0.1", self.state()["port"], timeout=10)
        try:
            connection.request("GET", path)
            reply = connection.getresponse()
            body = reply.read().decode()
        finally:
            connection.close()
        is_json = "json" in reply.headers.get("Content-Type", "")
        return reply.status, json.loads(body) if is_json else body

    def status(self) -> dict[str, Any]:
        """Read /status."""
        body: dict[str, Any] = self.get("/status")[1]
        return body

    def answers(self) -> dict[str, str]:
        """Give the answer to each dispatch of the last 200 offers."""
        return {offer["dispatch_id"]: offer["answer"] for offer in self.status()["offers"]}

    def wait_for_state(self, name: str, seconds: float = _START_SECONDS) -> None:
        """Wait until /readyz tells this state."""
        self.wait_until(lambda: self._shown_state() == name, f"in state {name}", seconds)

    def wait_until(self, is_true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
        """Wait for what only polling can tell; fails with the end of the log."""
        self.child.wait_until(is_true, what, seconds)

    def signal(self, number: int = signal.SIGTERM) -> None:
        """Send the main process alone a signal."""
        self.child.signal(number)

    def wait(self, seconds: float) -> int:
        """Wait for the process's end; gives its exit code."""
        return self.child.process.wait(seconds)

    def stop(self, seconds: float = 30.0) -> int:
        """Send SIGTERM and wait for the end; gives the exit code."""
        self.signal()
        return self.wait(seconds)

    def records(self) -> list[dict[str, Any]]:
        """Read the log's records; lines that are no JSON are left out."""
        found = []
        for line in self.child.log.read_text(errors="replace").splitlines():
            with contextlib.suppress(ValueError):
                record = json.loads(line)
                if isinstance(record, dict):
                    found.append(record)
        return found

    def messages(self) -> list[str]:
        """Read the log's messages."""
        return [str(record.get("message", "")) for record in self.records()]

    def log_text(self) -> str:
        """Read all that was written to standard output and error."""
        return self.child.log.read_text(errors="replace")

    def usage(self) -> list[dict[str, Any]]:
        """Read the usage records that were logged, in order."""
        return [record["usage"] for record in self.records() if "usage" in record]

    def call_pids(self) -> list[int]:
        """List the call processes: children of the fork server, itself a child of the worker."""
        return [pid for child in children_of(self.pid) for pid in children_of(child)]

    def _shown_state(self) -> str:
        if not self.state().get("port"):
            return ""
        try:
            return str(self.get("/readyz")[1]["state"])
        except (OSError, http.client.HTTPException, TypeError, KeyError):
            return ""


def variables_for(
    credentials: Credentials, folder: Path, tenant: str = "acme", **changed: str
) -> dict[str, str]:
    """Give a tenant's and its host's variables for a quick, local, silent worker."""
    values = {
        "TENANT_ID": tenant,
        "LIVEKIT_URL": credentials.url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "OPENAI_API_KEY": "sk-test-0123456789",
        "OPENAI_BASE_URL": "http://127.0.0.1:9/v1",
        "RIVAL_CHECK": "off",
        "PROVIDER_CHECK": "off",
        "AGENT": SILENT,
        "HEALTH_HOST": "127.0.0.1",
        "HEALTH_PORT": "0",
        "STATE_DIR": str(folder / "state"),
        "LOG_FORMAT": "json",
        "LOG_LEVEL": "INFO",
    }
    return {name: value for name, value in (values | changed).items() if value}


def launch_worker(
    credentials: Credentials,
    folder: Path,
    tenant: str = "acme",
    prefix: tuple[str, ...] = (),
    **changed: str,
) -> RunningWorker:
    """Start a worker and do not wait; an empty value leaves a variable out.

    `prefix` is a command to run it under, such as `ip netns exec`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    env_file = folder / "tenant.env"
    values = variables_for(credentials, folder, tenant, **changed)
    env_file.write_text("".join(f"{name}={value}\n" for name, value in values.items()))
    child = start_child(
        f"worker of {tenant}",
        [*prefix, _PYTHON, "-m", "bootstrap", "run", "--env-file", str(env_file)],
        log=folder / "worker.log",
        environment=plain_environment(),
    )
    return RunningWorker(child, folder)


def launch_serving(
    credentials: Credentials, folder: Path, under: tuple[str, ...] = (), **changed: Any
) -> RunningWorker:
    """Start a worker without its preflight (tests/worker/serving.py) and do not wait."""
    folder.mkdir(parents=True, exist_ok=True)
    told = folder / "configuration.json"
    secret = credentials.api_secret.get_secret_value()
    given = {"credentials": [credentials.url, credentials.api_key, secret], **changed}
    told.write_text(json.dumps(given))
    child = start_child(
        "worker",
        [*under, _PYTHON, "-m", "tests.worker.serving", str(told)],
        log=folder / "worker.log",
        # What the hand-over sets before the runtime is imported.
        environment=plain_environment()
        | {"OPENBLAS_NUM_THREADS": "1", "LIVEKIT_AGENTS_PRELOAD_LOCAL_INFERENCE": "0"},
    )
    return RunningWorker(child, folder)


def start_worker(
    credentials: Credentials, folder: Path, tenant: str = "acme", **changed: str
) -> RunningWorker:
    """Start a worker and wait until it is ready."""
    worker = launch_worker(credentials, folder, tenant, (), **changed)
    try:
        worker.wait_for_state("ready")
    except StartFault:
        worker.child.kill()
        raise
    return worker


@contextlib.contextmanager
def running_worker(
    credentials: Credentials, folder: Path, tenant: str = "acme", **changed: str
) -> Iterator[RunningWorker]:
    """Have a ready worker, of which nothing is left afterwards."""
    worker = start_worker(credentials, folder, tenant, **changed)
    try:
        yield worker
    finally:
        worker.child.kill()


def children_of(pid: int) -> list[int]:
    """List a process's children, the dead that nobody has reaped included."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            found += [int(child) for child in task.read_text().split()]
    return found


def wait_until(is_true: Callable[[], bool], what: str, seconds: float = 30.0) -> None:
    """Wait for what only polling can tell."""
    deadline = time.monotonic() + seconds
    while not is_true():
        assert time.monotonic() < deadline, f"not {what} after {seconds:.0f} s"
        time.sleep(_POLL_SECONDS)
