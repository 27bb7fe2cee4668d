"""What a worker reports of itself: at /readyz, at /status, and in state.json.

Each type writes the JSON (`as_json`) and reads it (`parse`). Reading never raises: what is missing,
malformed or too large counts as absent, and names that a later version adds are left out.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any, Self

from contract.records.foreign_json import (
    as_list,
    as_name,
    as_object,
    as_sentence,
    as_whole,
    read_object,
)
from contract.records.report import problems, read_lines

STATE_FILE = "state.json"
MOST_OFFERS = 200
# 200 offers of rooms with the longest names, written with escapes, and a report.
LONGEST_BYTES = 1024 * 1024
_LONGEST_CAUSE = 300
_MOST_RIVALS = 200
_MOST_REASONS = 100


class WorkerState(StrEnum):
    """What a worker does now."""

    CHECKING = "checking"
    REGISTERING = "registering"
    READY = "ready"
    FULL = "full"
    DRAINING = "draining"
    DISCONNECTED = "disconnected"


@dataclass(frozen=True)
class Readiness:
    """The answer of /readyz; `is_proven` is false until the look for rivals has ended.

    Not yet proven, a worker lets a call wait for the preflight's final report.
    """

    state: WorkerState | None = None
    reason: str = ""
    is_proven: bool = True

    @property
    def is_ready(self) -> bool:
        """Tell whether this worker is sure to take a dispatch that is sent now."""
        return self.state is WorkerState.READY

    @property
    def takes_calls(self) -> bool:
        """Tell whether it is registered, not draining, and wholly proven; it may be full."""
        return self.is_proven and self.state in (WorkerState.READY, WorkerState.FULL)

    def as_json(self) -> dict[str, Any]:
        """Give the answer as plain JSON values."""
        return {"state": self.state, "reason": self.reason, "proven": self.is_proven}

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read an answer; one without `proven` is an older worker's, which is ready when proven."""
        fields = read_object(text, LONGEST_BYTES)
        return cls(
            state=_state(fields),
            reason=as_sentence(fields.get("reason")),
            is_proven=fields.get("proven") is not False,
        )


@dataclass(frozen=True)
class AnsweredOffer:
    """One offer as /status remembers it; `at` in ISO 8601 UTC.

    `answer` is `accepted`, `probe` or the reason of a refusal, in a later version perhaps another.
    """

    dispatch_id: str
    job_id: str
    room: str
    answer: str
    at: str


@dataclass(frozen=True)
class WorkerStatus:
    """The answer of /status; `refused` counts by reason, `offers` are the last 200, oldest first.

    `report` is the preflight's, as docs/report.schema.json describes it; `started_at` in ISO 8601.
    """

    tenant: str | None = None
    project_host: str | None = None
    edition: str | None = None
    key_fingerprint: str | None = None
    agent_name: str | None = None
    worker_id: str | None = None
    state: WorkerState | None = None
    reason: str = ""
    calls: int = 0
    max_calls: int = 0
    accepted: int = 0
    refused: Mapping[str, int] = field(default_factory=dict)
    offers: tuple[AnsweredOffer, ...] = ()
    rivals: tuple[str, ...] = ()
    usage_waiting: int = 0
    report: Mapping[str, Any] | None = None
    started_at: str | None = None
    version: str | None = None

    def as_json(self) -> dict[str, Any]:
        """Give the answer as plain JSON values."""
        offers = [asdict(offer) for offer in self.offers]
        return vars(self) | {"offers": offers, "rivals": list(self.rivals)}

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read an answer."""
        fields = read_object(text, LONGEST_BYTES)
        rivals = (as_name(name) for name in as_list(fields.get("rivals"), _MOST_RIVALS))
        return cls(
            tenant=as_name(fields.get("tenant")),
            project_host=as_name(fields.get("project_host")),
            edition=as_name(fields.get("edition")),
            key_fingerprint=as_name(fields.get("key_fingerprint")),
            agent_name=as_name(fields.get("agent_name")),
            worker_id=as_name(fields.get("worker_id")),
            state=_state(fields),
            reason=as_sentence(fields.get("reason")),
            calls=as_whole(fields.get("calls")) or 0,
            max_calls=as_whole(fields.get("max_calls")) or 0,
            accepted=as_whole(fields.get("accepted")) or 0,
            refused=_refused(fields),
            offers=_offers(fields),
            rivals=tuple(name for name in rivals if name is not None),
            usage_waiting=as_whole(fields.get("usage_waiting")) or 0,
            report=_report(fields),
            started_at=as_name(fields.get("started_at")),
            version=as_name(fields.get("version")),
        )


@dataclass(frozen=True)
class StateFile:
    """What state.json holds; `exit_code` is None while the process runs."""

    pid: int | None = None
    port: int | None = None
    state: WorkerState | None = None
    report: Mapping[str, Any] | None = None
    exit_code: int | None = None

    @property
    def cause(self) -> str:
        """Give the first check that failed; empty when the report names none."""
        return next(iter(problems(read_lines(self.report))), "")[:_LONGEST_CAUSE]

    def as_json(self) -> dict[str, Any]:
        """Give the content as plain JSON values."""
        return dict(vars(self))

    @classmethod
    def parse(cls, text: bytes) -> Self:
        """Read a file's content."""
        fields = read_object(text, LONGEST_BYTES)
        return cls(
            pid=as_whole(fields.get("pid"), least=1),
            port=as_whole(fields.get("port"), least=1, most=65535),
            state=_state(fields),
            report=_report(fields),
            exit_code=as_whole(fields.get("exit_code"), most=255),
        )


def _state(fields: Mapping[str, Any]) -> WorkerState | None:
    state = fields.get("state")
    return WorkerState(state) if state in tuple(WorkerState) else None


def _report(fields: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Take a report that has a line; the rest of it is not checked here."""
    report = as_object(fields.get("report"))
    return report if read_lines(report) else None


def _refused(fields: Mapping[str, Any]) -> Mapping[str, int]:
    counts = list(as_object(fields.get("refused")).items())[:_MOST_REASONS]
    checked = ((as_name(reason), as_whole(count)) for reason, count in counts)
    return {reason: count for reason, count in checked if reason is not None and count is not None}


def _offers(fields: Mapping[str, Any]) -> tuple[AnsweredOffer, ...]:
    offers = (_offer(as_object(value)) for value in as_list(fields.get("offers"), MOST_OFFERS))
    return tuple(offer for offer in offers if offer is not None)


def _offer(fields: Mapping[str, Any]) -> AnsweredOffer | None:
    """Read an offer; one without an answer is left out."""
    answer = as_name(fields.get("answer"))
    if answer is None:
        return None
    return AnsweredOffer(
        dispatch_id=as_name(fields.get("dispatch_id")) or "",
        job_id=as_name(fields.get("job_id")) or "",
        room=as_name(fields.get("room")) or "",
        answer=answer,
        at=as_name(fields.get("at")) or "",
    )
