"""Chooses the launcher that the settings name."""

from control.launchers.launcher import Launcher, LauncherFault, LauncherSettings
from control.launchers.none import NoLauncher
from control.launchers.process import ProcessLauncher


def make(settings: LauncherSettings) -> Launcher:
    """Make the launcher.

    Raises:
        LauncherFault: there is none of this name, or it cannot work here.
    """
    if settings.kind == "none":
        return NoLauncher()
    if settings.kind == "process":
        return ProcessLauncher(settings)
    if settings.kind == "docker":
        # Whoever uses no Docker does not wait for its client.
        from control.launchers.docker import DockerLauncher  # noqa: PLC0415 - see above

        return DockerLauncher(settings)
    raise LauncherFault(f"LAUNCHER={settings.kind!r} is no launcher", "use process, docker or none")
