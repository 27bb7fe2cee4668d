"""The call pipe, between the main process and one call: made before the call's process is forked.

Down goes `finish`; up go refusals, what happened, counts and usage snapshots, one JSON text a line.
"""

import asyncio
import json
import logging
import socket
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Self

logger = logging.getLogger(__name__)

# What a call used is about 2 KiB; a session with many models stays far below this.
_LONGEST_MESSAGE = 1024 * 1024
_CLOSE_SECONDS = 2.0


class Finish(StrEnum):
    """Why a call is asked to end: with a goodbye, but for a withdrawn one, which is cancelled."""

    SHUTDOWN = "shutdown"
    TIME_IS_UP = "time-is-up"
    WITHDRAWN = "withdrawn"


class Up(StrEnum):
    """What a call tells the main process."""

    WAITS = "waits"
    JOINED = "joined"
    REFUSED = "refused"
    COUNT = "count"
    USAGE = "usage"
    ENDED = "ended"


@dataclass(frozen=True)
class Message:
    """One message of a call."""

    kind: Up
    body: dict[str, Any]


def make_pair() -> tuple[socket.socket, socket.socket]:
    """Make the pipe's two ends: the main process's, and the one the call's process inherits."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


class PipeToMain:
    """The call's end of the pipe: hears when to finish, and says what happens."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._listening = asyncio.create_task(self._listen(), name="listen-to-main")
        self._turn = asyncio.Event()
        self.has_joined = False
        self.finish: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @classmethod
    async def open(cls, end: socket.socket) -> Self:
        """Take the call's end into the running loop."""
        return cls(*await asyncio.open_connection(sock=end, limit=_LONGEST_MESSAGE))

    @property
    def is_withdrawn(self) -> bool:
        """Tell whether nobody wants this call any more."""
        return self.finish.done() and self.finish.result() == Finish.WITHDRAWN

    async def finished(self) -> str:
        """Wait until the call has to end politely; gives the reason."""
        return await asyncio.shield(self.finish)

    def ask_to_finish(self, reason: str) -> None:
        """End the call politely, once; a later reason does not replace the first."""
        if not self.finish.done():
            self.finish.set_result(reason)

    async def turn(self) -> None:
        """Wait until this call may join, since many at once would be slower, or has to end."""
        self._send(Up.WAITS)
        await self._turn.wait()

    def joined(self) -> None:
        """Note that the call is in its room; gives the turn back."""
        self.has_joined = True
        self._send(Up.JOINED)

    def refuse(self, reason: str, detail: str) -> None:
        """Tell that this call ends before it began, and why."""
        self._send(Up.REFUSED, reason=reason, detail=detail)

    def count(self, metric: str, value: float) -> None:
        """Send a measure to the main process, by the name that `Metrics.record` takes."""
        self._send(Up.COUNT, metric=metric, value=value)

    def send_usage(self, usage: dict[str, Any]) -> None:
        """Send what was used so far; the last one stands if the process dies."""
        self._send(Up.USAGE, usage=usage)

    def end(self, outcome: str) -> None:
        """Tell that the call is over, and that the last usage sent is complete."""
        self._send(Up.ENDED, outcome=outcome)

    async def close(self) -> None:
        """Send what is still waiting, and hang up."""
        self._listening.cancel()
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self._writer.drain()
        except (OSError, TimeoutError):
            pass  # the main process is gone, and with it whoever would read this
        self._writer.close()

    def _send(self, kind: Up, **body: Any) -> None:
        if not self._writer.is_closing():
            self._writer.write(json.dumps({"kind": kind.value, **body}).encode() + b"\n")

    async def _listen(self) -> None:
        try:
            while text := await self._reader.readline():
                if reason := json.loads(text).get("finish"):
                    self.ask_to_finish(str(reason))
                self._turn.set()
        except (OSError, ValueError):
            pass  # hung up in the middle of a line: the SDK ends this process by itself


class PipeToCall:
    """The main process's end of the pipe: tells a call to finish, and passes on what it says."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        on_message: Callable[[Message], None],
    ) -> None:
        self._writer = writer
        self._listening = asyncio.create_task(
            self._listen(reader, on_message), name="listen-to-call"
        )

    @classmethod
    async def open(cls, end: socket.socket, on_message: Callable[[Message], None]) -> Self:
        """Take the main process's end into the running loop; `on_message` gets every message."""
        return cls(*await asyncio.open_connection(sock=end, limit=_LONGEST_MESSAGE), on_message)

    def finish(self, reason: str) -> None:
        """Ask the call to end politely."""
        self._send({"finish": reason})

    def may_join(self) -> None:
        """Tell the call that it is its turn."""
        self._send({})

    async def ended(self, patience_seconds: float) -> None:
        """Wait until every message was received, or patience ends; then close."""
        await asyncio.wait({self._listening}, timeout=patience_seconds)
        self._listening.cancel()
        self._writer.close()

    def _send(self, body: dict[str, str]) -> None:
        # A call that has hung up is left alone.
        if not self._writer.is_closing():
            self._writer.write(json.dumps(body).encode() + b"\n")

    async def _listen(
        self, reader: asyncio.StreamReader, on_message: Callable[[Message], None]
    ) -> None:
        try:
            while text := await reader.readline():
                body = json.loads(text)
                on_message(Message(Up(body.pop("kind")), body))
        except (OSError, ValueError):
            pass  # killed in the middle of a line: its process's end is noticed by itself
        except Exception:  # the edge of this task: such a call is settled as one that died
            logger.exception("a call's pipe broke")
