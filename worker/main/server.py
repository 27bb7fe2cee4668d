"""The SDK's worker as it runs here, by private names of the SDK; tests pin each."""

import asyncio
import logging
import math
import sys
from collections.abc import Awaitable, Callable
from typing import cast

import aiohttp
from livekit.agents import AgentServer, JobContext, JobProcess, JobRequest
from livekit.agents import worker as agent_worker
from livekit.agents.ipc.job_executor import JobExecutor
from livekit.protocol import agent as protocol

from worker.configuration import Configuration
from worker.forking import fork_server
from worker.main.registration import WorkerRegistration
from worker.main.websocket import WatchedSession, WatchedSocket

logger = logging.getLogger(__name__)

# aiohttp sends a ping every so often and waits half of it for the pong: a vanished network is
# noticed after 7.5 s at the latest (the SDK's own 30 s make it 45).
_HEARTBEAT_SECONDS = 5
# The load is told to the server every 2.5 s; the SDK asks for it five times as often.
_LOAD_SECONDS = 2.5
_INITIALIZE_SECONDS = 60.0
_PONG_SECONDS = 2.0
# The server tells itself of a new worker right after it has answered the ping; it needs a moment
# of its own for that, on several nodes through Redis.
_AFTER_PONG_SECONDS = 0.05
_CALL_CLOSE_SECONDS = 20.0


class TenantServer(AgentServer):
    """The SDK's worker with our guard, our load and our eyes on its websocket."""

    def __init__(
        self,
        configuration: Configuration,
        *,
        entrypoint: Callable[[JobContext], Awaitable[None]],
        prepare: Callable[[JobProcess], None],
        on_offer: Callable[[JobRequest], Awaitable[None]],
        on_withdrawal: Callable[[str], None],
        load: Callable[[], float],
        registration: WorkerRegistration,
    ) -> None:
        credentials = configuration.credentials
        super().__init__(
            # Never full by the SDK's own reckoning: the guard counts, and answers by name.
            load_threshold=math.inf,
            num_idle_processes=0,
            job_memory_warn_mb=0,
            job_memory_limit_mb=configuration.limits.call_memory_limit_mb,
            initialize_process_timeout=_INITIALIZE_SECONDS,
            shutdown_process_timeout=_CALL_CLOSE_SECONDS,
            max_retry=sys.maxsize,
            ws_url=credentials.ws_url,
            api_key=credentials.api_key,
            api_secret=credentials.api_secret.get_secret_value(),
            host="127.0.0.1",
            port=0,
            setup_fnc=prepare,
            load_fnc=load,
        )
        agent_worker.HEARTBEAT_INTERVAL = _HEARTBEAT_SECONDS
        agent_worker.UPDATE_LOAD_INTERVAL = _LOAD_SECONDS
        self._load = load
        self._registration = registration
        self._on_withdrawal = on_withdrawal
        self.rtc_session(
            entrypoint, agent_name=configuration.identity.agent_name, on_request=on_offer
        )
        # Emitted after the HTTP session is made and before the connection task first runs.
        self.on("worker_started", self._watch_connecting)

    def on_process(self, event: str, callback: Callable[[JobExecutor], None]) -> None:
        """Be told of a call's process: process_created, _started, _job_launched, _closed."""
        self._proc_pool.on(event, callback)  # type: ignore[arg-type] # its events are a Literal

    async def tell_draining(self) -> None:
        """Tell the server to offer nothing more; the guard gives back what is on its way."""
        self._draining = True
        await self._update_worker_status()

    def kill_calls(self) -> None:
        """End every call's process at once, as SIGKILL does."""
        for process in self._proc_pool.processes:
            if process.pid is not None:  # type: ignore[attr-defined] # of the process executor
                fork_server.kill(process.pid)  # type: ignore[attr-defined] # of the process executor

    def _watch_connecting(self) -> None:
        self._http_session = WatchedSession(self._http_session, self._registration)  # type: ignore[assignment] # stands in for it

    def _is_available(self) -> bool:
        # Also while draining: each offer gets the guard's answer, by name.
        return True

    async def _invoke_load_fnc(self) -> float:
        # The SDK asks in a thread of its own; counting calls needs none.
        return self._load()

    async def _run_ws(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        watched = cast(WatchedSocket, ws)  # what our session has connected
        telling = asyncio.create_task(self._tell_registered(watched), name="tell-registered")
        try:
            await super()._run_ws(ws)
        finally:
            telling.cancel()
            if not self._closed:
                self._registration.lost()

    async def _tell_registered(self, ws: WatchedSocket) -> None:
        # The server answers a registration before it acts on it, and its pong afterwards: only
        # then is a dispatch sure to find this worker.
        ping = protocol.WorkerMessage(ping=protocol.WorkerPing(timestamp=1))
        await ws.send_bytes(ping.SerializeToString())
        try:
            async with asyncio.timeout(_PONG_SECONDS):
                await ws.ponged.wait()
        except TimeoutError:
            logger.debug("the server does not answer pings; taking its registration as done")
        await asyncio.sleep(_AFTER_PONG_SECONDS)
        self._registration.registered(self.id)

    async def _handle_termination(self, msg: protocol.JobTermination) -> None:
        # The SDK would wait 15 s for the call's entrypoint, and forgets a job that is not
        # launched yet: our own pipe reaches both.
        self._on_withdrawal(msg.job_id)
        await super()._handle_termination(msg)
