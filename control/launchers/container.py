"""How a tenant's container is made: its environment, mounts, limits and labels, as plain data."""

import contextlib
import random
import socket
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from contract.limits import DEFAULT_HEALTH_PORT
from control.launchers.launcher import LauncherFault, LauncherSettings
from control.launchers.worker_spec import WorkerSpec

LABEL = "tenant-worker."
STATE_ROOT = "/state"
MOUNTED_FILES = "/run/tenant"
_CPU_PERIOD_MICROSECONDS = 100_000
# Below the kernel's range for outgoing connections, which would take a port at random.
_HOST_PORTS = range(12_000, 20_000)
_PORT_TRIES = 100


@dataclass(frozen=True)
class Names:
    """What Docker calls a tenant's things."""

    tenant: str

    @property
    def network(self) -> str:
        """Name the network that no other tenant is on."""
        return f"tenant-worker-{self.tenant}"

    @property
    def volume(self) -> str:
        """Name the volume that outlives containers: spooled usage records."""
        return f"tenant-worker-{self.tenant}-state"

    def container(self, nonce: str) -> str:
        """Name one container."""
        return f"tenant-worker-{self.tenant}.{nonce}"


@dataclass(frozen=True)
class Place:
    """Where one container lives: its part of the tenant's state, and its health port."""

    slot: int
    health_port: int = DEFAULT_HEALTH_PORT


def environment(
    spec: WorkerSpec,
    settings: LauncherSettings,
    place: Place,
    shown: Mapping[str, str],
    files: set[str],
) -> dict[str, str]:
    """Compose the container's variables; `files` are the names of those mounted as files."""
    is_on_host_network = settings.docker_network == "host"
    return {
        "HEALTH_HOST": "127.0.0.1" if is_on_host_network else "0.0.0.0",  # noqa: S104 - its own network; published on loopback alone
        "HEALTH_PORT": str(place.health_port),
        "DRAIN_SECONDS": str(settings.drain_seconds),
        **dict(settings.host_variables),
        **shown,
        "STATE_DIR": f"{STATE_ROOT}/{place.slot}",
        **{_variable(name, spec): f"{MOUNTED_FILES}/{name.lower()}" for name in files},
    }


def choose_place(settings: LauncherSettings, slot: int) -> Place:
    """Choose the health port: always the same inside a network of its own, else a free one."""
    return Place(slot, _free_port()) if settings.docker_network == "host" else Place(slot)


def _free_port() -> int:
    for port in random.sample(_HOST_PORTS, _PORT_TRIES):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
    raise LauncherFault("no free port between 12000 and 20000 for a health port")


def _variable(name: str, spec: WorkerSpec) -> str:
    """A variable that is a path keeps its name; a value that is mounted is told as NAME_FILE."""
    return name if name in spec.files else f"{name}_FILE"


def labels(
    spec: WorkerSpec, settings: LauncherSettings, place: Place, spec_hash: str
) -> dict[str, str]:
    """Write what another control plane needs to know the container by.

    The labels' names stay as they are: after an upgrade it must know those that run.
    """
    return {
        f"{LABEL}fleet": settings.fleet,
        f"{LABEL}tenant": spec.tenant,
        f"{LABEL}content": spec_hash,
        f"{LABEL}slot": str(place.slot),
        f"{LABEL}health-port": str(place.health_port),
        f"{LABEL}restarts": str(spec.restarts),
        f"{LABEL}failures": str(spec.failures),
        f"{LABEL}last-cause": spec.last_cause,
    }


def host_config(
    spec: WorkerSpec, settings: LauncherSettings, files: Mapping[str, Path]
) -> dict[str, Any]:
    """Compose limits, mounts and hardening; the keyword arguments of docker's host config."""
    names = Names(spec.tenant)
    network = settings.docker_network or names.network
    mounts = {names.volume: {"bind": STATE_ROOT, "mode": "rw"}}
    for name, path in files.items():
        mounts[str(path)] = {"bind": f"{MOUNTED_FILES}/{name.lower()}", "mode": "ro"}
    ports = {} if network == "host" else {DEFAULT_HEALTH_PORT: ("127.0.0.1", None)}
    return {
        "binds": mounts,
        "network_mode": network,
        "port_bindings": ports,
        # Docker cannot tell exit codes apart; the loop restarts.
        "restart_policy": {"Name": "no"},
        "mem_limit": f"{spec.memory_mib}m",
        "memswap_limit": f"{spec.memory_mib}m",
        "pids_limit": spec.pids,
        # A quota, since Docker refuses more CPUs than the host has when they are told as a number.
        "cpu_period": _CPU_PERIOD_MICROSECONDS,
        "cpu_quota": int(settings.cpus * _CPU_PERIOD_MICROSECONDS),
        "read_only": True,
        "tmpfs": {"/tmp": "size=64m,mode=1777"},  # noqa: S108 - inside the container
        "cap_drop": ["ALL"],
        "security_opt": ["no-new-privileges"],
        "log_config": {"Type": "json-file", "Config": {"max-size": "10m", "max-file": "3"}},
    }
