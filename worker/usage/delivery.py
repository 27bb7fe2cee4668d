"""Takes usage records to USAGE_URL: signed, oldest first, again until they are taken."""

import asyncio
import json
import logging
import random
import time

import aiohttp
from pydantic import SecretStr

from contract.records.signature import SIGNATURE_HEADER, sign
from worker.usage.spool import Spool, Waiting

logger = logging.getLogger(__name__)

_REQUEST_SECONDS = 10.0
_LONGEST_PAUSE_SECONDS = 60.0
# The receiver speaks about this record, not about itself: the others need not wait behind it.
_ABOUT_THE_RECORD = frozenset({400, 409, 413, 422})


class _NotTaken(Exception):
    """The receiver did not take a record; `is_the_record` tells whose fault it called it."""

    def __init__(self, cause: str, is_the_record: bool = False) -> None:
        super().__init__(cause)
        self.is_the_record = is_the_record


class Delivery:
    """One worker's way to the receiver; `run` is its task, `flush` its last effort."""

    def __init__(
        self,
        spool: Spool,
        url: str,
        secret: SecretStr | None,
        first_pause_seconds: float = 1.0,
    ) -> None:
        self._spool = spool
        self._url = url
        self._secret = secret
        self._first_pause = first_pause_seconds
        self._news = asyncio.Event()
        self._turn = asyncio.Lock()

    def announce(self) -> None:
        """Say that a record has come into the spool."""
        self._news.set()

    async def run(self) -> None:
        """Deliver for ever: at once what is new, with growing pauses while nothing is taken."""
        failures = 0
        while True:
            self._news.clear()
            failures = 0 if await self._deliver_all() else failures + 1
            if failures:
                await asyncio.sleep(self._pause(failures))
            else:
                await self._news.wait()

    async def flush(self, seconds: float) -> bool:
        """Try to empty the spool within `seconds`; False when records remain for the next start."""
        try:
            async with asyncio.timeout(seconds):
                await self._deliver_all()
        except TimeoutError:
            pass
        return not len(self._spool)

    async def _deliver_all(self) -> bool:
        # The lock keeps a flush from sending beside the task what that one is sending.
        async with self._turn, aiohttp.ClientSession(trust_env=True) as session:
            are_all_taken = True
            for waiting in self._spool.oldest_first():
                try:
                    await self._post(session, waiting)
                except _NotTaken as fault:
                    are_all_taken = False
                    logger.warning("a usage record was not taken, it waits: %s", fault)
                    if not fault.is_the_record:
                        return False
                else:
                    self._spool.remove(waiting)
            return are_all_taken

    async def _post(self, session: aiohttp.ClientSession, waiting: Waiting) -> None:
        body = json.dumps(waiting.record, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json"}
        if self._secret is not None:
            secret = self._secret.get_secret_value()
            headers[SIGNATURE_HEADER] = sign(body, secret, int(time.time()))
        try:
            async with asyncio.timeout(_REQUEST_SECONDS):
                # A redirect would carry a signed record to a host that nobody named.
                async with session.post(
                    self._url, data=body, headers=headers, allow_redirects=False
                ) as answer:
                    status = answer.status
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _NotTaken(type(error).__name__) from error
        if not 200 <= status < 300:
            raise _NotTaken(f"the receiver answered {status}", status in _ABOUT_THE_RECORD)

    def _pause(self, failures: int) -> float:
        longest = min(_LONGEST_PAUSE_SECONDS, self._first_pause * 2.0 ** min(failures - 1, 10))
        return longest * random.uniform(0.5, 1.0)
