"""Offers a tenant's worker what it must refuse: other tenants' rooms, and claims made for them."""

import asyncio
import json
import time
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from contract import claims
from contract.claims import Claim
from contract.records.worker_status import WorkerStatus
from contract.refusals import ACCEPTED, Refusal
from contract.tenant import call_room, new_nonce
from control.audit.findings import AuditFinding, AuditOutcome, Question
from control.tenants.tenant import Tenant
from control.workers.tenant_workers import AsksWorkers
from project.connection import Project
from project.dispatches import list_dispatches
from project.faults import ProjectFault
from project.participants import agents_in
from project.rooms import create_room, delete_room

# A worker remembers its last 200 offers; what is asked at once must fit, with calls beside it.
BATCH = 60
_ANSWER_SECONDS = 6.0
_POLL_SECONDS = 0.3
# The server lists jobs up to 5 s late.
_LISTED_SECONDS = 8.0
_ROOM_TIMEOUT_SECONDS = 30
_CLAIM_SECONDS = 60
_EXPECTED = {Question.ROOM: Refusal.WRONG_ROOM, Question.CLAIM: Refusal.CLAIM_MISMATCH}


@dataclass(frozen=True)
class Trial:
    """One dispatch that a tenant's worker must refuse; `other` is whose room or claim it is."""

    question: Question
    asked: Tenant
    other: Tenant
    room: str
    metadata: str

    def finding(self, outcome: AuditOutcome, detail: str) -> AuditFinding:
        """Name the pair as the question does: a claim travels from the other to the asked one."""
        pair = (self.asked.id, self.other.id)
        first, second = pair if self.question is Question.ROOM else pair[::-1]
        return AuditFinding(self.question, first, second, outcome, detail)


def make_trials(
    asked: Tenant, others: Sequence[Tenant], claim_key: Ed25519PrivateKey | None
) -> tuple[Trial, ...]:
    """Prepare what one worker is offered on behalf of all the others.

    Everything but the one thing that is asked about is right: a foreign room comes with a good
    claim, a foreign claim for the worker's own room.
    """
    trials = []
    for other in others:
        room = call_room(other.room_prefix, new_nonce())
        metadata = _metadata(asked.id, asked, room, claim_key)
        trials.append(Trial(Question.ROOM, asked, other, room, metadata))
        if claim_key is not None:
            room = call_room(asked.room_prefix, new_nonce())
            metadata = _metadata(other.id, asked, room, claim_key)
            trials.append(Trial(Question.CLAIM, asked, other, room, metadata))
    return tuple(trials)


def _metadata(audience: str, asked: Tenant, room: str, claim_key: Ed25519PrivateKey | None) -> str:
    fields: dict[str, Any] = {"call_id": f"audit-{new_nonce()}"}
    if claim_key is not None:
        fields["claim"] = claims.sign(
            Claim(
                tenant=audience,
                agent=asked.agent_name,
                room=room,
                exp=int(time.time()) + _CLAIM_SECONDS,
                jti=new_nonce(),
                digest=claims.digest(fields),
            ),
            claim_key,
        )
    return json.dumps(fields)


async def ask_offers(
    trials: Sequence[Trial], project: Project, workers: AsksWorkers
) -> tuple[AuditFinding, ...]:
    """Send one tenant's trials and read its worker's answers; the rooms are always removed."""
    found: list[AuditFinding] = []
    for start in range(0, len(trials), BATCH):
        batch = trials[start : start + BATCH]
        try:
            found += await _ask_batch(batch, project, workers)
        except ProjectFault as fault:
            found += [trial.finding(AuditOutcome.UNPROVEN, f"{fault}") for trial in batch]
        finally:
            await _finish(_remove(batch, project))
    return tuple(found)


async def _ask_batch(
    batch: Sequence[Trial], project: Project, workers: AsksWorkers
) -> list[AuditFinding]:
    for trial in batch:
        await create_room(
            project,
            trial.room,
            agent_name=trial.asked.agent_name,
            metadata=trial.metadata,
            empty_timeout=_ROOM_TIMEOUT_SECONDS,
        )
    answers = await _worker_answers(batch, workers)
    found = [judge(trial, answers[trial.room]) for trial in batch if trial.room in answers]
    silent = [trial for trial in batch if trial.room not in answers]
    found += await asyncio.gather(*(_ask_project(trial, project) for trial in silent))
    return found


async def _worker_answers(batch: Sequence[Trial], workers: AsksWorkers) -> dict[str, str]:
    """Read what the worker itself says it answered; room → answer."""
    rooms = {trial.room for trial in batch}
    deadline = time.monotonic() + _ANSWER_SECONDS
    while True:
        asked = await workers.of(batch[0].asked.id)
        answers = _answers(asked.statuses, rooms)
        is_over = time.monotonic() > deadline or not (asked.can_be_asked and asked.running)
        if len(answers) == len(rooms) or is_over:
            return answers
        await asyncio.sleep(_POLL_SECONDS)


def _answers(statuses: Sequence[WorkerStatus], rooms: set[str]) -> dict[str, str]:
    found: dict[str, str] = {}
    for offer in (offer for status in statuses for offer in status.offers):
        # One replica that accepts outweighs another that refuses.
        if offer.room in rooms and found.get(offer.room) != ACCEPTED:
            found[offer.room] = offer.answer
    return found


def judge(trial: Trial, answer: str) -> AuditFinding:
    """Judge a worker's own answer: refused for just the right reason, or not."""
    if answer == _EXPECTED[trial.question].value:
        return trial.finding(AuditOutcome.PROVEN, f"refused as {answer}")
    if answer not in tuple(Refusal):
        return trial.finding(AuditOutcome.DISPROVEN, f"the worker took it ({answer})")
    return trial.finding(AuditOutcome.UNPROVEN, f"refused for another reason: {answer}")


async def _ask_project(trial: Trial, project: Project) -> AuditFinding:
    """Read the answer from the project, where no worker of ours can be asked."""
    deadline = time.monotonic() + _LISTED_SECONDS
    while time.monotonic() < deadline:
        if agents := await agents_in(project, trial.room):
            return trial.finding(AuditOutcome.DISPROVEN, f"joined by {agents[0].identity}")
        listed = await list_dispatches(project, trial.room)
        jobs = [job for dispatch in listed for job in dispatch.jobs]
        if any(job.participant_identity for job in jobs):
            return trial.finding(AuditOutcome.DISPROVEN, "the project's job says it was taken")
        if any(job.is_refused for job in jobs):
            return trial.finding(
                AuditOutcome.PROVEN, "refused for good, as the project's job says (not why)"
            )
        await asyncio.sleep(1.0)
    return trial.finding(AuditOutcome.UNPROVEN, "no worker answered the offer")


async def _finish(removal: Coroutine[Any, Any, None]) -> None:
    """Await a removal to its end, even if this task is cancelled meanwhile."""
    task = asyncio.create_task(removal, name="remove the audit's rooms")
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait({task})
        raise


async def _remove(batch: Sequence[Trial], project: Project) -> None:
    for trial in batch:
        try:
            await delete_room(project, trial.room)
        except ProjectFault:
            return  # the project is away; its own time-out removes an empty room
