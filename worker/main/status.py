"""What a worker is and does at this moment, as /readyz and /status tell it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from contract.records.worker_status import Readiness, WorkerState, WorkerStatus
from contract.version import VERSION
from worker.configuration import Configuration
from worker.main.active_calls import ActiveCalls
from worker.main.offers import Offers
from worker.main.preflight_gate import PreflightGate
from worker.main.registration import WorkerRegistration
from worker.main.rivals import RivalWatch
from worker.usage.journal import UsageJournal

_UNDER_WAY = "rivals are still being looked for; a call that comes now is answered after that"


@dataclass(frozen=True)
class StatusReader:
    """Reads a running worker's parts; changes none of them."""

    configuration: Configuration
    registration: WorkerRegistration
    calls: ActiveCalls
    offers: Offers
    rivals: RivalWatch
    journal: UsageJournal
    gate: PreflightGate
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def readiness(self, is_draining: bool) -> Readiness:
        """Tell whether calls are taken; of several states the most final."""
        return replace(self._state(is_draining), is_proven=not self.gate.is_pending)

    def _state(self, is_draining: bool) -> Readiness:
        if is_draining:
            failed = "the preflight failed" if self.gate.is_refused else ""
            reason = self.registration.revoked or failed or "told to stop"
            return Readiness(WorkerState.DRAINING, reason)
        if not self.registration.is_connected:
            was_there = self.registration.times_registered > 0
            state = WorkerState.DISCONNECTED if was_there else WorkerState.REGISTERING
            return Readiness(state, self.registration.reason)
        if len(self.calls) >= self.configuration.limits.max_calls:
            reason = f"all {self.configuration.limits.max_calls} calls are taken"
            return Readiness(WorkerState.FULL, reason)
        return Readiness(WorkerState.READY, _UNDER_WAY if self.gate.is_pending else "")

    def status(self, is_draining: bool) -> WorkerStatus:
        """Give all that is known; no key, secret or token is in it."""
        configuration, readiness = self.configuration, self.readiness(is_draining)
        return WorkerStatus(
            tenant=configuration.identity.tenant,
            project_host=configuration.credentials.host,
            edition=configuration.edition,
            key_fingerprint=configuration.credentials.fingerprint,
            agent_name=configuration.identity.agent_name,
            worker_id=self.registration.worker_id,
            state=readiness.state,
            reason=readiness.reason,
            calls=len(self.calls),
            max_calls=configuration.limits.max_calls,
            accepted=self.offers.accepted,
            refused=dict(self.offers.refused),
            offers=self.offers.last(),
            rivals=self.rivals.seen,
            usage_waiting=self.journal.waiting,
            report=self.gate.report,
            started_at=self.started_at.isoformat(timespec="milliseconds"),
            version=VERSION,
        )
