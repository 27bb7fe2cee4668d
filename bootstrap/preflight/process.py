"""The preflight process: a child that runs the preflight and answers for health meanwhile.

The main process imports the runtime in the same time. Both hold the listening socket: the child
answers on it until it is relieved, then the worker does, and no connection is lost between. A look
for rivals that is still under way by then goes on in the child.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from types import TracebackType
from typing import Any, Self

from bootstrap.preflight.health_answers import HealthAnswers
from bootstrap.preflight.report import Report, from_dict
from bootstrap.settings.settings import WorkerSettings

_log = logging.getLogger("bootstrap.preflight")
Asking = Coroutine[Any, Any, Report]
_PIECE_BYTES = 64 * 1024


class PreflightProcessFault(Exception):
    """The child ended without a report: a fault of ours."""


@dataclass(frozen=True)
class ReportSoFar:
    """A report that the child has sent: the final one, or what holds so far."""

    report: Report
    is_final: bool


@dataclass
class PreflightProcess:
    """The child's process, and our ends of the lines to it; closed by `with`.

    On `reports` it sends its reports. `relief` is closed at both ends to take over from it.
    """

    pid: int
    reports: socket.socket
    relief: socket.socket
    _received: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def next_report(self) -> ReportSoFar:
        """Wait for the child's next report; it goes on answering for health.

        Raises:
            PreflightProcessFault: when the child ended without one.
        """
        while b"\n" not in self._received:
            piece = self.reports.recv(_PIECE_BYTES)
            if not piece:
                raise PreflightProcessFault(
                    "the preflight ended without a report; the log says why"
                )
            self._received += piece
        text, _, self._received = self._received.partition(b"\n")
        sent: dict[str, Any] = json.loads(text)
        return ReportSoFar(from_dict(sent["report"]), sent["is_final"])

    async def final_report(self) -> ReportSoFar:
        """Wait for the report after one that was not final, within a running loop.

        Raises:
            PreflightProcessFault: when the child ended without one.
        """
        if not self._received:
            came = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_reader(self.reports, came.set)
            try:
                await came.wait()
            finally:
                loop.remove_reader(self.reports)
        return self.next_report()

    def relieve(self) -> None:
        """Have the child answer nobody any more; returns when it has answered the last."""
        self.relief.shutdown(socket.SHUT_WR)
        self.relief.recv(1)

    def close(self) -> None:
        """Have the child leave and wait until it is gone; a preflight under way is cancelled."""
        if self.reports.fileno() == -1:
            return
        self.relief.close()
        self.reports.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def begin(
    listener: socket.socket, settings: WorkerSettings, *, proxy: str | None
) -> PreflightProcess:
    """Fork the child. To be called while this process has a single thread and no running loop.

    Args:
        listener: listens already; the child answers on it.
        settings: the tenant's.
        proxy: the HTTP proxy that the SDK would use.
    """
    # Loaded before the fork, since the runtime needs most of it too: once for both processes.
    from bootstrap.preflight import run  # noqa: PLC0415 - see above

    ask = partial(run.run, settings, proxy=proxy)
    our_reports, reports = socket.socketpair()
    our_relief, relief = socket.socketpair()
    pid = os.fork()
    if pid:
        reports.close()
        relief.close()
        return PreflightProcess(pid, our_reports, our_relief)
    code = 1
    try:
        our_reports.close()
        our_relief.close()
        _prepare()
        asyncio.run(_attend(HealthAnswers(listener), reports, relief, ask))
        code = 0
    except BaseException:  # noqa: BLE001 - the edge of the child: nothing may unwind into the parent's frames
        _log.exception("the preflight's process broke")
    finally:
        logging.shutdown()
        os._exit(code)


def _prepare() -> None:
    # Ctrl-C and a signal to the whole group are the main process's to answer; when it is gone,
    # the lines close and the child puts its things away.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)


async def _attend(
    answers: HealthAnswers,
    reports: socket.socket,
    relief: socket.socket,
    ask: Callable[..., Asking],
) -> None:
    reports.setblocking(False)
    relief.setblocking(False)
    answers.open()
    sending = asyncio.create_task(_send_reports(reports, ask), name="preflight")
    leaving = asyncio.create_task(_until_closed(reports), name="wait for the main process")
    relieved = asyncio.create_task(_leave(answers, relief), name="wait for relief")
    await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if sending.done() and not leaving.done():
        sending.result()
        await leaving
    elif not sending.done():
        sending.cancel()
        await asyncio.wait({sending})
    await relieved


async def _send_reports(reports: socket.socket, ask: Callable[..., Asking]) -> None:
    async def on_settled(report: Report) -> None:
        await _send(reports, ReportSoFar(report, is_final=False))

    await _send(reports, ReportSoFar(await ask(on_settled=on_settled), is_final=True))


async def _send(reports: socket.socket, sent: ReportSoFar) -> None:
    text = json.dumps({"report": sent.report.as_dict(), "is_final": sent.is_final}) + "\n"
    with contextlib.suppress(ConnectionError):  # the main process is gone: nobody wants to know
        await asyncio.get_running_loop().sock_sendall(reports, text.encode())


async def _until_closed(reports: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        await asyncio.get_running_loop().sock_recv(reports, 1)


async def _leave(answers: HealthAnswers, relief: socket.socket) -> None:
    await _until_closed(relief)
    await answers.close()
    relief.close()
