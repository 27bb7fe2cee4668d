"""The one place that knows private names of the SDK and of multiprocessing.

`tests/worker/test_sdk.py` pins each of them. Where forking cannot work, `fork_call_server` says
why, and the SDK's own forkserver, which imports everything again, does its work.
"""

import asyncio
import logging
import math
import os
import signal
import socket
import sys
import threading
from collections.abc import Awaitable, Callable, Iterable
from multiprocessing import connection, forkserver, resource_tracker
from typing import Any, NoReturn, cast

import aiohttp
from livekit.agents import AgentServer, JobContext, JobProcess, JobRequest
from livekit.agents import worker as agent_worker
from livekit.agents.ipc.job_executor import JobExecutor
from livekit.agents.utils import http_context
from livekit.protocol import agent as protocol
from pydantic import SecretStr

from worker import arena, erasure, immortality
from worker.configuration import Configuration
from worker.presence import Presence
from worker.websocket import WatchedSession, WatchedSocket

logger = logging.getLogger(__name__)

# The standard library's own objects, whose fields no stub knows.
_fork_server: Any = forkserver._forkserver
_tracker: Any = resource_tracker._resource_tracker
_FORK_SERVER_FIELDS = {"_forkserver_address", "_forkserver_alive_fd", "_forkserver_pid"}
_address: Callable[[str], str] = connection.arbitrary_address  # type: ignore[attr-defined] # undocumented

# aiohttp sends a ping every so often and waits half of it for the pong: a vanished network is
# noticed after 7.5 s at the latest (the SDK's own 30 s make it 45).
_HEARTBEAT_SECONDS = 5
# The load is told to the server every 2.5 s; the SDK asks for it five times as often.
_LOAD_SECONDS = 2.5
_INITIALIZE_SECONDS = 60.0
_PONG_SECONDS = 2.0
# The server tells itself of a new worker right after it has answered the ping; it needs a moment
# of its own for that, on several nodes through Redis.
_TOLD_SECONDS = 0.05
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
        presence: Presence,
    ) -> None:
        credentials = configuration.credentials
        super().__init__(
            # Never full by the SDK's own reckoning: the guard counts, and answers by name.
            load_threshold=math.inf,
            num_idle_processes=0,
            job_memory_warn_mb=0,
            job_memory_limit_mb=configuration.call_memory_limit_mb,
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
        self._presence = presence
        self._on_withdrawal = on_withdrawal
        self.rtc_session(entrypoint, agent_name=configuration.agent_name, on_request=on_offer)
        # Emitted after the HTTP session is made and before the connection task first runs.
        self.on("worker_started", self._watch_connecting)

    def on_process(self, event: str, told: Callable[[JobExecutor], None]) -> None:
        """Be told of a call's process: process_created, _started, _job_launched, _closed."""
        self._proc_pool.on(event, told)  # type: ignore[arg-type] # its events are a Literal

    async def tell_draining(self) -> None:
        """Tell the server to offer nothing more; the guard gives back what is on its way."""
        self._draining = True
        await self._update_worker_status()

    def kill_calls(self) -> None:
        """End every call's process at once, as SIGKILL does."""
        for process in self._proc_pool.processes:
            if process.pid is not None:  # type: ignore[attr-defined] # of the process executor
                kill(process.pid)  # type: ignore[attr-defined] # of the process executor

    def _watch_connecting(self) -> None:
        self._http_session = WatchedSession(self._http_session, self._presence)  # type: ignore[assignment] # stands in for it

    def _is_available(self) -> bool:
        # Also while draining: each offer gets the guard's answer, by name.
        return True

    async def _invoke_load_fnc(self) -> float:
        # The SDK asks in a thread of its own; counting calls needs none.
        return self._load()

    async def _run_ws(self, ws: aiohttp.ClientWebSocketResponse) -> None:
        watched = cast(WatchedSocket, ws)  # what our session has connected
        told = asyncio.create_task(self._tell_registered(watched), name="tell-registered")
        try:
            await super()._run_ws(ws)
        finally:
            told.cancel()
            if not self._closed:
                self._presence.lost()

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
        await asyncio.sleep(_TOLD_SECONDS)
        self._presence.registered(self.id)

    async def _handle_termination(self, msg: protocol.JobTermination) -> None:
        # The SDK would wait 15 s for the call's entrypoint, and forgets a job that is not
        # launched yet: our own line reaches both.
        self._on_withdrawal(msg.job_id)
        await super()._handle_termination(msg)


def offered_at(ctx: JobContext) -> float:
    """Give when the worker was offered this job, in Unix seconds."""
    return ctx._info.received_at


def join_target(ctx: JobContext) -> tuple[str, str]:
    """Give the URL and the token that the server sent for this job, neither of them proven."""
    return ctx._info.url, ctx._info.token


def warm_up() -> str | None:
    """Import and load, before the fork, all that a call would else do in its first second.

    Gives None, or what this SDK does not have any more: each call then does it by itself.
    """
    import livekit.plugins.openai  # a plugin registers itself, in the main thread alone

    try:
        import livekit.agents.ipc._preload
        import livekit.local_inference

        livekit.local_inference.init_vad()
        # Else the SDK would do these after the fork: the first where call processes do not see it,
        # the second in each of them, for 150 ms of its loop.
        http_context._set_default_cert_env()
        http_context._create_ssl_context()
    except (ImportError, AttributeError) as error:
        return f"this SDK is not the one that is known here ({error})"
    return None


def fork_call_server(
    close: Iterable[socket.socket] = (), forget: Iterable[SecretStr] = ()
) -> str | None:
    """Fork the process that call processes are forked from, from this one as it is now.

    It shares this process's memory, so this has to be single-threaded and without a loop. Gives
    None, or why it was not done; the SDK then starts the forkserver of the standard library.

    Args:
        close: sockets that only the main process may hold.
        forget: secrets that only the main process may know.
    """
    if obstacle := _obstacle():
        return obstacle
    immortality.freeze()
    address = _address("AF_UNIX")
    alive_r, alive_w = os.pipe()
    # Nothing of ours needs the resource tracker, a process of 7 MiB: its pipe leads nowhere.
    _tracker._fd = os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(address)
        os.chmod(address, 0o600)
        listener.listen()
        pid = os.fork()
        if pid == 0:
            _serve_forks(listener, alive_r, close, forget)
    os.close(alive_r)
    _fork_server._forkserver_address = address
    _fork_server._forkserver_alive_fd = alive_w
    _fork_server._forkserver_pid = pid
    return None


def renew_randomness() -> None:
    """Give a forked process random numbers of its own; Python does it by itself, numpy does not."""
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed()


def call_server_pid() -> int | None:
    """Give the process id of the fork server, forked by us or by the standard library."""
    return cast(int | None, vars(_fork_server).get("_forkserver_pid"))


def end_call_server() -> None:
    """End the fork server; its calls are over by now, so nothing is lost by SIGKILL."""
    if (pid := call_server_pid()) is not None:
        kill(pid)
        _fork_server._stop()


def kill(pid: int) -> None:
    """Send SIGKILL; a process that is gone already is fine."""
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return


def _obstacle() -> str | None:
    if not sys.platform.startswith("linux"):
        return f"forking after these imports is not safe on {sys.platform}"
    if unknown := _FORK_SERVER_FIELDS - vars(_fork_server).keys():
        return f"this Python's fork server has no {', '.join(sorted(unknown))}"
    if threads := _other_threads():
        return f"threads are running already: {threads}"
    if call_server_pid() is not None:
        return "a fork server is running already"
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return None
    return "an event loop is running already"


def _other_threads() -> str:
    others = [one.name for one in threading.enumerate() if one.ident != threading.get_ident()]
    native = len(os.listdir("/proc/self/task")) - 1 - len(others)
    return ", ".join(others + ([f"{native} native"] if native > 0 else []))


def _serve_forks(
    listener: socket.socket,
    alive_r: int,
    close: Iterable[socket.socket],
    forget: Iterable[SecretStr],
) -> NoReturn:
    try:
        # A signal to the group must cut no call; calls inherit this from here.
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)
        for held in close:
            held.detach()
        _forget(forget)
        arena.use_one()
        _close_all_but({0, 1, 2, listener.fileno(), alive_r, _tracker._fd})
        forkserver.main(listener.detach(), alive_r, [])
    finally:
        # Also after an exception: no frame of the main process below may ever run on here.
        os._exit(0)


def _forget(secrets: Iterable[SecretStr]) -> None:
    known = []
    for secret in secrets:
        known.append(secret.get_secret_value())
        # Emptied in place: the frames of the main process below hold it too.
        secret._secret_value = ""
    erasure.erase(known)


def _close_all_but(kept: set[int]) -> None:
    for name in os.listdir("/proc/self/fd"):
        if int(name) not in kept:
            try:
                os.close(int(name))
            except OSError:
                continue  # the listing's own descriptor
