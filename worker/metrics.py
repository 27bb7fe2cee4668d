"""What a worker measures, every series with its tenant; docs/metrics.md lists them all."""

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4
from prometheus_client.metrics import MetricWrapperBase

from contract.records.usage import CallOutcome
from contract.records.worker_status import WorkerState
from contract.refusals import ACCEPTED, PROBE, Refusal

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4
ANSWERS = (ACCEPTED, PROBE, *(reason.value for reason in Refusal))
TROUBLES = ("stt", "llm", "tts", "realtime", "code")
_JOIN_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0)
_ANSWER_BUCKETS = (0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0)


class WorkerMetrics:
    """One worker's measures, in a registry of their own; methods are named after what happens."""

    def __init__(self, tenant: str) -> None:
        disable_created_metrics()  # type: ignore[no-untyped-call]  # it has no types
        self._registry = CollectorRegistry()
        self._tenant = tenant
        self._active = self._gauge("calls_active", "Calls being served now.")
        self._most = self._gauge("calls_max", "Calls that may be served at once (MAX_CALLS).")
        self._ended = self._counter("calls_ended", "Calls that ended, by outcome.", "outcome")
        self._offers = self._counter("offers", "Dispatches offered, by the answer.", "answer")
        self._state = self._gauge("state", "1 for the state the worker is in, else 0.", "state")
        self._rivals = self._gauge("rivals", "Rivals seen by the last look for them.")
        self._reconnects = self._counter("reconnects", "Connections to the project made anew.")
        self._troubles = self._counter(
            "provider_troubles", "Provider failures that a caller was told of, by model.", "kind"
        )
        self._joined = self._histogram(
            "join_seconds", "From a dispatch's offer to the agent in the room.", _JOIN_BUCKETS
        )
        self._answered = self._histogram(
            "answer_seconds", "From the caller's last word to the answer's sound.", _ANSWER_BUCKETS
        )
        self._waiting = self._gauge("usage_records_waiting", "Usage records not yet delivered.")
        self._show_zeros()

    def offer_answered(self, answer: str) -> None:
        """Count an offer: `accepted`, `probe`, or a refusal's reason."""
        self._offers.labels(self._tenant, answer).inc()

    def call_started(self) -> None:
        """Count a call that is being served."""
        self._active.labels(self._tenant).inc()

    def call_ended(self, outcome: str) -> None:
        """Count a served call's end by its outcome."""
        self._active.labels(self._tenant).dec()
        self._ended.labels(self._tenant, outcome).inc()

    def call_refused(self) -> None:
        """Take back a call that was refused in its own process, before it joined."""
        self._active.labels(self._tenant).dec()

    def calls_may_be(self, most: int) -> None:
        """Show how many calls may be served at once."""
        self._most.labels(self._tenant).set(most)

    def joined_after(self, seconds: float) -> None:
        """Record how long a dispatch waited for the agent in the room."""
        self._joined.labels(self._tenant).observe(seconds)

    def answered_after(self, seconds: float) -> None:
        """Record how long a question waited for its answer's first sound."""
        self._answered.labels(self._tenant).observe(seconds)

    def provider_failed(self, kind: str) -> None:
        """Count a provider's failure: `stt`, `llm`, `tts`, `realtime`, or `code` of the tenant."""
        self._troubles.labels(self._tenant, kind if kind in TROUBLES else "code").inc()

    def state_is(self, state: WorkerState) -> None:
        """Show which state the worker is in."""
        for each in WorkerState:
            self._state.labels(self._tenant, each.value).set(each == state)

    def rivals_are(self, count: int) -> None:
        """Show how many rivals the last look found."""
        self._rivals.labels(self._tenant).set(count)

    def reconnected(self) -> None:
        """Count a connection made anew."""
        self._reconnects.labels(self._tenant).inc()

    def usage_waiting(self, count: int) -> None:
        """Show how many usage records are not delivered yet."""
        self._waiting.labels(self._tenant).set(count)

    def record(self, name: str, value: float) -> None:
        """Take a measure that a call's process sent; unknown names are dropped.

        A tenant's own code runs in that process, so it can make no series up.
        """
        if name == "joined_after":
            self.joined_after(value)
        elif name == "answered_after":
            self.answered_after(value)
        elif name.startswith("provider_failed:"):
            self.provider_failed(name.partition(":")[2])

    def render(self) -> bytes:
        """Write all series in Prometheus' text form (`CONTENT_TYPE`)."""
        return generate_latest(self._registry)

    def series(self) -> dict[str, tuple[str, str, tuple[str, ...]]]:
        """List the families by name: type, help, labels; what docs/metrics.md is held against."""
        wrappers = (value for value in vars(self).values() if isinstance(value, MetricWrapperBase))
        # prometheus_client offers no public reader of a family's labels.
        return {
            family.name: (family.type, family.documentation, tuple(wrapper._labelnames))
            for wrapper in wrappers
            for family in wrapper.describe()
        }

    def _show_zeros(self) -> None:
        # A series that appears with its first event hides that event from `increase()`.
        for outcome in CallOutcome:
            self._ended.labels(self._tenant, outcome.value)
        for answer in ANSWERS:
            self._offers.labels(self._tenant, answer)
        for kind in TROUBLES:
            self._troubles.labels(self._tenant, kind)
        for single in (self._active, self._rivals, self._reconnects, self._waiting):
            single.labels(self._tenant)
        for histogram in (self._joined, self._answered):
            histogram.labels(self._tenant)
        self.state_is(WorkerState.REGISTERING)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(_full(name), text, ("tenant", *labels), registry=self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(_full(name), text, ("tenant", *labels), registry=self._registry)

    def _histogram(self, name: str, text: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(_full(name), text, ("tenant",), registry=self._registry, buckets=buckets)


def _full(name: str) -> str:
    return f"tenant_worker_{name}"
