"""A child of the tests: leads from one socket to another until it is killed, which cuts all.

Usage: python -m tests.control.launchers.cable FROM TO
"""

import asyncio
import contextlib
import sys


async def main(begin: str, end: str) -> None:
    """Pass on whatever comes, both ways."""

    async def join(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        back, forth = await asyncio.open_unix_connection(end)
        await asyncio.gather(_pass(reader, forth), _pass(back, writer))

    async with await asyncio.start_unix_server(join, begin) as server:
        await server.serve_forever()


async def _pass(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with contextlib.suppress(ConnectionError):
        while chunk := await source.read(65536):
            sink.write(chunk)
            await sink.drain()
    sink.close()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
