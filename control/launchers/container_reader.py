"""Reads a worker back from its container: labels, name, state and what it wrote of itself."""

import io
import re
import tarfile
import time
from collections.abc import Set
from datetime import datetime
from typing import Any

import docker
from docker.errors import APIError, NotFound

from contract.records.worker_status import LONGEST_BYTES, STATE_FILE, StateFile
from control.launchers import worker_state
from control.launchers.container import LABEL, STATE_ROOT
from control.launchers.launcher import Worker, WorkerExit

_DRAINING = re.compile(r"-draining-(\d+)$")
_CREATED = "created"
_GONE_STATES = frozenset({"exited", "dead", _CREATED})
_LAST_LINES = 3
# Between making a container and starting it lies less; whoever needs longer will not start it.
_MAKING_SECONDS = 10.0


def draining_name(name: str, now: float) -> str:
    """Name a container that has been asked to drain; `now` in Unix seconds."""
    return f"{name}-draining-{int(now)}"


def is_draining(name: str) -> bool:
    """Tell whether a container's name says that it was asked to drain."""
    return _DRAINING.search(name) is not None


def is_on_host_network(listed: dict[str, Any]) -> bool:
    """Tell whether a container of Docker's list has no network of its own."""
    return bool(listed.get("HostConfig", {}).get("NetworkMode") == "host")


class ContainerReader:
    """Reads containers as workers; what cannot change any more is read once.

    `is_beside` says that we are a container on their networks ourselves.
    """

    def __init__(self, engine: docker.APIClient, *, is_beside: bool) -> None:
        self._engine, self._is_beside = engine, is_beside
        self._endings: dict[str, WorkerExit] = {}

    def worker(self, listed: dict[str, Any]) -> Worker | None:
        """Read one entry of Docker's list; None when it vanished, or its labels are not ours.

        One that is just being made is no worker yet, neither running nor ended.
        """
        if listed["State"] == _CREATED and time.time() - listed["Created"] < _MAKING_SECONDS:
            return None
        try:
            return self._worker(listed)
        except (NotFound, KeyError, ValueError):
            return None

    def started(self, container_id: str) -> Worker:
        """Read a container that has just been started."""
        listed = self._engine.containers(all=True, filters={"id": container_id})
        return self._worker(listed[0])

    def forget_all_but(self, container_ids: Set[str]) -> None:
        """Forget the endings of containers that are no longer there."""
        for container_id in self._endings.keys() - container_ids:
            self._endings.pop(container_id, None)  # another thread may do the same

    def _worker(self, listed: dict[str, Any]) -> Worker:
        labels = {
            name.removeprefix(LABEL): value
            for name, value in listed["Labels"].items()
            if name.startswith(LABEL)
        }
        drained = _DRAINING.search(listed["Names"][0])
        is_gone = listed["State"] in _GONE_STATES
        slot = int(labels["slot"])
        return Worker(
            id=listed["Id"],
            tenant=labels["tenant"],
            spec_hash=labels["content"],
            slot=slot,
            started_at=float(listed["Created"]),
            restarts=int(labels["restarts"]),
            failures=int(labels["failures"]),
            last_cause=labels.get("last-cause", ""),
            health_url=None if is_gone else self._health_url(listed, int(labels["health-port"])),
            draining_since=float(drained[1]) if drained else None,
            ending=self._ending(listed, slot) if is_gone else None,
        )

    def _health_url(self, listed: dict[str, Any], port: int) -> str | None:
        if is_on_host_network(listed):
            return f"http://127.0.0.1:{port}"
        return _url_on_network(listed, port) if self._is_beside else _url_on_host(listed, port)

    def _ending(self, listed: dict[str, Any], slot: int) -> WorkerExit:
        if listed["State"] == _CREATED:
            # Whoever made it, or its engine, ended before it was started; nobody will any more.
            return WorkerExit(None, float(listed["Created"]), "it was never started")
        ending = self._endings.get(listed["Id"]) or self._read_ending(listed["Id"], slot)
        self._endings[listed["Id"]] = ending
        return ending

    def _read_ending(self, container_id: str, slot: int) -> WorkerExit:
        ended = self._engine.inspect_container(container_id)["State"]
        state = self._state(container_id, slot, _unix(ended["StartedAt"]))
        cause = state.cause or self._last_line(container_id)
        if ended.get("OOMKilled"):
            cause = "out of memory: the container's limit was reached"
        return WorkerExit(int(ended["ExitCode"]), _unix(ended["FinishedAt"]), cause)

    def _state(self, container_id: str, slot: int, since: float) -> StateFile:
        """Copy state.json out of the container's volume; it works on ended ones too.

        Until the worker has written it, there lies its predecessor's: older than `since`.
        """
        try:
            parts, found = self._engine.get_archive(
                container_id, f"{STATE_ROOT}/{slot}/{STATE_FILE}"
            )
            # The volume is the tenant's code's as well: a link or a huge file is no state.
            if _unix(found["mtime"]) < since or found["size"] > LONGEST_BYTES:
                return StateFile()
            with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as archive:
                member = archive.next()
                file = archive.extractfile(member) if member and member.isfile() else None
                return StateFile.parse(file.read()) if file else StateFile()
        except (APIError, tarfile.TarError):
            return StateFile()

    def _last_line(self, container_id: str) -> str:
        try:
            log = self._engine.logs(container_id, tail=_LAST_LINES)
        except APIError:
            return ""
        return worker_state.last_line(log)


def _unix(text: str) -> float:
    """Read a time as Docker writes it."""
    return datetime.fromisoformat(text).timestamp()


def _url_on_network(listed: dict[str, Any], port: int) -> str | None:
    for network in listed["NetworkSettings"]["Networks"].values():
        if network.get("IPAddress"):
            return f"http://{network['IPAddress']}:{port}"
    return None


def _url_on_host(listed: dict[str, Any], port: int) -> str | None:
    for published in listed.get("Ports", []):
        if published.get("PrivatePort") == port and published.get("PublicPort"):
            return f"http://127.0.0.1:{published['PublicPort']}"
    return None
