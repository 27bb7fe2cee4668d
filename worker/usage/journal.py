"""One usage record per call, whatever ended it: on disk before the call counts as ended."""

import asyncio
import json
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from contract.records.usage import SCHEMA, CallOutcome
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
    """The main process's open calls: begin, note, settle; the delivery has the record then."""

    def __init__(
        self,
        identity: RecordIdentity,
        folder: Path,
        delivery: Callable[[Spool], Delivery] | None = None,
        on_waiting: Callable[[int], None] | None = None,
    ) -> None:
        self._identity = identity
        self._spool = Spool(folder / "usage", identity.tenant, on_count=on_waiting)
        self._entries = folder / "calls"
        self._entries.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._delivery = delivery(self._spool) if delivery else None
        self._open: dict[str, OpenCall] = {}
        self._settle_leftovers()

    @classmethod
    def of(
        cls, configuration: Configuration, on_waiting: Callable[[int], None] | None = None
    ) -> "UsageJournal":
        """Open a worker's journal in its STATE_DIR; warn where it would not outlive a container."""
        identity = RecordIdentity(
            tenant=configuration.identity.tenant,
            project_host=configuration.credentials.host,
            key_fingerprint=configuration.credentials.fingerprint,
            agent_name=configuration.identity.agent_name,
        )
        url, secret = configuration.host.usage_url, configuration.host.usage_secret
        if url and is_in_memory(configuration.host.state_dir):
            logger.warning(
                "STATE_DIR lies in memory (tmpfs): usage records that USAGE_URL has not taken "
                "end with this container; mount a volume there"
            )
        delivery = partial(Delivery, url=url, secret=secret) if url else None
        return cls(identity, configuration.host.state_dir, delivery, on_waiting)

    @property
    def waiting(self) -> int:
        """Count the records that nobody has taken yet."""
        return len(self._spool)

    def begin(self, job_id: str, *, dispatch_id: str, call_id: str | None, room: str) -> None:
        """Begin a call's entry, so that even one that dies at once has a record."""
        call = OpenCall(job_id, dispatch_id, call_id, room, started_at=_now())
        self._open[job_id] = call
        self._keep(call)

    def note(self, job_id: str, usage: Mapping[str, Any]) -> None:
        """Keep what a running call has used so far, in case it is the last that it says."""
        call = self._open.get(job_id)
        if call is None:
            return
        noted = replace(call, snapshot=dict(usage))
        self._open[job_id] = noted
        self._keep(noted)

    def forget(self, job_id: str) -> None:
        """Remove the entry of a call that was refused before it joined: it has no record."""
        if self._open.pop(job_id, None) is not None:
            self._entry(job_id).unlink(missing_ok=True)

    def settle(
        self,
        job_id: str,
        usage: Mapping[str, Any] | None = None,
        complete: bool = False,
        outcome: CallOutcome = CallOutcome.FAILED,
    ) -> dict[str, Any] | None:
        """Write a call's one record, log it and hand it to the delivery; None when settled before.

        Times, outcome and models are what the call says, whose call it is we say. Without `usage`
        its last snapshot stands in, or nothing; the record is then not complete.
        """
        call = self._open.pop(job_id, None)
        if call is None:
            return None
        settled = self._record(call, usage, complete and usage is not None, outcome)
        self._spool.put(settled)
        self._entry(job_id).unlink(missing_ok=True)
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
        self,
        call: OpenCall,
        usage: Mapping[str, Any] | None,
        is_complete: bool,
        outcome: CallOutcome,
    ) -> dict[str, Any]:
        known = usage or call.snapshot or {}
        started_at = str(known.get("started_at") or call.started_at)
        ended_at = str(known.get("ended_at") or _now())
        return {
            **vars(self._identity),
            "job_id": call.job_id,
            "dispatch_id": call.dispatch_id,
            "call_id": call.call_id,
            "room": call.room,
            "started_at": started_at,
            "ended_at": ended_at,
            "seconds": known.get("seconds", _seconds_between(call.started_at, ended_at)),
            "outcome": str(known.get("outcome") or outcome) if is_complete else outcome.value,
            "complete": is_complete,
            "models": known.get("models", []),
            "schema": SCHEMA,
        }

    def _settle_leftovers(self) -> None:
        # Calls that were open when an earlier main process was killed: they ended with it.
        for entry in sorted(self._entries.glob("*.json")):
            try:
                call = OpenCall(**json.loads(entry.read_bytes()))
            except (OSError, ValueError, TypeError):
                entry.unlink(missing_ok=True)
                continue
            last_heard = {"ended_at": _iso(entry.stat().st_mtime)} | (call.snapshot or {})
            self._open[call.job_id] = replace(call, snapshot=last_heard)
            self.settle(call.job_id)

    def _keep(self, call: OpenCall) -> None:
        try:
            write_whole(self._entry(call.job_id), vars(call))
        except OSError as error:
            logger.error("a call's entry cannot be kept on disk: %s", error.strerror)

    def _entry(self, job_id: str) -> Path:
        return self._entries / f"{file_name(job_id)}.json"


def _now() -> str:
    return _iso(time.time())


def _iso(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")


def _seconds_between(start: str, end: str) -> float:
    passed = datetime.fromisoformat(end) - datetime.fromisoformat(start)
    return round(max(0.0, passed.total_seconds()), 3)
