"""Whether this worker is there for its project: its websocket, and why it is not up."""

import asyncio
import logging
import random
import time
from collections.abc import Callable

import aiohttp

from project.connection import ask_validate
from project.credentials import Credentials
from project.faults import MissingGrant, ProjectFault, Refused, TokenTimeFault
from project.tokens import worker_token
from worker import logs

logger = logging.getLogger(__name__)

_REFUSALS = (401, 403)
# A proxy in trouble may say 401 once; credentials that are revoked say it every time.
_TIMES_REFUSED = 2
_FIRST_PAUSE_SECONDS = 0.25
# Half of what a start after refused connections may take, less the jitter.
_LONGEST_PAUSE_SECONDS = 4.0
# A host that accepts and hangs up at once must not be asked without pause.
_BETWEEN_CONNECTIONS_SECONDS = 0.5


class WorkerRegistration:
    """What is known of the websocket; whoever shows the state is told of every change."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        on_change: Callable[[], None],
        on_return: Callable[[], None],
    ) -> None:
        self._credentials = credentials
        self._on_change = on_change
        self._on_return = on_return
        self._failures = 0
        self._refusals = 0
        self._tried_at = -_BETWEEN_CONNECTIONS_SECONDS
        self.is_connected = False
        self.times_registered = 0
        self.worker_id: str | None = None
        self.reason = "not registered yet"
        self.revoked: str | None = None

    async def next_try(self) -> str:
        """Wait until it is time to connect; give the token to connect with."""
        now = time.monotonic()
        pause = max(self._pause(), self._tried_at + _BETWEEN_CONNECTIONS_SECONDS - now)
        if pause > 0:
            await asyncio.sleep(pause)
        self._tried_at = time.monotonic()
        return worker_token(self._credentials)

    async def failed(self, error: Exception) -> None:
        """Judge why connecting failed: refused credentials are told apart from a lost network."""
        self._failures += 1
        logger.debug("try %d to connect has failed: %s", self._failures, _cause(error))
        if isinstance(error, aiohttp.WSServerHandshakeError) and error.status in _REFUSALS:
            await self._refused(error.status)
        else:
            self._refusals = 0
            self._because(f"the project cannot be reached ({_cause(error)})")

    def registered(self, worker_id: str) -> None:
        """Note that the project knows this worker and sends it dispatches."""
        self._failures = self._refusals = 0
        self.revoked = None
        self.worker_id = worker_id
        if self.times_registered:
            self._on_return()
        self.times_registered += 1
        self.is_connected = True
        logs.worker_is(worker_id)
        logger.info("registered")
        self._because("")

    def lost(self) -> None:
        """Note that the websocket is gone."""
        if self.is_connected:
            logger.warning("the connection to the project is gone; connecting anew")
        self.is_connected = False
        self._because("the connection to the project is gone")

    async def _refused(self, status: int) -> None:
        self._refusals += 1
        cause = await self._ask_why(status)
        self._because(f"the project refuses this worker: {cause}")
        if self._refusals >= _TIMES_REFUSED and not self.revoked:
            logger.error("the project refuses this worker's credentials: %s", cause)
            self.revoked = str(cause)
            self._on_change()

    async def _ask_why(self, status: int) -> str:
        token = worker_token(self._credentials)
        try:
            await ask_validate(self._credentials, token)
        except MissingGrant:
            return f"its key may not register agents (HTTP {status})"
        except TokenTimeFault as fault:
            self._refusals = 0  # a clock can be set right; nothing was revoked
            return f"{fault}. {fault.hint}"
        except Refused as fault:
            return f"{fault}. {fault.hint}"
        except ProjectFault:
            return f"HTTP {status}"
        return f"HTTP {status}"

    def _pause(self) -> float:
        if self._failures == 0:
            return 0.0
        pause = min(_FIRST_PAUSE_SECONDS * 2.0 ** min(self._failures, 10), _LONGEST_PAUSE_SECONDS)
        return pause * random.uniform(0.75, 1.0)

    def _because(self, reason: str) -> None:
        self.reason = reason
        self._on_change()


def _cause(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.WSServerHandshakeError):
        return f"HTTP {error.status}"
    if isinstance(error, aiohttp.ClientConnectorDNSError):
        return "its host's name does not resolve"
    if isinstance(error, aiohttp.ClientConnectorError):
        return error.strerror or "no connection"
    return type(error).__name__
