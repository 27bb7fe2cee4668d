"""Why an agent is not there, as far as anybody can truly tell: pure rules."""

from collections.abc import Sequence
from dataclasses import dataclass

from contract.records.worker_status import WorkerState
from contract.refusals import ACCEPTED, Refusal
from control.calls.call import Cause
from control.workers.tenant_workers import TenantWorkers
from project.dispatches import Job
from project.faults import Limited, Refused

_GIVEN_BACK = {
    Refusal.AT_CAPACITY.value: Cause.FULL.value,
    Refusal.DRAINING.value: Cause.NOT_READY.value,
}
# Another dispatch would be refused in the same way: only a person can change these.
_LASTING = frozenset(
    f"refused:{reason.value}"
    for reason in (
        Refusal.WRONG_AGENT,
        Refusal.WRONG_ROOM,
        Refusal.CLAIM_MISSING,
        Refusal.CLAIM_INVALID,
        Refusal.CLAIM_MISMATCH,
        Refusal.FOREIGN_TOKEN,
        Refusal.FOREIGN_URL,
    )
)


@dataclass(frozen=True)
class DispatchEvidence:
    """What is known of one dispatch: the workers' word, its jobs, a glimpse of its agent."""

    workers: TenantWorkers
    dispatch_id: str | None
    jobs: Sequence[Job] = ()
    was_seen: bool = False

    @property
    def is_accepted(self) -> bool:
        """Tell whether a worker took it and may still be on its way into the room."""
        answers = self._answers()
        if answers:
            return answers[-1] == ACCEPTED
        return any(job.status == "running" for job in self.jobs)

    @property
    def is_refused(self) -> bool:
        """Tell whether a worker has said that it does not take it."""
        answers = self._answers()
        return bool(answers) and answers[-1] != ACCEPTED

    def cause(self) -> str:
        """Name the cause; what nobody can tell is `not-taken`."""
        answers = self._answers()
        if refusals := [answer for answer in answers if answer != ACCEPTED]:
            return _GIVEN_BACK.get(refusals[-1], f"refused:{refusals[-1]}")
        if self.was_seen or answers or any(job.status == "running" for job in self.jobs):
            return Cause.AGENT_DIED.value
        return _of_workers(self.workers)

    def _answers(self) -> list[str]:
        """Give the workers' answers to this dispatch, the latest last."""
        if self.dispatch_id is None:
            return []
        offers = [offer for status in self.workers.statuses for offer in status.offers]
        mine = [offer for offer in offers if offer.dispatch_id == self.dispatch_id]
        return [offer.answer for offer in sorted(mine, key=lambda offer: offer.at)]


def is_lasting(cause: str) -> bool:
    """Tell whether sending for an agent again would end the same way."""
    return cause in _LASTING or cause == Cause.REVOKED.value


def cause_of_fault(fault: Exception) -> str:
    """Name the cause of a request that the project did not fulfil."""
    if isinstance(fault, Limited):
        return Cause.LIMITED.value
    return Cause.REVOKED.value if isinstance(fault, Refused) else Cause.UNREACHABLE.value


def _of_workers(workers: TenantWorkers) -> str:
    if not workers.can_be_asked:
        return Cause.NOT_TAKEN.value
    if workers.running == 0:
        return Cause.NO_WORKER.value
    states = {status.state for status in workers.statuses}
    if WorkerState.READY in states:
        return Cause.NOT_TAKEN.value
    return Cause.FULL.value if WorkerState.FULL in states else Cause.NOT_READY.value
