"""The launcher for hosts where something else runs the containers: it starts and sees nothing."""

from control.launchers.launcher import LauncherFault, Worker
from control.launchers.worker_spec import WorkerSpec


class NoLauncher:
    """Leaves every worker alone; causes of calls not taken stay unknown with it."""

    kind = "none"

    async def runtime(self) -> str:
        """Give nothing: this launcher makes no workers."""
        return ""

    async def workers(self) -> tuple[Worker, ...]:
        """List none."""
        return ()

    async def start(self, spec: WorkerSpec, slot: int) -> Worker:
        """Refuse.

        Raises:
            LauncherFault: always.
        """
        raise LauncherFault(
            f"LAUNCHER=none starts no worker for {spec.tenant} (slot {slot})",
            "start its container with what runs your containers, or set LAUNCHER=docker",
        )

    async def drain(self, worker: Worker) -> None:
        """Leave it."""

    async def kill(self, worker: Worker) -> None:
        """Leave it."""

    async def remove(self, worker: Worker) -> None:
        """Leave it."""

    async def memory_bytes(self, worker: Worker) -> int | None:  # noqa: ARG002 - the protocol's name
        """Know nothing of it."""
        return None

    async def close(self) -> None:
        """Hold nothing."""
