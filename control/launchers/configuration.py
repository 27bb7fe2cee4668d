"""Reads the launcher's settings out of the control plane's variables."""

from collections.abc import Mapping
from pathlib import Path

from contract.limits import DEFAULT_DRAIN_SECONDS
from control.child_environment import inherited
from control.launchers.launcher import LauncherFault, LauncherSettings

DEFAULT_FOLDER = "control-workers"
# The host's part of every worker's environment; where state and health live is the launcher's own.
_HOSTS = ("HURRY_SECONDS", "LOG_FORMAT", "LOG_LEVEL")
_DEFAULT_CPUS = 2.0


def read(kind: str, image: str, variables: Mapping[str, str]) -> LauncherSettings:
    """Compose the settings of the launcher that is named.

    Raises:
        LauncherFault: naming the variable that is malformed.
    """
    credentials = variables.get("LAUNCHER_CREDENTIALS", "environment")
    if credentials not in ("environment", "files"):
        raise LauncherFault("LAUNCHER_CREDENTIALS is neither environment nor files")
    return LauncherSettings(
        kind=kind,
        folder=Path(variables.get("LAUNCHER_FOLDER", DEFAULT_FOLDER)).resolve(),
        image=image,
        docker_host=variables.get("DOCKER_HOST"),
        docker_network=variables.get("LAUNCHER_DOCKER_NETWORK"),
        docker_container=variables.get("LAUNCHER_DOCKER_CONTAINER"),
        has_credentials_as_files=credentials == "files",
        drain_seconds=int(_number(variables, "DRAIN_SECONDS", DEFAULT_DRAIN_SECONDS)),
        cpus=_number(variables, "LAUNCHER_CPUS", _DEFAULT_CPUS),
        host_variables=tuple((name, variables[name]) for name in _HOSTS if name in variables),
        host_environment=inherited(variables),
        fleet=variables.get("LAUNCHER_FLEET", "default"),
    )


def _number(variables: Mapping[str, str], name: str, default: float) -> float:
    try:
        value = float(variables.get(name, default))
    except ValueError:
        value = -1
    if not 0 < value < 1_000_000:
        raise LauncherFault(f"{name} is not a number above 0", f"for example {name}={default}")
    return value
