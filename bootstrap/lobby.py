"""The lobby: a short-lived child that runs the preflight and answers for health meanwhile.

The main process imports the runtime in the same time. Both hold the listening socket: the child
answers on it until it is told to leave, then the worker does, and no connection is lost between.
"""

import asyncio
import contextlib
import json
import logging
import os
import signal
import socket
from collections.abc import Coroutine
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from bootstrap.report import Report, from_dict
from bootstrap.settings import Settings

_log = logging.getLogger("bootstrap.lobby")
_REQUEST_SECONDS = 2.0
_LEAVE_SECONDS = 0.5
_LONGEST_REQUEST = 8 * 1024
_CHECKING = {"state": "checking", "reason": "the preflight is under way"}


class LobbyFault(Exception):
    """The child ended without a report: a fault of ours."""


@dataclass
class Lobby:
    """The child's process, and the end of the line on which its report comes; closed by `with`."""

    pid: int
    line: socket.socket

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def report(self) -> Report:
        """Wait for the report; the child goes on answering for health.

        Raises:
            LobbyFault: when the child ended without one.
        """
        with self.line.makefile("rb") as lines:
            text = lines.readline()
        if not text:
            raise LobbyFault("the preflight ended without a report; the log says why")
        return from_dict(json.loads(text))

    def close(self) -> None:
        """Have the child leave and wait until it is gone; a preflight under way is cancelled."""
        if self.line.fileno() == -1:
            return
        self.line.close()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self.pid, 0)


def begin(listener: socket.socket, settings: Settings, *, proxy: str | None) -> Lobby:
    """Fork the child. To be called while this process has a single thread and no running loop.

    Args:
        listener: listens already; the child answers on it.
        settings: the tenant's.
        proxy: the HTTP proxy that the SDK would use.
    """
    # Loaded before the fork, since the runtime needs most of it too: once for both processes.
    from bootstrap import preflight

    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid:
        theirs.close()
        return Lobby(pid, ours)
    code = 1
    try:
        ours.close()
        _prepare()
        asyncio.run(_attend(listener, theirs, preflight.run(settings, proxy=proxy)))
        code = 0
    except BaseException:  # noqa: BLE001 - the edge of the child: nothing may unwind into the parent's frames
        _log.exception("the preflight's process broke")
    finally:
        logging.shutdown()
        os._exit(code)


def _prepare() -> None:
    # Ctrl-C and a signal to the whole group are the main process's to answer; when it is gone,
    # the line closes and the child puts its things away.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.set_wakeup_fd(-1)


async def _attend(
    listener: socket.socket, line: socket.socket, preflight: Coroutine[Any, Any, Report]
) -> None:
    line.setblocking(False)
    server = await asyncio.start_server(_serve, sock=listener, limit=_LONGEST_REQUEST)
    checking = asyncio.create_task(preflight, name="preflight")
    leaving = asyncio.create_task(_until_closed(line), name="wait for the main process")
    await asyncio.wait({checking, leaving}, return_when=asyncio.FIRST_COMPLETED)
    if checking.done() and not leaving.done():
        await _send(line, checking.result())
        await leaving
    elif not checking.done():
        checking.cancel()
        await asyncio.wait({checking})
    server.close()
    await _finish_answers()


async def _until_closed(line: socket.socket) -> None:
    with contextlib.suppress(ConnectionError):
        await asyncio.get_running_loop().sock_recv(line, 1)


async def _send(line: socket.socket, report: Report) -> None:
    text = json.dumps(report.as_dict()) + "\n"
    with contextlib.suppress(ConnectionError):  # the main process is gone: nobody wants to know
        await asyncio.get_running_loop().sock_sendall(line, text.encode())


async def _serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer for health while nothing is served yet: alive, and not ready."""
    # Whoever asks nothing sensible, or leaves before the answer, gets none.
    with contextlib.suppress(TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        async with asyncio.timeout(_REQUEST_SECONDS):
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(_answer(head))
            await writer.drain()
    writer.close()


async def _finish_answers() -> None:
    # A connection accepted just now is a task of asyncio's own first, and becomes ours in the next
    # turns of the loop; each is answered, since the worker cannot do it any more.
    for _ in range(3):
        await asyncio.sleep(0)
        if others := asyncio.all_tasks() - {asyncio.current_task()}:
            await asyncio.wait(others, timeout=_LEAVE_SECONDS)


def _answer(head: bytes) -> bytes:
    target = (head.split(b" ", 2)[1:2] or [b""])[0].partition(b"?")[0]
    status = "200 OK" if target == b"/livez" else "503 Service Unavailable"
    body = json.dumps(_CHECKING).encode()
    lines = (
        f"HTTP/1.1 {status}",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
        "Cache-Control: no-store",
        "Connection: close",
        "",
        "",
    )
    return "\r\n".join(lines).encode() + (b"" if head.startswith(b"HEAD ") else body)
