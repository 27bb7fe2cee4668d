"""Sends for an agent until one has joined, three times at most, and never for two at once."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract.records.worker_status import WorkerState
from control.calls.call import Call, CallState, Cause, Receipt
from control.calls.causes import DispatchEvidence, cause_of_fault, is_lasting
from control.calls.connections import Connections
from control.calls.join_wait import JoinWait, LookPace
from control.calls.sending import send, undo, withdraw
from control.calls.step import CallStep, OnStep
from control.calls.store import CallStore
from control.workers.tenant_workers import AsksWorkers
from project.connection import Project
from project.faults import ProjectFault
from project.participants import agents_in

_log = logging.getLogger(__name__)
MOST_ATTEMPTS = 3
_PAUSE_SECONDS = 1.0
# Where a worker is seen to start, or to be full, sending again is of use when it is ready.
_LONGEST_PAUSE_SECONDS = 8.0
_HOPEFUL = frozenset({Cause.NO_WORKER.value, Cause.NOT_READY.value, Cause.FULL.value})


class _Over(Exception):
    """The call was ended elsewhere, or another control plane looks after it now."""


class DispatchAttempts:
    """Follows one call; `latest` is how far it has come, `was_sent` is set with the first word."""

    def __init__(  # noqa: PLR0913 - the parts of a desk, by keyword
        self,
        call: Call,
        *,
        store: CallStore,
        connections: Connections,
        workers: AsksWorkers,
        pace: LookPace,
        claim_key: Ed25519PrivateKey | None,
        on_step: OnStep,
        on_sending: Callable[[], None],
    ) -> None:
        self.call = call
        self.latest = Receipt(None, cause=Cause.NOT_TAKEN.value)
        self.was_sent = asyncio.Event()
        self._store, self._connections, self._workers = store, connections, workers
        self._claim_key, self._on_step, self._on_sending = claim_key, on_step, on_sending
        self._pace = pace
        self._began = time.monotonic()

    def mark_answered(self) -> None:
        """Know that whoever asked has been told; from now on the call outlives this process."""
        self.call = replace(self.call, is_answered=True)

    async def run(self) -> Receipt:
        """Send, wait, withdraw, send again; leave off when the call is no longer ours to make.

        Raises:
            DatabaseUnreachable: what was done could not be written down.
        """
        try:
            await self._run()
        except _Over:
            await self._leave()
        return self.latest

    async def _run(self) -> None:
        for attempt in range(MOST_ATTEMPTS):
            if attempt:
                await self._pause()
            self.latest = await self._try_once()
            self.was_sent.set()
            if self.latest.has_joined or is_lasting(self.latest.cause or ""):
                break
        if not self.latest.has_joined:
            await self._give_up()

    async def cause_now(self) -> str:
        """Name the cause for whoever will wait no longer."""
        known = self.latest.cause or Cause.NOT_TAKEN.value
        if known != Cause.NOT_TAKEN.value:
            return known
        workers = await self._workers.of(self.call.tenant_id)
        evidence = DispatchEvidence(workers, self.call.dispatch_id)
        return known if evidence.is_accepted else evidence.cause()

    async def _pause(self) -> None:
        await asyncio.sleep(_PAUSE_SECONDS)
        until = time.monotonic() + _LONGEST_PAUSE_SECONDS
        while self.latest.cause in _HOPEFUL and time.monotonic() < until:
            workers = await self._workers.of(self.call.tenant_id)
            if any(status.state is WorkerState.READY for status in workers.statuses):
                return
            await asyncio.sleep(_PAUSE_SECONDS / 2)

    async def _try_once(self) -> Receipt:
        try:
            async with self._connections.to(self.call.credentials) as project:
                return await self._send_and_wait(project)
        except ProjectFault as fault:
            _log.warning("call %s: %s (%s)", self.call.id, fault, fault.hint)
            self._tell(CallStep.NOT_COME, str(fault))
            return Receipt(self.call.dispatch_id, cause=cause_of_fault(fault))

    async def _send_and_wait(self, project: Project) -> Receipt:
        # Counted before it is sent: a request without an answer may have been fulfilled.
        await self._note(attempts=self.call.attempts + 1)
        self.latest = Receipt(self.call.dispatch_id, cause=Cause.UNREACHABLE.value)
        strangers = await self._clear(project)
        self.call = replace(self.call, attempts=self.call.attempts + 1, agent_identity=None)
        self._tell(CallStep.SENDING, f"attempt {self.call.attempts}")
        self._on_sending()
        dispatch_id = await send(project, self.call, self._claim_key)
        self.call = replace(self.call, dispatch_id=dispatch_id)
        self._tell(CallStep.SENT, dispatch_id or "")
        self.latest = Receipt(dispatch_id, cause=Cause.NOT_TAKEN.value)
        self.was_sent.set()
        await self._note(dispatch_id=dispatch_id, agent_identity=None)
        result = await JoinWait(project, self.call, self._workers, strangers, self._pace).wait()
        if result.identity is None:
            self._tell(CallStep.NOT_COME, result.cause or "")
            await self._note(cause=result.cause)
            return Receipt(dispatch_id, cause=result.cause)
        return await self._joined(dispatch_id, result.identity)

    async def _joined(self, dispatch_id: str | None, identity: str) -> Receipt:
        after_ms = round((time.monotonic() - self._began) * 1000)
        self.call = replace(self.call, agent_identity=identity, cause=None)
        await self._note(agent_identity=identity, cause=None, state=CallState.JOINED.value)
        self._tell(CallStep.JOINED, identity)
        return Receipt(dispatch_id, identity, after_ms)

    async def _clear(self, project: Project) -> frozenset[str]:
        """Take back what was sent before; gives the agents in the room that are not ours."""
        if self.call.attempts:
            await withdraw(project, self.call)
            self._tell(CallStep.WITHDRAWN, self.call.dispatch_id or "")
        if self.call.makes_room:
            return frozenset()
        return frozenset(agent.identity for agent in await agents_in(project, self.call.room))

    async def _give_up(self) -> None:
        self.call = replace(self.call, cause=self.latest.cause)
        await self._note(cause=self.latest.cause)
        try:
            async with self._connections.to(self.call.credentials) as project:
                await withdraw(project, self.call)
        except ProjectFault as fault:
            # The watch goes on with this call, and takes back what is left before it sends again.
            _log.warning("call %s: not withdrawn: %s", self.call.id, fault)

    async def _leave(self) -> None:
        """Undo what was sent after the call had been ended; another control plane's is left."""
        found = await self._store.call(self.call.id)
        _log.info("call %s: no longer ours to send for", self.call.id)
        if found is None or found.is_open:
            return
        try:
            async with self._connections.to(self.call.credentials) as project:
                await undo(project, self.call)
        except ProjectFault as fault:
            # Whoever ended it has removed the room; one made since closes by itself when empty.
            _log.warning("call %s: not undone: %s", self.call.id, fault)

    async def _note(self, **changes: Any) -> None:
        # Until it is answered a crash undoes it whatever came of it: the answer writes it all.
        if self.call.is_answered and not await self._store.note(self.call.id, **changes):
            raise _Over

    def _tell(self, step: CallStep, detail: str) -> None:
        self._on_step(step, self.call, detail)
