"""A tenant's worker without a container: `entrypoint.sh` with the tenant's own env file."""

import http.client
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from contract.programs import ROOT
from project.credentials import Credentials
from sandbox.child import Child, plain_environment, start_child
from sandbox.speech.client import SpeechClient

_READY_SECONDS = 60.0


class RunningTenant:
    """A tenant's worker in a process group of its own; its env file alone says whose it is."""

    def __init__(self, name: str, env_file: Path, state_dir: Path, child: Child) -> None:
        self.name, self.env_file, self._child = name, env_file, child
        self._state_dir = state_dir

    @property
    def log(self) -> Path:
        """Where its output goes."""
        return self._child.log

    @property
    def health_url(self) -> str:
        """Where it serves /livez, /readyz, /status and /metrics."""
        return f"http://127.0.0.1:{self._port}"

    def status(self) -> dict[str, Any]:
        """Ask for its /status."""
        body: dict[str, Any] = json.loads(self._get("/status")[1])
        return body

    def is_ready(self) -> bool:
        """Tell whether it is registered and takes calls."""
        try:
            return self._port is not None and self._get("/readyz")[0] == http.client.OK
        except OSError:
            return False

    def wait_until_ready(self, patience_seconds: float = _READY_SECONDS) -> None:
        """Wait until it takes calls.

        Raises:
            StartFault: it ended or was not ready in time.
        """
        self._child.wait_until(self.is_ready, "ready", patience_seconds)

    def stop(self, patience_seconds: float = 10.0) -> int:
        """Ask it to drain and give its exit code; after the patience it is killed."""
        return self._child.stop(patience_seconds)

    @property
    def _port(self) -> int | None:
        try:
            port: int | None = json.loads((self._state_dir / "state.json").read_text())["port"]
        except (OSError, ValueError, KeyError):
            return None  # the file is not written yet
        return port

    def _get(self, path: str) -> tuple[int, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self._port or 0, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()


def tenant_variables(tenant: str, credentials: Credentials, speech: SpeechClient) -> dict[str, str]:
    """Give the least variables that a tenant's env file needs."""
    return {
        "TENANT_ID": tenant,
        "LIVEKIT_URL": credentials.url,
        "LIVEKIT_API_KEY": credentials.api_key,
        "LIVEKIT_API_SECRET": credentials.api_secret.get_secret_value(),
        "OPENAI_API_KEY": speech.api_key,
        "OPENAI_BASE_URL": speech.url,
    }


def write_env_file(
    path: Path, variables: Mapping[str, str], agent_config: Mapping[str, Any] | None = None
) -> None:
    """Write an env file that its owner alone may read, and AGENT_CONFIG's file beside it."""
    written_variables = dict(variables)
    if agent_config is not None:
        config_file = path.with_suffix(".yaml")
        config_file.write_text(yaml.safe_dump(dict(agent_config), sort_keys=False))
        written_variables["AGENT_CONFIG"] = config_file.name
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in written_variables.items()))


def start_tenant(
    name: str, env_file: Path, *, folder: Path, host: Mapping[str, str] | None = None
) -> RunningTenant:
    """Start a tenant's worker and do not wait; its log and its state go into `folder`.

    Args:
        name: for messages and file names.
        env_file: the tenant's variables.
        folder: a folder of its own.
        host: the host's variables, beside those that serve health on a free port of 127.0.0.1.
    """
    state_dir = folder / "state"
    environment = plain_environment() | {
        "HEALTH_HOST": "127.0.0.1",
        "HEALTH_PORT": "0",
        "STATE_DIR": str(state_dir),
        **(host or {}),
    }
    child = start_child(
        f"the worker of {name}",
        [str(ROOT / "entrypoint.sh"), "run", "--env-file", str(env_file)],
        log=folder / f"{name}.log",
        environment=environment,
    )
    return RunningTenant(name, env_file, state_dir, child)
