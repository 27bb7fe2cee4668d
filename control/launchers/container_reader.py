"""Reads a worker back from its container: labels, name, state and what it wrote of itself."""

import io
import re
import tarfile
import time
from datetime import datetime
from typing import Any

import docker
from docker.errors import APIError, NotFound

from control.launchers import worker_state
from control.launchers.container import LABEL, STATE_ROOT
from control.launchers.launcher import Worker, WorkerExit
from control.launchers.worker_state import WorkerState

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


class ContainerReader:
    """Reads containers as workers; what cannot change any more is read once."""

    def __init__(self, engine: docker.APIClient) -> None:
        self._engine = engine
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

    def _worker(self, listed: dict[str, Any]) -> Worker:
        said = {
            name.removeprefix(LABEL): value
            for name, value in listed["Labels"].items()
            if name.startswith(LABEL)
        }
        drained = _DRAINING.search(listed["Names"][0])
        is_gone = listed["State"] in _GONE_STATES
        slot = int(said["slot"])
        return Worker(
            id=listed["Id"],
            tenant=said["tenant"],
            content=said["content"],
            slot=slot,
            started_at=float(listed["Created"]),
            restarts=int(said["restarts"]),
            failures=int(said["failures"]),
            last_cause=said.get("last-cause", ""),
            health_url=None if is_gone else _health_url(listed, int(said["health-port"])),
            draining_since=float(drained[1]) if drained else None,
            ending=self._ending(listed, slot) if is_gone else None,
        )

    def _ending(self, listed: dict[str, Any], slot: int) -> WorkerExit:
        if listed["State"] == _CREATED:
            # Whoever made it, or its engine, ended before it was started; nobody will any more.
            return WorkerExit(None, float(listed["Created"]), "it was never started")
        container_id = listed["Id"]
        if container_id not in self._endings:
            told = self._engine.inspect_container(container_id)["State"]
            said = self._state(container_id, slot, _unix(told["StartedAt"]))
            cause = said.cause or self._last_words(container_id)
            if told.get("OOMKilled"):
                cause = "out of memory: the container's limit was reached"
            ended = WorkerExit(int(told["ExitCode"]), _unix(told["FinishedAt"]), cause)
            self._endings[container_id] = ended
        return self._endings[container_id]

    def _state(self, container_id: str, slot: int, since: float) -> WorkerState:
        """Copy state.json out of the container's volume; it works on ended ones too.

        Until the worker has written it, there lies its predecessor's: older than `since`.
        """
        try:
            parts, found = self._engine.get_archive(
                container_id, f"{STATE_ROOT}/{slot}/{worker_state.STATE_FILE}"
            )
            if _unix(found["mtime"]) < since:
                return WorkerState()
            with tarfile.open(fileobj=io.BytesIO(b"".join(parts))) as archive:
                member = archive.next()
                file = archive.extractfile(member) if member else None
                return worker_state.parse(file.read()) if file else WorkerState()
        except (APIError, tarfile.TarError):
            return WorkerState()

    def _last_words(self, container_id: str) -> str:
        try:
            said = self._engine.logs(container_id, tail=_LAST_LINES)
        except APIError:
            return ""
        return worker_state.last_words(said)


def _unix(text: str) -> float:
    """Read a time as Docker writes it."""
    return datetime.fromisoformat(text).timestamp()


def _health_url(listed: dict[str, Any], port: int) -> str | None:
    """Say where its health port is reached on this host: published, or on the host's network."""
    if listed.get("HostConfig", {}).get("NetworkMode") == "host":
        return f"http://127.0.0.1:{port}"
    for published in listed.get("Ports", []):
        if published.get("PrivatePort") == port and published.get("PublicPort"):
            return f"http://127.0.0.1:{published['PublicPort']}"
    return None
