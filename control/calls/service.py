"""The call service: takes a request for a call and answers it, once for each Idempotency-Key."""

import asyncio
import logging
import time
from collections.abc import Callable
from dataclasses import replace

from contract.tenant import call_room, new_nonce, serves_room
from control import logs
from control.calls import faults
from control.calls.call import (
    RESERVED_IDENTITY,
    TOKEN_SECONDS,
    Call,
    CallAnswer,
    CallRequest,
    CallState,
    Receipt,
    answer,
)
from control.calls.connections import Connections
from control.calls.dispatch_attempts import DispatchAttempts
from control.calls.join_wait import LookPace
from control.calls.step import CallStep, OnStep, tell_nobody
from control.calls.store import CallStore
from control.calls.upkeep.leases import Leases
from control.calls.upkeep.recovery import Recovery
from control.calls.upkeep.retention import CallRetention
from control.calls.upkeep.watch import CallWatch
from control.settings import ControlSettings
from control.storage.database import Database, DatabaseUnreachable
from control.tenants.registry import Registry
from control.tenants.tenant import FaultyTenant, Tenant
from control.workers.tenant_workers import AsksWorkers
from project.faults import ProjectFault
from project.rooms import room_exists
from project.tokens import caller_token

_log = logging.getLogger(__name__)
# A request of wait_seconds=0 still learns its dispatch's id, if the project is quick.
_SHORTEST_WAIT_SECONDS = 0.5
_REPEAT_PATIENCE_SECONDS = 60.0
_REPEAT_PAUSE_SECONDS = 0.2


def _notice_nothing(_seconds: float) -> None:
    """Measure nothing."""


class CallService:
    """Makes calls, and looks after them until they end."""

    def __init__(
        self,
        database: Database,
        registry: Registry,
        settings: ControlSettings,
        workers: AsksWorkers,
        *,
        on_step: OnStep = tell_nobody,
        on_dispatch: Callable[[float], None] = _notice_nothing,
    ) -> None:
        """Take the parts; `on_dispatch` is told the seconds from a request to its dispatch."""
        self.store = CallStore(database, settings.sealer)
        self.connections = Connections()
        self._registry, self._claim_key = registry, settings.claim_private_key
        self._workers, self._pace = workers, LookPace()
        self._on_step, self.on_dispatch = on_step, on_dispatch
        self.watch = CallWatch(self.store, self.connections, self._attempts_for)
        self.leases = Leases(database, self.store)
        self.recovery = Recovery(self.store, self.leases, self.connections, self.watch)
        self.retention = CallRetention(database, settings.calls_keep_days)
        self._answering: dict[str, asyncio.Future[CallAnswer]] = {}

    async def request(
        self,
        tenant_id: str,
        request: CallRequest,
        key: str | None,
        *,
        received: float | None = None,
    ) -> CallAnswer:
        """Make a call, or answer again what this key was answered before.

        `received` is when it was asked for (time.monotonic); without it, now.

        Raises:
            UnknownTenant, FaultyTenant, CallFault: it is not made, and nothing of it is left.
            DatabaseUnreachable: nothing can be written down, so nothing is sent.
        """
        received = time.monotonic() if received is None else received
        tenant = await self._registry.callee(tenant_id)
        _admit(tenant, request)
        call = await self._new_call(tenant, request)
        stored = await self.store.open(call, key)
        if stored.is_new:
            return await self._make(call, received)
        if stored.body_digest != request.digest():
            raise faults.KeyReused("this Idempotency-Key was used with another body")
        return await self._repeat(call, stored.call.id, received)

    async def call(self, tenant_id: str, call_id: str) -> Call:
        """Give one of the tenant's calls.

        Raises:
            UnknownCall: it has none of this id.
        """
        call = await self.store.call(call_id)
        if call is None or call.tenant_id != tenant_id:
            raise faults.UnknownCall(f"tenant {tenant_id} has no such call")
        return call

    async def end(self, tenant_id: str, call_id: str) -> Call:
        """End a call: the room goes if it was made for it, else its agent and dispatches.

        It is `ending` when its project does not answer within seconds, and undone when that does.

        Raises:
            UnknownCall: the tenant has none of this id.
            PermanentFault: the project lets us remove nothing.
        """
        call = await self.call(tenant_id, call_id)
        if call.is_open and call.state is not CallState.ENDING:
            await self.recovery.end(call)
        return await self.call(tenant_id, call_id)

    async def close(self) -> None:
        """Stop looking after calls; they go on, and another control plane may take them over."""
        await self.watch.close()
        await self.recovery.close()
        try:
            await self.leases.let_go()
        except DatabaseUnreachable:
            _log.warning("calls are left to their leases: the database cannot be reached")
        await self.connections.close()

    async def _new_call(self, tenant: Tenant, request: CallRequest) -> Call:
        room = request.room or call_room(tenant.room_prefix, new_nonce())
        return Call(
            id=new_nonce(),
            tenant_id=tenant.id,
            room=room,
            makes_room=request.room is None or not await self._is_there(tenant, room),
            request=request,
            credentials=tenant.credentials,
            agent_name=tenant.agent_name,
            state=CallState.BOOKED,
            created_at=time.time(),
        )

    async def _is_there(self, tenant: Tenant, room: str) -> bool:
        try:
            async with self.connections.to(tenant.credentials) as project:
                return await room_exists(project, room)
        except ProjectFault:
            return True  # then it is not ours to remove

    async def _make(self, call: Call, received: float) -> CallAnswer:
        promise: asyncio.Future[CallAnswer] = asyncio.get_running_loop().create_future()
        self._answering[call.id] = promise
        try:
            with logs.about(tenant=call.tenant_id, call=call.id):
                made = await self._answer(call, received)
        except BaseException as error:  # whatever it was, whoever repeats the request is told too
            if not promise.cancelled():
                promise.set_exception(error)
                promise.exception()  # whoever repeats is told as well; nobody has to listen
            raise
        finally:
            self._answering.pop(call.id, None)
        promise.set_result(made)
        return made

    async def _answer(self, call: Call, received: float) -> CallAnswer:
        self._on_step(CallStep.BOOKED, call, "")
        attempts = self._attempts_for(call, lambda: self.on_dispatch(time.monotonic() - received))
        task = asyncio.create_task(attempts.run(), name=f"send for an agent: call {call.id}")
        try:
            receipt = await self._receipt(attempts, task, received)
            token = caller_token(
                call.credentials,
                call.room,
                call.request.identity,
                call.request.name,
                ttl_seconds=TOKEN_SECONDS,
            )
            made = answer(call, receipt, token)
            attempts.mark_answered()
            await self._keep(attempts, made, receipt)
        except BaseException:  # cancelled too: a call half made is undone
            task.cancel()
            await asyncio.wait({task})  # what it was sending is known, and sent no more
            await self.recovery.undo(attempts.call)
            raise
        self._on_step(CallStep.ANSWERED, attempts.call, str(made.status))
        self.watch.add(attempts.call, task)
        return made

    async def _receipt(
        self, attempts: DispatchAttempts, task: asyncio.Task[Receipt], received: float
    ) -> Receipt:
        wait = max(attempts.call.request.wait_seconds, _SHORTEST_WAIT_SECONDS)
        sent = asyncio.create_task(attempts.was_sent.wait(), name="wait for the first dispatch")
        try:
            until_sent = asyncio.wait({task, sent}, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.wait_for(until_sent, wait)
            left = received + attempts.call.request.wait_seconds - time.monotonic()
            if left > 0:
                await asyncio.wait({task}, timeout=left)
        except TimeoutError:
            pass  # not even sent: `latest` says unreachable
        finally:
            sent.cancel()
        if not task.done() and not attempts.latest.has_joined:
            cause = await attempts.cause_now()
            if not task.done() and not attempts.latest.has_joined:  # it may have come meanwhile
                return replace(attempts.latest, cause=cause)
        return task.result() if task.done() else attempts.latest

    async def _keep(self, attempts: DispatchAttempts, made: CallAnswer, receipt: Receipt) -> None:
        call = attempts.call
        is_kept = await self.store.keep_answer(
            call,
            made,
            state=(CallState.JOINED if receipt.has_joined else CallState.PENDING).value,
            cause=receipt.cause,
            attempts=call.attempts,
            dispatch_id=call.dispatch_id,
            agent_identity=receipt.identity,
        )
        if not is_kept:  # this process stood still so long that another took it for dead
            raise faults.StillBeingMade("the call was taken over by another control plane")

    async def _repeat(self, fresh: Call, call_id: str, received: float) -> CallAnswer:
        while time.monotonic() - received < _REPEAT_PATIENCE_SECONDS:
            if (promise := self._answering.get(call_id)) is not None:
                return await asyncio.shield(promise)
            if (kept := await self.store.answer_of(call_id)) is not None:
                return kept
            found = await self.store.call(call_id)
            if found is not None and found.state is CallState.ABANDONED:
                again = replace(fresh, id=call_id)
                if await self.store.revive(again):
                    return await self._make(again, received)
            await self.recovery.sweep(only=call_id)
            await asyncio.sleep(_REPEAT_PAUSE_SECONDS)
        raise faults.StillBeingMade("another request with this key is still being answered")

    def _attempts_for(
        self, call: Call, on_sending: Callable[[], None] | None = None
    ) -> DispatchAttempts:
        return DispatchAttempts(
            call,
            store=self.store,
            connections=self.connections,
            workers=self._workers,
            pace=self._pace,
            claim_key=self._claim_key,
            on_step=self._on_step,
            on_sending=on_sending or (lambda: None),
        )


def _admit(tenant: Tenant, request: CallRequest) -> None:
    if tenant.faults:
        raise FaultyTenant(tenant.id, tenant.faults)
    if not tenant.enabled:
        raise faults.TenantDisabled(f"tenant {tenant.id} is disabled")
    if request.identity.startswith(RESERVED_IDENTITY):
        raise faults.ReservedIdentity("the identity begins with agent-")
    if request.room is not None and not serves_room(tenant.room_prefix, request.room):
        raise faults.ForeignRoom(f"the room does not begin with {tenant.room_prefix}")
