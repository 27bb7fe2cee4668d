"""What a running worker says of itself over HTTP."""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import httpx

from control.launchers.launcher import Worker

_TIMEOUT_SECONDS = 1.0
# Until it has been ready, a worker may be replaced without any call noticing.
_TAKES_CALLS = frozenset({"ready", "full"})


class WorkerHealth:
    """Asks workers; a worker that does not answer within a second has not answered."""

    def __init__(self) -> None:
        # Workers are on this host: no proxy stands between.
        self._client = httpx.AsyncClient(timeout=_TIMEOUT_SECONDS, trust_env=False)

    async def __aenter__(self) -> Self:
        """Open."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Close."""
        await self.close()

    async def close(self) -> None:
        """Close the connections."""
        await self._client.aclose()

    async def status(self, worker: Worker) -> Mapping[str, Any] | None:
        """Read /status; None when it does not answer, or answers for somebody else."""
        said = await self._read(worker, "/status")
        # A port that was freed and taken again by another must not speak for this worker.
        return said if said is not None and said.get("tenant") == worker.tenant else None

    async def takes_calls(self, worker: Worker) -> bool:
        """Tell whether it is registered and past its preflight, to the last word of it."""
        said = await self._read(worker, "/readyz")
        if said is None or not said.get("proven", True):
            return False
        return said.get("state") in _TAKES_CALLS

    async def _read(self, worker: Worker, path: str) -> Mapping[str, Any] | None:
        if worker.health_url is None or not worker.is_live:
            return None
        try:
            said = (await self._client.get(worker.health_url + path)).json()
        except (httpx.HTTPError, ValueError):
            return None
        return said if isinstance(said, dict) else None
