"""A gate before a project: it passes all on, tells what it passes, and can be shut."""

import asyncio
import contextlib
from collections.abc import Callable

from project.credentials import Credentials
from sandbox.ports import free_port
from sandbox.servers import RunningProject


def _tell_nobody(_chunk: bytes) -> None:
    """Tell nobody."""


class Gate:
    """Stands at an address of its own; `on_chunk` hears what goes to the project."""

    def __init__(
        self, project: RunningProject, on_chunk: Callable[[bytes], None] = _tell_nobody
    ) -> None:
        self._project, self._on_chunk = project.credentials, on_chunk
        self._port = free_port()
        self._open: set[asyncio.StreamWriter] = set()
        self._server: asyncio.Server | None = None

    @property
    def credentials(self) -> Credentials:
        """Give the project's credentials with the gate's address."""
        known = self._project
        return Credentials(f"ws://127.0.0.1:{self._port}", known.api_key, known.api_secret)

    async def open(self) -> None:
        """Let in who comes."""
        self._server = await asyncio.start_server(self._let_in, "127.0.0.1", self._port)

    async def shut(self) -> None:
        """Cut who is in, and let in nobody."""
        assert self._server is not None
        self._server.close()
        for writer in list(self._open):  # then both ways end by themselves
            writer.close()
            with contextlib.suppress(ConnectionError):
                await writer.wait_closed()

    async def _let_in(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        host, _, port = self._project.host.partition(":")
        back, forth = await asyncio.open_connection(host, int(port))
        self._open |= {writer, forth}
        await asyncio.gather(
            self._pass(reader, forth, self._on_chunk), self._pass(back, writer, _tell_nobody)
        )
        self._open -= {writer, forth}

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        on_chunk: Callable[[bytes], None],
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65536):
                on_chunk(chunk)
                sink.write(chunk)
                await sink.drain()
        sink.close()
