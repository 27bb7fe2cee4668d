"""Answers for health on the container's port while the preflight runs, until the worker does."""

import asyncio
import contextlib
import json
import socket

from contract.records.worker_status import Readiness, WorkerState

_REQUEST_SECONDS = 2.0
_LEAVE_SECONDS = 0.5
_LONGEST_REQUEST = 8 * 1024
_CHECKING = Readiness(WorkerState.CHECKING, "the preflight is under way", is_proven=False)


class HealthAnswers:
    """Takes connections from a listening socket that another process will take over."""

    def __init__(self, listener: socket.socket) -> None:
        self._listener = listener
        self._answering: set[asyncio.Task[None]] = set()

    def open(self) -> None:
        """Begin to answer: alive, and not ready."""
        self._listener.setblocking(False)
        asyncio.get_running_loop().add_reader(self._listener, self._take)

    async def close(self) -> None:
        """Take no more, and finish the answers that are under way: nobody else can give them."""
        asyncio.get_running_loop().remove_reader(self._listener)
        if self._answering:
            await asyncio.wait(self._answering, timeout=_LEAVE_SECONDS)

    def _take(self) -> None:
        try:
            connection, _ = self._listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # whoever came has left already
        task = asyncio.create_task(_answer(connection), name="answer for health")
        self._answering.add(task)
        task.add_done_callback(self._answering.discard)


async def _answer(connection: socket.socket) -> None:
    connection.setblocking(False)
    reader, writer = await asyncio.open_connection(sock=connection, limit=_LONGEST_REQUEST)
    # Whoever asks nothing sensible, or leaves before the answer, gets none.
    with contextlib.suppress(TimeoutError, OSError, EOFError, asyncio.LimitOverrunError):
        async with asyncio.timeout(_REQUEST_SECONDS):
            writer.write(_reply(await reader.readuntil(b"\r\n\r\n")))
            await writer.drain()
    writer.close()


def _reply(head: bytes) -> bytes:
    target = (head.split(b" ", 2)[1:2] or [b""])[0].partition(b"?")[0]
    status = "200 OK" if target == b"/livez" else "503 Service Unavailable"
    body = json.dumps(_CHECKING.as_json()).encode()
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
