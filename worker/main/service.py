"""A worker's life: start and shutdown, each one ordered list; signals and the loop are its own."""

import asyncio
import logging
import signal
import socket
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from typing import Any

from contract.exits import ExitCode
from contract.records.worker_status import Readiness
from livekit_tenant._pickling import pickled
from project.connection import Project
from project.faults import ProjectFault
from project.participants import remove_participant
from worker import logs
from worker.agent import announcements
from worker.call import entry
from worker.call_pipe import Finish
from worker.configuration import Configuration
from worker.forking import fork_server
from worker.main import orphans
from worker.main.active_calls import ActiveCalls
from worker.main.health import HealthServer
from worker.main.offers import Offers
from worker.main.preflight_gate import PreflightGate
from worker.main.registration import WorkerRegistration
from worker.main.rivals import RivalWatch
from worker.main.server import TenantServer
from worker.main.status import StatusReader
from worker.metrics import WorkerMetrics
from worker.usage.journal import UsageJournal

logger = logging.getLogger(__name__)

_FLUSH_SECONDS = 5.0
_CLOSE_SECONDS = 3.0
# What is left of HURRY_SECONDS for closing, after the last call was killed.
_KILL_SECONDS = 1.0


class StopReason(Enum):
    """Why a worker stops serving."""

    ASKED = auto()
    REVOKED = auto()
    FAILED = auto()
    UNPROVEN = auto()


def serve(configuration: Configuration) -> ExitCode:
    """Serve one tenant until told to stop, in a process that was prepared.

    Owns the loop, the signals and the call processes.
    """
    logs.in_main(configuration)
    try:
        return asyncio.run(Service(configuration).run())
    finally:
        fork_server.end_call_server()


class Service:
    """The parts of a running worker, and the order in which they start and stop."""

    def __init__(self, configuration: Configuration) -> None:
        self._configuration = configuration
        self._is_draining = False
        self._shown = Readiness()
        self._asked_to_stop = asyncio.Event()
        self._hurried = asyncio.Event()
        self._revoked_and_idle = asyncio.Event()
        self._tasks: list[asyncio.Task[Any]] = []
        self._metrics = WorkerMetrics(configuration.identity.tenant)
        self._metrics.calls_may_be(configuration.limits.max_calls)
        self._journal = UsageJournal.of(configuration, self._metrics.usage_waiting)
        self._registration = WorkerRegistration(
            configuration.credentials,
            on_change=self._changed,
            on_return=self._metrics.reconnected,
        )
        self._calls = ActiveCalls(
            self._journal,
            self._metrics,
            # Offers and calls know each other; the offers are made last.
            on_refusal=lambda *late: self._offers.refuse_late(*late),  # noqa: PLW0108
            on_change=self._changed,
            remove_dead=partial(_remove_dead, configuration),
        )
        self._gate = PreflightGate(configuration)
        self._offers = Offers(
            configuration, self._calls, self._metrics, lambda: self._is_draining, self._gate
        )
        self._rivals = RivalWatch(configuration, self._metrics, lambda: self._readiness().is_ready)
        self._status = self._new_status()
        self._health = HealthServer(
            self._readiness, lambda: self._status.status(self._is_draining), self._metrics
        )
        self._server = self._new_server()

    async def run(self) -> ExitCode:
        """Serve until told to stop, revoked and idle, or broken; then shut down in order."""
        await self._start()
        ending = await self._ending()
        exit_code = await self._shut_down(ending)
        self._show(self._shown, exit_code)
        return exit_code

    async def _start(self) -> None:
        self._heed_signals()
        orphans.adopt()
        await self._open_health(self._configuration.health_socket)
        self._keep_running("deliver-usage", self._journal.deliver())
        self._keep_running("prepare-announcements", announcements.prepare(self._configuration))
        self._keep_running("rival-watch", self._rivals.watch())
        self._final_report_watch = self._keep_running("await-final-report", self._gate.watch())
        self._final_report_watch.add_done_callback(lambda _: self._changed())
        self._serving = self._keep_running("serve", self._server.run())
        self._changed()

    async def _shut_down(self, ending: StopReason) -> ExitCode:
        self._is_draining = True
        self._gate.give_up()
        self._changed()
        were_cut = False
        if ending is not StopReason.FAILED:
            await self._server.tell_draining()
            were_cut = not await self._calls_end_in_time()
        if were_cut or ending is StopReason.FAILED:
            were_cut = await self._cut_calls() or were_cut
        await self._journal.flush(_FLUSH_SECONDS)
        await self._close_server()
        await self._stop_running()
        await self._health.close()
        return _exit_code(ending, were_cut, self._gate)

    async def _calls_end_in_time(self) -> bool:
        """Let calls finish; False when time or patience ran out first."""
        if len(self._calls):
            seconds = self._configuration.host.drain_seconds
            logger.info("draining: %d calls may finish within %d s", len(self._calls), seconds)
        return await self._none_left(self._configuration.host.drain_seconds, self._hurried)

    async def _cut_calls(self) -> bool:
        """Let calls say goodbye, then end their processes; True when there were any."""
        if not len(self._calls):
            return False
        hurry = max(self._configuration.host.hurry_seconds - _KILL_SECONDS, 0.0)
        logger.warning("%d calls are cut: %g s for a goodbye", len(self._calls), hurry)
        self._calls.finish_all(Finish.SHUTDOWN)
        if not await self._none_left(hurry):
            self._server.kill_calls()
            await self._none_left(_KILL_SECONDS)
        return True

    async def _none_left(self, seconds: float, unless: asyncio.Event | None = None) -> bool:
        empty = asyncio.create_task(self._calls.none_left(), name="calls-end")
        waiting: set[asyncio.Task[Any]] = {empty}
        if unless is not None:
            waiting.add(asyncio.create_task(unless.wait(), name="hurried"))
        _, pending = await asyncio.wait(
            waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        for task in pending:
            task.cancel()
        return empty not in pending

    async def _close_server(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._server.aclose()

    async def _ending(self) -> StopReason:
        """Wait for the first reason to stop."""
        unproven = asyncio.create_task(self._unproven(), name="unproven")
        stop = asyncio.create_task(self._asked_to_stop.wait(), name="stop")
        revoked = asyncio.create_task(self._revoked_and_idle.wait(), name="revoked")
        done, _ = await asyncio.wait(
            {stop, revoked, unproven, self._serving}, return_when=asyncio.FIRST_COMPLETED
        )
        for task in (stop, revoked, unproven):
            task.cancel()
        if stop in done:
            return StopReason.ASKED
        if revoked in done:
            return StopReason.REVOKED
        if unproven in done:
            return StopReason.UNPROVEN
        logger.error("the SDK's worker ended by itself", exc_info=self._serving.exception())
        return StopReason.FAILED

    async def _unproven(self) -> None:
        """Return only if by the preflight's final report not all is well."""
        await asyncio.wait({self._final_report_watch})
        if self._gate.exit_code is ExitCode.OK:
            await asyncio.get_running_loop().create_future()

    def _new_status(self) -> StatusReader:
        return StatusReader(
            self._configuration,
            self._registration,
            self._calls,
            self._offers,
            self._rivals,
            self._journal,
            self._gate,
        )

    def _new_server(self) -> TenantServer:
        for_a_call = self._configuration.for_a_call()
        server = TenantServer(
            self._configuration,
            entrypoint=pickled(partial(entry.enter, for_a_call)),
            prepare=pickled(partial(entry.prepare, for_a_call)),
            on_offer=self._offers.answer,
            on_withdrawal=self._calls.withdraw,
            load=self._load,
            registration=self._registration,
        )
        server.on("worker_started", self._follow_processes)
        return server

    def _follow_processes(self) -> None:
        self._server.on_process("process_created", self._calls.process_created)
        self._server.on_process("process_started", self._calls.process_started)
        self._server.on_process("process_job_launched", self._calls.process_job_launched)
        self._server.on_process("process_closed", self._calls.process_closed)

    def _load(self) -> float:
        # From 0.7 on the server stops offering, and a full worker has to give back by name.
        return 0.65 * len(self._calls) / self._configuration.limits.max_calls

    def _keep_running(self, name: str, work: Any) -> asyncio.Task[Any]:
        task = asyncio.create_task(work, name=name)
        task.add_done_callback(_log_failure)
        self._tasks.append(task)
        return task

    async def _stop_running(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.wait(self._tasks)

    async def _open_health(self, listening: socket.socket | None) -> None:
        if listening is not None:
            await self._health.open(listening)

    def _heed_signals(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._signalled)
        loop.add_signal_handler(
            signal.SIGCHLD, orphans.reap, lambda pid: pid == fork_server.call_server_pid()
        )

    def _signalled(self) -> None:
        (self._hurried if self._asked_to_stop.is_set() else self._asked_to_stop).set()

    def _readiness(self) -> Readiness:
        return self._status.readiness(self._is_draining)

    def _changed(self) -> None:
        if self._registration.revoked and not len(self._calls):
            self._revoked_and_idle.set()
        readiness = self._readiness()
        if readiness != self._shown:
            self._show(readiness, None)

    def _show(self, readiness: Readiness, exit_code: ExitCode | None) -> None:
        state = readiness.state
        if state is not None and state is not self._shown.state:
            logger.info("state: %s", state, extra={"reason": readiness.reason})
            self._metrics.state_is(state)
        self._shown = readiness
        if state is not None and self._configuration.on_state is not None:
            self._configuration.on_state(state, None if exit_code is None else int(exit_code))


def _exit_code(ending: StopReason, were_cut: bool, gate: PreflightGate) -> ExitCode:
    if ending is StopReason.FAILED:
        return ExitCode.SOFTWARE
    if ending is StopReason.UNPROVEN:
        return gate.exit_code or ExitCode.SOFTWARE
    if ending is StopReason.REVOKED:
        return ExitCode.REFUSED
    return ExitCode.CUT_OFF if were_cut else ExitCode.OK


async def _remove_dead(configuration: Configuration, room: str, identity: str) -> None:
    try:
        async with Project(configuration.credentials) as project:
            await remove_participant(project, room, identity)
    except ProjectFault as fault:
        logger.warning("a dead agent stays in its room for now: %s", fault)


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        logger.error("%s has failed", task.get_name(), exc_info=error)
