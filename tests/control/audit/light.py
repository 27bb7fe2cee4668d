"""Light workers: a registration and the real guard, without a runtime around them.

The server and the guard's rules are the real ones. A join is a participant's signalling without its
media: enough to be in a room, and twenty of them fit beside twenty servers on two cores.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
from livekit.protocol import agent

from contract.metadata import Probe
from contract.records.worker_status import AnsweredOffer, WorkerState, WorkerStatus
from contract.tenant import new_nonce
from control.workers.tenant_workers import TenantWorkers
from project.connection import Project
from project.credentials import Credentials
from project.rooms import create_room, delete_room
from project.tokens import worker_token
from worker.guard.offer import Offer, read
from worker.guard.rules import GuardPolicy, Occupancy, Take, Verdict, judge
from worker.guard.spent_claims import SpentClaims

Judge = Callable[[Offer], Verdict]
_PING_SECONDS = 5.0
# A dispatch reaches a worker after 0.2 s.
_OFFER_SECONDS = 0.4


@dataclass
class LightWorker:
    """One worker's registration at one project; it judges by `judge`, or takes whatever comes."""

    credentials: Credentials
    agent_name: str
    tenant: str = "stranger"
    judge: Judge | None = None
    offers: list[AnsweredOffer] = field(default_factory=list)
    registered: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def serve(self) -> None:
        """Register and answer until cancelled."""
        headers = {"Authorization": f"Bearer {worker_token(self.credentials)}"}
        url = f"{self.credentials.http_url}/agent"
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.ws_connect(url, headers=headers, heartbeat=_PING_SECONDS) as socket,
            ):
                await socket.send_bytes(self._registration().SerializeToString())
                async for message in socket:
                    await self._hear(session, socket, message.data)
        finally:
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def is_served(self) -> None:
        """Wait until dispatches come: a registration is answered before it counts."""
        await self.registered.wait()
        async with Project(self.credentials) as project:
            while not self.offers:
                room = f"warm-{new_nonce()}"
                await create_room(project, room, agent_name=self.agent_name or None)
                await asyncio.sleep(_OFFER_SECONDS)
                await delete_room(project, room)

    def _registration(self) -> agent.WorkerMessage:
        request = agent.WorkerMessage()
        request.register.type = agent.JT_ROOM
        request.register.agent_name = self.agent_name
        request.register.version = "0"
        request.register.allowed_permissions.agent = True
        request.register.allowed_permissions.can_subscribe = True
        return request

    async def _hear(
        self, session: aiohttp.ClientSession, socket: aiohttp.ClientWebSocketResponse, data: bytes
    ) -> None:
        said = agent.ServerMessage()
        said.ParseFromString(data)
        kind = said.WhichOneof("message")
        if kind == "register":
            self.registered.set()
        elif kind == "availability":
            await socket.send_bytes(self._answer(said.availability.job).SerializeToString())
        elif kind == "assignment":
            joining = self._join(session, said.assignment.token)
            task = asyncio.create_task(joining, name=f"a light worker of {self.tenant} joins")
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _answer(self, job: agent.Job) -> agent.WorkerMessage:
        offer = read(job)
        verdict = self.judge(offer) if self.judge else Verdict(Take.CALL)
        self.offers.append(
            AnsweredOffer(job.dispatch_id, job.id, offer.room, verdict.answer, at="")
        )
        answer = agent.WorkerMessage()
        answer.availability.job_id = job.id
        takes = verdict.take in (Take.CALL, Take.ANSWER_PROBE)
        answer.availability.available = takes
        if not takes:
            refusal = verdict.objection.refusal if verdict.objection else None
            answer.availability.terminate = refusal is not None and not refusal.is_given_back
            return answer
        answer.availability.participant_identity = f"agent-{job.id}"
        said = {"tenant": self.tenant, "key_fingerprint": self.credentials.fingerprint}
        if isinstance(offer.parsed, Probe):
            said["nonce"] = offer.parsed.nonce
        answer.availability.participant_attributes.update(said)
        return answer

    async def _join(self, session: aiohttp.ClientSession, token: str) -> None:
        url = f"{self.credentials.ws_url}/rtc"
        asked = {"access_token": token, "auto_subscribe": "0", "protocol": "9", "sdk": "python"}
        with contextlib.suppress(aiohttp.ClientError):  # the room may be gone before we are in
            async with session.ws_connect(url, params=asked) as socket:
                async for _ in socket:
                    continue  # until the server ends it: the room was removed


def by_guard(policy: GuardPolicy) -> Judge:
    """Judge offers by the worker's own rules, as an idle worker does."""

    def decide(offer: Offer) -> Verdict:
        occupancy = Occupancy(
            is_draining=False,
            calls=0,
            probes=0,
            rooms=frozenset(),
            spent=SpentClaims(),
            now=time.time(),
        )
        return judge(offer, policy, occupancy)

    return decide


@dataclass
class LightFleet:
    """Answers for the light workers of each tenant as a launcher's workers would."""

    workers: dict[str, LightWorker] = field(default_factory=dict)

    async def of(self, tenant_id: str) -> TenantWorkers:
        """Give a tenant's worker's offers."""
        worker = self.workers.get(tenant_id)
        if worker is None:
            return TenantWorkers(can_be_asked=True, running=0)
        status = WorkerStatus(tenant_id, state=WorkerState.READY, offers=tuple(worker.offers))
        return TenantWorkers(can_be_asked=True, running=1, statuses=(status,))


@contextlib.asynccontextmanager
async def serving(workers: list[LightWorker]) -> Any:
    """Have light workers registered."""
    tasks = [asyncio.create_task(worker.serve(), name="light worker") for worker in workers]
    try:
        async with asyncio.timeout(60):
            await asyncio.gather(*(worker.is_served() for worker in workers))
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
