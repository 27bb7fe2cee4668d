"""An answer's body, read as far as it is worth reading: a stranger may send without end."""

import aiohttp


async def read_up_to(most: int, reply: aiohttp.ClientResponse) -> bytes:
    """Read a body to its end or to `most` bytes, whichever comes first.

    Raises:
        aiohttp.ClientPayloadError: the connection broke off within the body.
    """
    body = bytearray()
    async for chunk in reply.content.iter_any():
        body += chunk
        if len(body) >= most:
            break
    return bytes(body[:most])
