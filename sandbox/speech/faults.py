"""Fault injection: the endpoint is told to refuse, to be overloaded, to break or to be silent."""

import asyncio
import contextlib
from enum import StrEnum

from sandbox.speech.catalogue import ModelKind

SILENCE_SECONDS = 5.0


class EndpointFault(StrEnum):
    """What the endpoint can be told to do to every request."""

    UNAUTHORIZED = "401"
    TOO_MANY = "429"
    BROKEN = "500"
    SILENCE = "silence"

    @property
    def status(self) -> int:
        """The HTTP status of the answer; after a silence the answer is a late 200."""
        return 200 if self is EndpointFault.SILENCE else int(self.value)

    @property
    def code(self) -> str:
        """The provider's word for it in an error's body."""
        return {
            EndpointFault.UNAUTHORIZED: "invalid_api_key",
            EndpointFault.TOO_MANY: "rate_limit_exceeded",
        }.get(self, "server_error")


class FaultInjector:
    """The fault in force, for all kinds of models or for one kind."""

    def __init__(self) -> None:
        self._fault: EndpointFault | None = None
        self._only: ModelKind | None = None
        self._changed = asyncio.Event()

    def inject(self, fault: EndpointFault | None, only: ModelKind | None = None) -> None:
        """Put a fault in force; None ends it, and serves at once whoever waits in a silence."""
        self._fault, self._only = fault, only
        self._changed.set()
        self._changed = asyncio.Event()

    async def fault_for(self, kind: ModelKind | None) -> EndpointFault | None:
        """Give the fault that a request for `kind` is answered with; a silence is waited for."""
        if self._only is not None and kind is not self._only:
            return None
        if self._fault is EndpointFault.SILENCE:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(SILENCE_SECONDS):
                    await self._changed.wait()
            return None
        return self._fault
