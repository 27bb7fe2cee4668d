"""A LiveKit project of its own: a real livekit-server on loopback, with its own keys."""

import http.client
import json
import secrets
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from contract.programs import ROOT
from project.credentials import Credentials
from sandbox.child import Child, StartFault, plain_environment, start_child
from sandbox.ports import free_port

_LOOPBACK = "127.0.0.1"
_READY_SECONDS = 30.0


@dataclass(frozen=True)
class Ports:
    """Where a server listens: HTTP and websocket, media over TCP, media over UDP."""

    http: int
    tcp: int
    udp: int


class RunningProject:
    """One livekit-server process; two of them are two projects."""

    def __init__(
        self,
        name: str,
        folder: Path,
        ports: Ports,
        udp: bool,
        webhook_url: str | None,
        address: str = _LOOPBACK,
    ) -> None:
        self.name, self.folder, self.ports, self._address = name, folder, ports, address
        self.url = f"ws://{address}:{ports.http}"
        self.credentials = self._new_credentials()
        # A second key of the same project, for rotation and revocation.
        self.spare_credentials = self._new_credentials()
        self._udp, self._webhook_url = udp, webhook_url
        self._child = self._start(key_is_valid=True)

    @property
    def pid(self) -> int:
        """The server's process id."""
        return self._child.pid

    @property
    def is_running(self) -> bool:
        """Tell whether the server's process is there."""
        return self._child.is_running

    def log_text(self) -> str:
        """Read all that the server has logged."""
        return self._child.log.read_text(errors="replace")

    def stop(self) -> None:
        """End the server; it waits for participants to leave, so it is killed after two seconds."""
        self._child.stop()

    def kill(self) -> None:
        """End the server as a crash would."""
        self._child.kill()

    def start(self, *, key_is_valid: bool = True) -> None:
        """Start it again after `stop` or `kill`, on the same ports; only the spare key may stay."""
        self._child = self._start(key_is_valid)

    def restart(self, *, key_is_valid: bool = True) -> None:
        """Crash the server and start it again, on the same ports."""
        self.kill()
        self.start(key_is_valid=key_is_valid)

    def _new_credentials(self) -> Credentials:
        return Credentials(
            url=self.url,
            api_key=f"API{secrets.token_hex(6)}",
            api_secret=SecretStr(secrets.token_urlsafe(32)),
        )

    def _start(self, key_is_valid: bool) -> Child:
        environment = plain_environment() | {"LIVEKIT_CONFIG": self._configuration(key_is_valid)}
        child = start_child(
            f"livekit-server of {self.name}",
            [_program()],
            log=self.folder / f"livekit-server-{self.name}.log",
            environment=environment,
        )
        try:
            child.wait_until(self._answers, "ready", _READY_SECONDS)
        except BaseException:  # Ctrl-C too must leave no process behind
            child.kill()
            raise
        return child

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection(self._address, self.ports.http, timeout=2)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == http.client.OK
        except OSError:
            return False
        finally:
            connection.close()

    def _configuration(self, key_is_valid: bool) -> str:
        valid = [self.spare_credentials, *([self.credentials] if key_is_valid else [])]
        configuration: dict[str, Any] = {
            "port": self.ports.http,
            "bind_addresses": [self._address],
            "rtc": {
                "tcp_port": self.ports.tcp,
                "udp_port": self.ports.udp,
                "force_tcp": not self._udp,
                "node_ip": self._address,
                "use_external_ip": False,
                "enable_loopback_candidate": True,
                # Without it media takes any of the machine's addresses.
                "ips": {"includes": [f"{self._address}/32"]},
            },
            "keys": {key.api_key: key.api_secret.get_secret_value() for key in valid},
            "logging": {"level": "info", "json": True},
        }
        if self._webhook_url is not None:
            configuration["webhook"] = {
                "api_key": valid[-1].api_key,
                "urls": [self._webhook_url],
            }
        return json.dumps(configuration)  # JSON is YAML


def start_project(
    name: str,
    *,
    folder: Path | None = None,
    udp: bool = True,
    ports: Ports | None = None,
    webhook_url: str | None = None,
    address: str = _LOOPBACK,
) -> RunningProject:
    """Start a project and wait until it answers; its log is written into `folder`.

    Args:
        name: for messages and the log file.
        folder: where the log goes; a new temporary one by default.
        udp: False is a network that lets no UDP through.
        ports: free ones by default.
        webhook_url: where the server posts its webhooks, signed with the project's key.
        address: which of this machine's it listens at, loopback by default.

    Raises:
        StartFault: it did not answer in time.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix=f"sandbox-{name}-"))
    ports = ports or Ports(free_port(), free_port(), free_port())
    return RunningProject(name, folder, ports, udp, webhook_url, address)


def _program() -> str:
    installed = ROOT / ".tools" / "bin" / "livekit-server"
    program = str(installed) if installed.exists() else shutil.which("livekit-server")
    if program is None:
        raise StartFault("there is no livekit-server: `make parts` installs it")
    return program
