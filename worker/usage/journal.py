"""One usage record per call, whatever ended it: on disk before the call counts as ended."""

import asyncio
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from contract.usage import SCHEMA, CallOutcome
from worker.configuration import Configuration
from worker.usage.delivery import Delivery
from worker.usage.spool import Spool, file_name, is_in_memory, write_whole

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class RecordIdentity:
    """Whose records these are; the call's process does not get to say."""

    tenant: str
    project_host: str
    key_fingerprint: str
    agent_name: str


@dataclass(frozen=True)
class OpenCall:
    """A call that has begun: who it is, and the last that was heard of its usage."""

    job_id: str
    dispatch_id: str
    call_id: str | None
    room: str
    started_at: str
    snapshot: dict[str, Any] | None = None


class UsageJournal:
    """Keeps the books of the main process: begin, note, settle; then the delivery has it."""

    def __init__(
        self,
        identity: RecordIdentity,
        folder: Path,
        delivery: Callable[[Spool], Delivery] | None = None,
        on_waiting: Callable[[int], None] | None = None,
    ) -> None:
        self._identity = identity
        self._spool = Spool(folder / "usage", identity.tenant, on_count=on_waiting)
        self._begun = folder / "calls"
        self._begun.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._delivery = delivery(self._spool) if delivery else None
        self._open: dict[str, OpenCall] = {}
        self._settle_leftovers()

    @classmethod
    def of(
        cls, configuration: Configuration, on_waiting: Callable[[int], None] | None = None
    ) -> "UsageJournal":
        """Open a worker's books in its STATE_DIR; warns when they would not outlive a container."""
        identity = RecordIdentity(
            tenant=configuration.tenant,
            project_host=configuration.credentials.host,
            key_fingerprint=configuration.credentials.fingerprint,
            agent_name=configuration.agent_name,
        )
        url, secret = configuration.usage_url, configuration.usage_secret
        if url and is_in_memory(configuration.state_dir):
            logger.warning(
                "STATE_DIR lies in memory (tmpfs): usage records that USAGE_URL has not taken "
                "end with this container; mount a volume there"
            )
        delivery = partial(Delivery, url=url, secret=secret) if url else None
        return cls(identity, configuration.state_dir, delivery, on_waiting)

    @property
    def waiting(self) -> int:
        """Count the records that nobody has taken yet."""
        return len(self._spool)

    def begin(self, job_id: str, *, dispatch_id: str, call_id: str | None, room: str) -> None:
        """Open a call's page, so that even one that dies at once has a record."""
        call = OpenCall(job_id, dispatch_id, call_id, room, started_at=_now())
        self._open[job_id] = call
        self._keep(call)

    def note(self, job_id: str, record: dict[str, Any]) -> None:
        """Keep a running call's newest snapshot, in case it is the last."""
        call = self._open.get(job_id)
        if call is None:
            return
        noted = replace(call, snapshot=record)
        self._open[job_id] = noted
        self._keep(noted)

    def forget(self, job_id: str) -> None:
        """Tear out the page of a call that was refused before it joined: it has no record."""
        if self._open.pop(job_id, None) is not None:
            self._page(job_id).unlink(missing_ok=True)

    def settle(
        self,
        job_id: str,
        record: dict[str, Any] | None = None,
        complete: bool = False,
        outcome: CallOutcome = CallOutcome.FAILED,
    ) -> dict[str, Any] | None:
        """Write a call's one record, log it and hand it to the delivery; None when settled before.

        Without a record the last snapshot stands in, or an empty page, with the outcome given.
        """
        call = self._open.pop(job_id, None)
        if call is None:
            return None
        settled = self._record(call, record, complete, outcome)
        self._spool.put(settled)
        self._page(job_id).unlink(missing_ok=True)
        logger.info("usage", extra={"job": job_id, "room": call.room, "usage": settled})
        if self._delivery:
            self._delivery.announce()
        return settled

    async def deliver(self) -> None:
        """Deliver for ever; without USAGE_URL, only wait to be cancelled."""
        if self._delivery is None:
            await asyncio.Event().wait()
        else:
            await self._delivery.run()

    async def flush(self, seconds: float) -> bool:
        """Deliver what waits before the worker ends; False when records stay for the next start."""
        if self._delivery is None:
            return True
        is_empty = await self._delivery.flush(seconds)
        if not is_empty:
            logger.warning("%d usage records wait in the spool for the next start", self.waiting)
        return is_empty

    def _record(
        self, call: OpenCall, given: dict[str, Any] | None, complete: bool, outcome: CallOutcome
    ) -> dict[str, Any]:
        told = given or call.snapshot or {}
        is_complete = complete and given is not None
        ended_at = str(told.get("ended_at") or _now())
        return {
            **vars(self._identity),
            "job_id": call.job_id,
            "dispatch_id": call.dispatch_id,
            "call_id": call.call_id,
            "room": call.room,
            "started_at": str(told.get("started_at") or call.started_at),
            "ended_at": ended_at,
            "seconds": told.get("seconds", _seconds_between(call.started_at, ended_at)),
            "outcome": str(told.get("outcome") or outcome) if is_complete else outcome.value,
            "complete": is_complete,
            "models": told.get("models", []),
            "schema": SCHEMA,
        }

    def _settle_leftovers(self) -> None:
        # Calls that were open when an earlier main process was killed: they ended with it.
        for page in sorted(self._begun.glob("*.json")):
            try:
                call = OpenCall(**json.loads(page.read_bytes()))
            except (OSError, ValueError, TypeError):
                page.unlink(missing_ok=True)
                continue
            last_heard = {"ended_at": _iso(page.stat().st_mtime)} | (call.snapshot or {})
            self._open[call.job_id] = replace(call, snapshot=last_heard)
            self.settle(call.job_id)

    def _keep(self, call: OpenCall) -> None:
        try:
            write_whole(self._page(call.job_id), vars(call))
        except OSError as error:
            logger.error("a call's page cannot be kept on disk: %s", error.strerror)

    def _page(self, job_id: str) -> Path:
        return self._begun / f"{file_name(job_id)}.json"


def _now() -> str:
    return _iso(time.time())


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _seconds_between(start: str, end: str) -> float:
    passed = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return round(max(0.0, passed.total_seconds()), 3)
