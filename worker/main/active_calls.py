"""The main process's list of calls: who is served, in which process, and how each one ended."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from livekit.agents.ipc.job_executor import JobExecutor

from contract.metadata import CallMetadata, Probe
from contract.records.usage import CallOutcome
from contract.refusals import Refusal
from worker.call_pipe import Finish, Message, PipeToCall, Up, make_pair
from worker.forking import fork_server
from worker.guard.offer import Offer
from worker.guard.rules import Occupancy, Verdict
from worker.guard.spent_claims import SpentClaims
from worker.main.join_queue import JoinQueue
from worker.metrics import WorkerMetrics
from worker.usage.journal import UsageJournal

logger = logging.getLogger(__name__)

# How long the last messages of a dead process may take to be read.
_LAST_MESSAGES_SECONDS = 1.0
# A call that is over leaves within 3 s; one without a network would wait for it up to 15 minutes.
_LEAVING_SECONDS = 20.0
_FEWEST_TURNS = 4


@dataclass
class ActiveCall:
    """One taken offer, from its acceptance to the end of its process."""

    offer: Offer
    identity: str
    pipe: PipeToCall | None = None
    is_withdrawn: bool = False
    refusal: str | None = None
    usage: dict[str, Any] | None = None
    outcome: str | None = None
    process_ended: asyncio.Event = field(default_factory=asyncio.Event)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_probe(self) -> bool:
        """Tell whether it only answers who is there."""
        return isinstance(self.offer.parsed, Probe)


class ActiveCalls:
    """What is being served; told of every taken offer and of every process of the SDK."""

    def __init__(
        self,
        journal: UsageJournal,
        metrics: WorkerMetrics,
        *,
        on_refusal: Callable[[Offer, str, str], None],
        on_change: Callable[[], None],
        remove_dead: Callable[[str, str], Awaitable[None]],
    ) -> None:
        self._journal = journal
        self._metrics = metrics
        self._on_refusal = on_refusal
        self._on_change = on_change
        self._remove_dead = remove_dead
        self._spent = SpentClaims()
        self._join_queue = JoinQueue(at_once=max(_FEWEST_TURNS, 2 * (os.cpu_count() or 1)))
        self._calls: dict[str, ActiveCall] = {}
        self._ends: dict[JobExecutor, tuple[Any, Any]] = {}
        self._served_by: dict[JobExecutor, ActiveCall] = {}
        self._following: set[asyncio.Task[None]] = set()
        self._none_left = asyncio.Event()
        self._none_left.set()

    def __len__(self) -> int:
        return sum(not call.is_probe for call in self._calls.values())

    def occupancy(self, is_draining: bool, now: float) -> Occupancy:
        """Say what is true now, for the guard; `now` in Unix seconds."""
        calls = len(self)
        return Occupancy(
            is_draining=is_draining,
            calls=calls,
            probes=len(self._calls) - calls,
            rooms=frozenset(call.offer.room for call in self._calls.values()),
            spent=self._spent,
            now=now,
        )

    def take(self, offer: Offer, verdict: Verdict, now: float) -> None:
        """Book an offer that is about to be accepted; its claim is spent from here on."""
        if verdict.claim is not None:
            self._spent.spend(verdict.claim, offer.dispatch_id, now)
        call = ActiveCall(offer, identity=f"agent-{offer.job_id}")
        self._calls[offer.job_id] = call
        self._none_left.clear()
        if not call.is_probe:
            metadata = offer.parsed
            self._journal.begin(
                offer.job_id,
                dispatch_id=offer.dispatch_id,
                call_id=metadata.call_id if isinstance(metadata, CallMetadata) else None,
                room=offer.room,
            )
            self._metrics.call_started()
        self._on_change()

    def release(self, job_id: str) -> None:
        """Forget an accepted offer that the server did not assign, or no process could take."""
        if (call := self._calls.get(job_id)) is not None and call not in self._served_by.values():
            self._settle(call)

    def finish_all(self, reason: Finish) -> None:
        """Ask every call to end politely."""
        for call in self._calls.values():
            self._finish(call, reason)

    def withdraw(self, job_id: str) -> None:
        """Ask a call to leave at once, also one whose process is not there yet."""
        if (call := self._calls.get(job_id)) is not None:
            call.is_withdrawn = True
            self._finish(call, Finish.WITHDRAWN)

    async def none_left(self) -> None:
        """Wait until nothing is being served, and the dead are out of their rooms."""
        await self._none_left.wait()
        if self._following:
            await asyncio.wait(self._following)

    def process_created(self, process: JobExecutor) -> None:
        """Make the pipe to a process before it is forked."""
        main_end, call_end = make_pair()
        self._ends[process] = (main_end, call_end)
        process.user_arguments = call_end

    def process_started(self, process: JobExecutor) -> None:
        """Let go of the end that the process holds now."""
        self._ends[process][1].close()
        process.user_arguments = None

    def process_job_launched(self, process: JobExecutor) -> None:
        """Follow a call in its process until it is settled."""
        job = process.running_job
        call = self._calls.get(job.job.id) if job else None
        if call is None:
            return
        self._served_by[process] = call
        main_end, _ = self._ends.pop(process)
        task = asyncio.create_task(
            self._follow(call, process, main_end), name=f"follow {call.offer.job_id}"
        )
        self._following.add(task)
        task.add_done_callback(self._following.discard)

    def process_closed(self, process: JobExecutor) -> None:
        """Note a process's end, whatever ended it."""
        for end in self._ends.pop(process, ()):
            end.close()
        if (call := self._served_by.get(process)) is not None:
            call.process_ended.set()
            call.over.set()

    async def _follow(self, call: ActiveCall, process: JobExecutor, end: Any) -> None:
        call.pipe = await PipeToCall.open(end, partial(self._take_message, call))
        if call.is_withdrawn:
            self._finish(call, Finish.WITHDRAWN)
        await call.over.wait()
        try:
            await asyncio.wait_for(call.process_ended.wait(), _LEAVING_SECONDS)
        except TimeoutError:
            logger.warning("a call that is over does not leave; its process is killed")
            fork_server.kill(process.pid)  # type: ignore[attr-defined] # of the process executor
            await call.process_ended.wait()
        await call.pipe.ended(_LAST_MESSAGES_SECONDS)
        self._join_queue.give_back(call.offer.job_id)
        self._served_by.pop(process, None)
        has_died = call.outcome is None and call.refusal is None and not call.is_probe
        self._settle(call)
        if has_died:
            await self._bury(call)

    def _take_message(self, call: ActiveCall, message: Message) -> None:
        body = message.body
        match message.kind:
            case Up.WAITS if call.pipe is not None:
                self._join_queue.ask(call.offer.job_id, call.pipe.may_join)
            case Up.JOINED:
                self._join_queue.give_back(call.offer.job_id)
            case Up.REFUSED if call.is_probe and body["reason"] == Refusal.WITHDRAWN:
                pass  # whoever asked has seen enough, and removed the room
            case Up.REFUSED:
                call.refusal = str(body["reason"])
                self._on_refusal(call.offer, call.refusal, str(body["detail"]))
            case Up.COUNT:
                self._metrics.record(str(body["metric"]), float(body["value"]))
            case Up.USAGE:
                call.usage = dict(body["usage"])
                self._journal.note(call.offer.job_id, call.usage)
            case Up.ENDED:
                call.outcome = str(body["outcome"])
                call.over.set()

    def _settle(self, call: ActiveCall) -> None:
        job_id = call.offer.job_id
        if self._calls.get(job_id) is not call:
            return
        if not call.is_probe:
            self._settle_usage(call)
        del self._calls[job_id]
        if not self._calls:
            self._none_left.set()
        self._on_change()

    def _settle_usage(self, call: ActiveCall) -> None:
        job_id = call.offer.job_id
        if call.refusal is not None:
            self._journal.forget(job_id)
            self._metrics.call_refused()
            return
        outcome = CallOutcome(call.outcome or CallOutcome.FAILED)
        # On disk before it counts as ended.
        self._journal.settle(job_id, call.usage, call.outcome is not None, outcome)
        self._metrics.call_ended(outcome.value)

    async def _bury(self, call: ActiveCall) -> None:
        named = {"job": call.offer.job_id, "room": call.offer.room}
        logger.error("a call's process died; the call has failed", extra=named)
        # The server would show it to the caller for another 20 s.
        await self._remove_dead(call.offer.room, call.identity)

    def _finish(self, call: ActiveCall, reason: Finish) -> None:
        if call.pipe is not None:
            call.pipe.finish(reason)
