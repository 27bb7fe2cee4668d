"""The tenants' running workers: listed by whoever launches them, and asked over HTTP."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import TypeVar

import httpx

from contract.records.worker_status import LONGEST_BYTES, Readiness, WorkerStatus
from control.launchers.launcher import Launcher, LauncherFault, Worker
from control.workers.answer_cache import AnswerCache
from control.workers.tenant_workers import TenantWorkers

# Many calls may ask at once; what runs does not change faster than this.
_FRESH_SECONDS = 0.5
_PATIENCE_SECONDS = 1.0
_LIST_SECONDS = 5.0
_MOST_AT_ONCE = 50
# A look at the whole fleet leaves some of these to calls that ask why nobody came.
_MOST_OF_A_LOOK = 40
_Answer = TypeVar("_Answer")


class Workers:
    """Lists workers and asks them, fifty at once; each has a second to answer.

    A list or a status is remembered for half a second, and asked for once where many want to know.
    """

    def __init__(self, launcher: Launcher, list_seconds: float = _LIST_SECONDS) -> None:
        """Take who runs them; a call waits `list_seconds` for their list, then goes without."""
        self._launcher, self._list_seconds = launcher, list_seconds
        self._client = httpx.AsyncClient(
            timeout=_PATIENCE_SECONDS,
            # Workers are on this host: no proxy stands between.
            trust_env=False,
            # They share a host's name, and what one tenant's worker sets must not reach another's.
            cookies=CookieJar(DefaultCookiePolicy(allowed_domains=())),
            headers={"Accept-Encoding": "identity"},
        )
        self._lists = AnswerCache(self._list, _FRESH_SECONDS)
        self._statuses = AnswerCache(self._ask_status, _FRESH_SECONDS)
        self._places = asyncio.Semaphore(_MOST_AT_ONCE)
        self._places_of_looks = asyncio.Semaphore(_MOST_OF_A_LOOK)

    async def of(self, tenant_id: str) -> TenantWorkers:
        """Ask each of a tenant's running workers; never raises."""
        if self._launcher.kind == "none":
            return TenantWorkers(can_be_asked=False)
        try:
            async with asyncio.timeout(self._list_seconds):
                live = [w for w in await self.listed() if w.tenant == tenant_id and w.is_live]
        except (LauncherFault, TimeoutError):
            return TenantWorkers(can_be_asked=False)
        answers = await asyncio.gather(*(self._statuses.of(worker) for worker in live))
        statuses = tuple(status for status in answers if status is not None)
        return TenantWorkers(can_be_asked=True, running=len(live), statuses=statuses)

    async def listed(self) -> tuple[Worker, ...]:
        """List every worker, ended ones included.

        Raises:
            LauncherFault: the launcher cannot tell now.
        """
        return await self._lists.of(None)

    async def statuses(self, workers: Sequence[Worker]) -> list[WorkerStatus | None]:
        """Ask many workers; None where one does not answer, or answers for somebody else."""
        return await self._look(self._statuses.of, workers)

    async def readiness(self, workers: Sequence[Worker]) -> list[Readiness]:
        """Ask many workers whether they take calls; one that does not answer is in no state.

        Nothing of it is remembered: whoever asks acts upon it.
        """
        return await self._look(self._ask_readiness, workers)

    async def close(self) -> None:
        """Close the connections."""
        await self._statuses.close()
        await self._lists.close()
        await self._client.aclose()

    async def _look(
        self, ask: Callable[[Worker], Awaitable[_Answer]], workers: Sequence[Worker]
    ) -> list[_Answer]:
        async def ask_in_turn(worker: Worker) -> _Answer:
            async with self._places_of_looks:
                return await ask(worker)

        return await asyncio.gather(*(ask_in_turn(worker) for worker in workers))

    async def _list(self, _: None) -> tuple[Worker, ...]:
        return await self._launcher.workers()

    async def _ask_status(self, worker: Worker) -> WorkerStatus | None:
        status = WorkerStatus.parse(await self._ask(worker, "/status"))
        # A port that was freed and taken again by another must not speak for this worker.
        return status if status.tenant == worker.tenant else None

    async def _ask_readiness(self, worker: Worker) -> Readiness:
        return Readiness.parse(await self._ask(worker, "/readyz"))

    async def _ask(self, worker: Worker, path: str) -> bytes:
        """Give what a worker answers; nothing when it does not within its second."""
        if worker.health_url is None or not worker.is_live:
            return b""
        try:
            async with self._places, asyncio.timeout(_PATIENCE_SECONDS):
                return await self._get(worker.health_url + path)
        except (httpx.HTTPError, TimeoutError):
            return b""

    async def _get(self, url: str) -> bytes:
        body = bytearray()
        async with self._client.stream("GET", url) as answer:
            async for piece in answer.aiter_raw():
                body += piece
                if len(body) > LONGEST_BYTES:
                    break
        return bytes(body)
