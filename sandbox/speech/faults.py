"""Faults to order: how a provider looks that refuses, is overrun, breaks or falls silent."""

import asyncio
import contextlib
from enum import StrEnum

from sandbox.speech.catalogue import Kind

SILENCE_SECONDS = 5.0


class Fault(StrEnum):
    """What the endpoint can be told to do to every request."""

    UNAUTHORIZED = "401"
    TOO_MANY = "429"
    BROKEN = "500"
    SILENCE = "silence"

    @property
    def status(self) -> int:
        """The HTTP status it shows; what waits in silence and is answered late shows 200."""
        return 200 if self is Fault.SILENCE else int(self.value)

    @property
    def code(self) -> str:
        """The provider's word for it in an error's body."""
        return {
            Fault.UNAUTHORIZED: "invalid_api_key",
            Fault.TOO_MANY: "rate_limit_exceeded",
        }.get(self, "server_error")


class Orders:
    """The fault in force, for all kinds of models or for one."""

    def __init__(self) -> None:
        self._fault: Fault | None = None
        self._only: Kind | None = None
        self._changed = asyncio.Event()

    def put(self, fault: Fault | None, only: Kind | None = None) -> None:
        """Put a fault in force, or lift it; whoever waits in silence is served at once."""
        self._fault, self._only = fault, only
        self._changed.set()
        self._changed = asyncio.Event()

    async def meet(self, kind: Kind | None) -> Fault | None:
        """Give the fault that a request for `kind` meets, after sitting out a silence."""
        if self._only is not None and kind is not self._only:
            return None
        if self._fault is Fault.SILENCE:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._changed.wait()
            return None
        return self._fault
