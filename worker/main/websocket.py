"""The worker's websocket as we watch it: connecting is bounded in time and never given up."""

import asyncio
from typing import Any

import aiohttp
from livekit.protocol import agent as protocol

from worker.main.registration import WorkerRegistration

_CONNECT_SECONDS = 5.0


class WatchedSession:
    """The SDK's HTTP session, with connecting bounded in time and never given up."""

    def __init__(self, session: Any, registration: WorkerRegistration) -> None:
        self._session = session
        self._registration = registration

    async def ws_connect(self, *args: Any, **kwargs: Any) -> "WatchedSocket":
        """Connect as aiohttp does, and try until it succeeds."""
        while True:
            # Trying for ever needs a token that is signed anew each time.
            kwargs["headers"] = {"Authorization": f"Bearer {await self._registration.next_try()}"}
            try:
                async with asyncio.timeout(_CONNECT_SECONDS):
                    return WatchedSocket(await self._session.ws_connect(*args, **kwargs))
            except (aiohttp.ClientError, OSError, TimeoutError) as error:
                await self._registration.failed(error)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._session, name)


class WatchedSocket:
    """The worker's websocket; the first answer is bounded in time, and a pong is noticed."""

    def __init__(self, ws: Any) -> None:
        self._ws = ws
        self.ponged = asyncio.Event()

    async def receive_bytes(self) -> bytes:
        """Receive the answer to the registration."""
        async with asyncio.timeout(_CONNECT_SECONDS):
            return bytes(await self._ws.receive_bytes())

    async def receive(self) -> aiohttp.WSMessage:
        """Receive whatever comes next."""
        message: aiohttp.WSMessage = await self._ws.receive()
        if message.type is aiohttp.WSMsgType.BINARY and not self.ponged.is_set():
            answer = protocol.ServerMessage.FromString(message.data)
            if answer.WhichOneof("message") == "pong":
                self.ponged.set()
        return message

    def __getattr__(self, name: str) -> Any:
        return getattr(self._ws, name)
