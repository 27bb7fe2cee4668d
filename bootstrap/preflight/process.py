"""The lobby: a short-lived child that runs the preflight and answers for health meanwhile.

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
    """What the child says of the preflight; its last word, or what holds so far."""

    report: Report
    is_last: bool


@dataclass
class PreflightProcess:
    """The child's process, and our ends of the lines to it; closed by `with`.

    On `line` come its words. `relief` is closed at both ends to take over from its desk.
    """

    pid: int
    line: socket.socket
    relief: socket.socket
    _heard: bytearray = field(default_factory=bytearray)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def word(self) -> ReportSoFar:
        """Wait for the child's next word; it goes on answering for health.

        Raises:
            PreflightProcessFault: when the child ended without one.
        """
        while b"\n" not in self._heard:
            piece = self.line.recv(_PIECE_BYTES)
            if not piece:
                raise PreflightProcessFault(
                    "the preflight ended without a report; the log says why"
                )
            self._heard += piece
        text, _, self._heard = self._heard.partition(b"\n")
        said: dict[str, Any] = json.loads(text)
        return ReportSoFar(from_dict(said["report"]), said["is_last"])

    async def last_word(self) -> ReportSoFar:
        """Wait for the word after one that was not the last, within a running loop.

        Raises:
            PreflightProcessFault: when the child ended without one.
        """
        if not self._heard:
            came = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_reader(self.line, came.set)
            try:
                await came.wait()
            finally:
                loop.remove_reader(self.line)
        return self.word()

    def relieve(self) -> None:
        """Have the child answer nobody any more; returns when it has answered the last."""
        self.relief.shutdown(socket.SHUT_WR)
        self.relief.recv(1)

    def close(self) -> None:
        """Have the child leave and wait until it is gone; a preflight under way is cancelled."""
        if self.line.fileno() == -1:
            return
        self.relief.close()
        self.line.close()
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
    from bootstrap.preflight import run

    ask = partial(run.run, settings, proxy=proxy)
    our_line, line = socket.socketpair()
    our_relief, relief = socket.socketpair()
    pid = os.fork()
    if pid:
        line.close()
        relief.close()
        return PreflightProcess(pid, our_line, our_relief)
    code = 1
    try:
        our_line.close()
        our_relief.close()
        _prepare()
        asyncio.run(_attend(HealthAnswers(listener), line, relief, ask))
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
    desk: HealthAnswers, line: socket.socket, relief: socket.socket, ask: Callable[..., Asking]
) -> None:
    line.setblocking(False)
    relief.setblocking(False)
    desk.open()
    speaking = asyncio.create_task(_speak(line, ask), name="preflight")
    leaving = asyncio.create_task(_until_closed(line), name="wait for the main process")
    relieved = asyncio.create_task(_leave(desk, relief), name="wait for relief at the desk")
    await asyncio.wait({speaking, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if speaking.done() and not leaving.done():
        speaking.result()
        await leaving
    elif not speaking.done():
        speaking.cancel()
        await asyncio.wait({speaking})
    await relieved


async def _speak(line: socket.socket, ask: Callable[..., Asking]) -> None:
    async def on_settled(report: Report) -> None:
        await _say(line, ReportSoFar(report, is_last=False))

    await _say(line, ReportSoFar(await ask(on_settled=on_settled), is_last=True))


async def _say(line: socket.socket, word: ReportSoFar) -> None:
    text = json.dumps({"report": word.report.as_dict(), "is_last": word.is_last}) + "\n"
    with contextlib.suppress(ConnectionError):  # the main process is gone: nobody wants to know
        await asyncio.get_running_loop().sock_sendall(line, text.encode())


async def _until_closed(line: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        await asyncio.get_running_loop().sock_recv(line, 1)


async def _leave(desk: HealthAnswers, relief: socket.socket) -> None:
    await _until_closed(relief)
    await desk.close()
    relief.close()
