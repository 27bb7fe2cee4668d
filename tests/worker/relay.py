"""Carries bytes between a link's address and a server that listens on loopback alone."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from sandbox.ports import free_port


@contextlib.asynccontextmanager
async def relayed(address: str, port: int) -> AsyncIterator[str]:
    """Have a relay at an address of this machine; gives its host and port."""
    relay = await asyncio.start_server(lambda *ends: _join(port, *ends), address, free_port())
    try:
        yield f"{address}:{relay.sockets[0].getsockname()[1]}"
    finally:
        relay.close()


async def _join(port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    try:
        there, back = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        writer.close()
        return
    await asyncio.gather(_carry(reader, back), _carry(there, writer))


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()
