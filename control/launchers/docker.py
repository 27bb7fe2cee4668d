"""The launcher for one Docker Engine: every tenant has a container on a network of its own."""

import asyncio
import time
from collections.abc import Callable
from typing import Any, TypeVar

import docker
import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound

from contract.limits import DEFAULT_HEALTH_PORT, STOP_GRACE_SECONDS
from contract.tenant import new_nonce
from control.launchers import container, mounted_files
from control.launchers.container import LABEL, Names
from control.launchers.container_reader import (
    ContainerReader,
    draining_name,
    is_draining,
    is_on_host_network,
)
from control.launchers.launcher import LauncherAway, LauncherFault, LauncherSettings, Worker
from control.launchers.networks import ensure_network, remove_network
from control.launchers.own_container import OwnContainer
from control.launchers.worker_spec import WorkerSpec

_Answer = TypeVar("_Answer")
_TIMEOUT_SECONDS = 30


class DockerLauncher:
    """Starts containers that Docker itself never restarts, and finds them again by their labels."""

    kind = "docker"

    def __init__(self, settings: LauncherSettings) -> None:
        self._settings = settings
        self._files = settings.folder / "files"
        try:
            self._engine = docker.APIClient(
                base_url=settings.docker_host, version="auto", timeout=_TIMEOUT_SECONDS
            )
        except DockerException as error:
            raise _unreached(settings, error) from error
        self._own = self._own_container()
        self._reader = ContainerReader(self._engine, is_beside=self._own is not None)

    def _own_container(self) -> OwnContainer | None:
        if self._settings.docker_container is None:
            return None
        own = OwnContainer(self._engine, self._settings.docker_container)
        own.host_path(self._files)  # what cannot be mounted is told now, not by the first worker
        return own

    async def runtime(self) -> str:
        """Name the image by its id, so that a moved tag replaces workers, and how it is run."""
        image, settings = await self._ask(self._image_id), self._settings
        credentials = "files" if settings.has_credentials_as_files else "environment"
        return f"{image} {settings.docker_network} {settings.cpus} {credentials}"

    def _image_id(self) -> str:
        try:
            image = self._engine.inspect_image(  # type: ignore[no-untyped-call] # docker's stub lacks it
                self._settings.image
            )
            return str(image["Id"])
        except ImageNotFound as error:
            raise LauncherFault(
                f"the image {self._settings.image!r} is not on this host",
                "docker pull it, or build it with `make image`, or correct WORKER_IMAGE",
            ) from error

    async def workers(self) -> tuple[Worker, ...]:
        """List the containers that carry this fleet's label."""
        return await self._ask(self._list)

    def _list(self) -> tuple[Worker, ...]:
        ours = {"label": f"{LABEL}fleet={self._settings.fleet}"}
        found = self._engine.containers(all=True, filters=ours)
        self._reader.forget_all_but({listed["Id"] for listed in found})
        for listed in found:
            self._join(listed)
        read = [self._reader.worker(listed) for listed in found]
        return tuple(worker for worker in read if worker is not None)

    def _join(self, listed: dict[str, Any]) -> None:
        is_reachable = listed["State"] == "running" and not is_on_host_network(listed)
        if self._own is not None and is_reachable:
            for network in listed["NetworkSettings"]["Networks"].values():
                self._own.join(network["NetworkID"])

    async def start(self, spec: WorkerSpec, slot: int) -> Worker:
        """Create and start a container; a failed one is removed again."""
        spec_hash = spec.hash(await self.runtime())
        return await self._ask(lambda: self._start(spec, slot, spec_hash))

    def _start(self, spec: WorkerSpec, slot: int, spec_hash: str) -> Worker:
        names = Names(spec.tenant)
        name = names.container(new_nonce()[:8])
        if self._settings.docker_network is None:
            ensure_network(self._engine, spec.tenant, self._settings.fleet)
        self._engine.create_volume(names.volume, labels={f"{LABEL}tenant": spec.tenant})
        try:
            made = self._create(spec, slot, spec_hash, name)
            self._engine.start(made)
        except (APIError, LauncherFault):
            self._undo(name)
            raise
        return self._reader.started(made)

    def _create(self, spec: WorkerSpec, slot: int, spec_hash: str, name: str) -> str:
        plain, mounted = spec.plain(), dict[str, str]()
        if self._settings.has_credentials_as_files:
            plain, mounted = mounted_files.split_credentials(plain)
        files = mounted_files.write(self._files / name, {**mounted, **spec.files})
        if self._own is not None:
            files = {variable: self._own.host_path(path) for variable, path in files.items()}
        place = container.choose_place(self._settings, slot)
        variables = container.environment(spec, self._settings, place, plain, set(files))
        made = self._engine.create_container(
            self._settings.image,
            name=name,
            environment=variables,
            ports=[DEFAULT_HEALTH_PORT],
            labels=container.labels(spec, self._settings, place, spec_hash),
            stop_timeout=self._settings.drain_seconds + STOP_GRACE_SECONDS,
            host_config=self._engine.create_host_config(
                **container.host_config(spec, self._settings, files)
            ),
            # Otherwise docker-py writes this host's own proxies into the container.
            use_config_proxy=False,
        )
        return str(made["Id"])

    def _undo(self, name: str) -> None:
        mounted_files.remove(self._files / name)
        try:
            self._engine.remove_container(name, force=True)
        except NotFound:
            return

    async def drain(self, worker: Worker) -> None:
        """Send SIGTERM, once; the container's name says so to the next control plane."""
        await self._ask(lambda: self._drain(worker))

    def _drain(self, worker: Worker) -> None:
        name = str(self._engine.inspect_container(worker.id)["Name"]).lstrip("/")
        if is_draining(name):
            return
        # Renamed first: a control plane that dies in between has asked at most once.
        self._engine.rename(worker.id, draining_name(name, time.time()))
        self._engine.kill(worker.id, signal="SIGTERM")

    async def kill(self, worker: Worker) -> None:
        """End the container at once."""
        await self._ask(lambda: self._engine.kill(worker.id, signal="SIGKILL"))

    async def remove(self, worker: Worker) -> None:
        """Remove an ended container and its files; with a tenant's last one goes its network."""
        await self._ask(lambda: self._remove(worker))

    def _remove(self, worker: Worker) -> None:
        name = str(self._engine.inspect_container(worker.id)["Name"]).lstrip("/")
        self._engine.remove_container(worker.id, v=False)
        mounted_files.remove(self._files / name.partition("-draining-")[0])
        if any(other.tenant == worker.tenant for other in self._list()):
            return
        remove_network(self._engine, worker.tenant)

    async def memory_bytes(self, worker: Worker) -> int | None:
        """Give what the container's cgroup uses, less the file cache that it could drop."""
        stats = await self._ask(lambda: self._engine.stats(worker.id, stream=False, one_shot=True))
        memory: dict[str, Any] = stats.get("memory_stats", {})
        used, detail = memory.get("usage"), memory.get("stats", {})
        cache = detail.get("inactive_file", detail.get("total_inactive_file", 0))
        return int(used) - int(cache) if used else None

    async def close(self) -> None:
        """Close the connection; containers go on."""
        self._engine.close()

    async def _ask(self, question: Callable[[], _Answer]) -> _Answer:
        """Ask the engine in a thread; the one place where its errors become ours."""
        try:
            return await asyncio.to_thread(question)
        except NotFound as error:
            raise LauncherFault(f"Docker no longer has it: {error.explanation}") from error
        except APIError as error:
            raise LauncherFault(f"Docker refuses: {error.explanation}") from error
        except (DockerException, requests.RequestException) as error:
            raise _unreached(self._settings, error) from error


def _unreached(settings: LauncherSettings, error: Exception) -> LauncherFault:
    where = settings.docker_host or "Docker's default socket"
    if "Permission denied" in str(error):
        return LauncherFault(
            f"this user may not open {where}",
            "give it the socket's group: `stat -c %g` on the socket says which; "
            "docs/launchers.md says what that allows",
        )
    return LauncherAway(
        f"no Docker Engine answers at {where}",
        "see there what `docker info` says; start Docker, or correct DOCKER_HOST, then try again",
    )
