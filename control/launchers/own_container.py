"""The container that the control plane itself runs in: its networks, and its place on the host."""

from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from control.launchers.launcher import LauncherFault

# What workers call the control plane on the networks that it joins.
NAME_FOR_WORKERS = "control"


class OwnContainer:
    """Joins workers' networks, and knows where the host keeps what is mounted here."""

    def __init__(self, engine: docker.APIClient, name: str) -> None:
        """Look the container up.

        Raises:
            LauncherFault: the engine has none of this name.
        """
        self._engine, self._name = engine, name
        try:
            found = engine.inspect_container(name)
        except NotFound as error:
            raise LauncherFault(
                f"LAUNCHER_DOCKER_CONTAINER: this Docker Engine has no container {name!r}",
                "name the control plane's own container, or leave it out where it runs in none",
            ) from error
        self._joined = _networks_of(found)
        self._mounts = {
            Path(mount["Destination"]): Path(mount["Source"])
            for mount in found["Mounts"]
            if mount.get("Source")
        }

    def join(self, network_id: str) -> None:
        """Be on a network, so that its containers can be asked and can post; a gone one is fine."""
        if network_id in self._joined:
            return
        try:
            self._engine.connect_container_to_network(
                self._name, network_id, aliases=[NAME_FOR_WORKERS]
            )
        except NotFound:
            return
        except APIError:
            # A command beside `serve` is in the same container, and may have been quicker.
            if network_id not in _networks_of(self._engine.inspect_container(self._name)):
                raise
        self._joined.add(network_id)

    def host_path(self, path: Path) -> Path:
        """Tell where the host has what stands at an absolute path here.

        Raises:
            LauncherFault: it is on no volume and no mount.
        """
        for inside, outside in self._mounts.items():
            if path.is_relative_to(inside):
                return outside / path.relative_to(inside)
        raise LauncherFault(
            f"{path} is on no volume of the container {self._name!r}, so no worker can mount it",
            "mount a volume or a folder of the host there, or correct LAUNCHER_FOLDER",
        )


def _networks_of(found: dict[str, Any]) -> set[str]:
    return {network["NetworkID"] for network in found["NetworkSettings"]["Networks"].values()}
