"""What a worker is and does at this moment, as /readyz and /status tell it."""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib import metadata

from contract.worker_status import Readiness, WorkerState, WorkerStatus
from worker.configuration import Configuration
from worker.main.active_calls import ActiveCalls
from worker.main.offers import Offers
from worker.main.preflight_gate import PreflightGate
from worker.main.registration import WorkerRegistration
from worker.main.rivals import RivalWatch
from worker.usage.journal import UsageJournal

_UNDER_WAY = "rivals are still being looked for; a call that comes now is answered after that"


@dataclass(frozen=True)
class State:
    """Whether the worker takes calls: a name of the closed list, and the reason.

    Not yet proven, a call that it takes waits for the preflight's final report.
    """

    name: str
    reason: str = ""
    is_proven: bool = True

    @property
    def is_ready(self) -> bool:
        """Tell whether a dispatch sent now is sure to find this worker willing."""
        return self.name == "ready"


@dataclass(frozen=True)
class Status:
    """Reads a running worker's parts; changes none of them."""

    configuration: Configuration
    registration: WorkerRegistration
    calls: ActiveCalls
    offers: Offers
    rivals: RivalWatch
    journal: UsageJournal
    gate: PreflightGate
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def state(self, is_draining: bool) -> State:
        """Name the state, the most final first."""
        return replace(self._named(is_draining), is_proven=not self.gate.is_pending)

    def _state(self, is_draining: bool) -> Readiness:
        if is_draining:
            failed = "the preflight failed" if self.gate.is_refused else ""
            return State("draining", self.registration.revoked or failed or "told to stop")
        if not self.registration.is_connected:
            name = "disconnected" if self.registration.times_registered else "registering"
            return State(name, self.registration.reason)
        if len(self.calls) >= self.configuration.limits.max_calls:
            return State("full", f"all {self.configuration.limits.max_calls} calls are taken")
        return State("ready", _UNDER_WAY if self.gate.is_pending else "")

    def as_json(self, state: State) -> dict[str, Any]:
        """Give /status; no key, secret or token is in it."""
        configuration = self.configuration
        return {
            "tenant": configuration.identity.tenant,
            "project_host": configuration.credentials.host,
            "edition": configuration.edition,
            "key_fingerprint": configuration.credentials.fingerprint,
            "agent_name": configuration.identity.agent_name,
            "worker_id": self.registration.worker_id,
            "state": state.name,
            "reason": state.reason,
            "calls": len(self.calls),
            "max_calls": configuration.limits.max_calls,
            "accepted": self.offers.accepted,
            "refused": self.offers.refused,
            "offers": self.offers.last(),
            "rivals": list(self.rivals.seen),
            "usage_waiting": self.journal.waiting,
            "report": self.gate.report,
            "started_at": self.started_at.isoformat(timespec="milliseconds"),
            "version": _version(),
        }


def _version() -> str:
    try:
        return metadata.version("livekit-tenant-worker")
    except metadata.PackageNotFoundError:
        return "0.1.0"  # run from its folder, as in the image
