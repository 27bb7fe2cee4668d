"""The control plane's own metrics, in a registry of their own."""

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest

_BUCKETS = (0.005, 0.01, 0.015, 0.02, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)


class ControlMetrics:
    """What is counted; each method is named after what happened."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._answers = Counter(
            "control_calls",
            "Calls answered, by tenant and by joined or the cause.",
            ("tenant", "answer"),
            registry=self._registry,
        )
        self._dispatch = Histogram(
            "control_dispatch_seconds",
            "From the arrival of a request for a call to its dispatch being sent.",
            buckets=_BUCKETS,
            registry=self._registry,
        )
        self._usage = Counter(
            "control_usage_records",
            "Usage records received, by tenant and by new or known.",
            ("tenant", "answer"),
            registry=self._registry,
        )

    def call_answered(self, tenant_id: str, outcome: str) -> None:
        """Count a call answered with an agent, or with a cause."""
        self._answers.labels(tenant_id, outcome).inc()

    def dispatch_sent(self, seconds: float) -> None:
        """Note how long a request took until its dispatch was sent."""
        self._dispatch.observe(seconds)

    def usage_received(self, tenant_id: str, is_new: bool) -> None:
        """Count a usage record."""
        self._usage.labels(tenant_id, "new" if is_new else "known").inc()

    def render(self) -> bytes:
        """Write them in Prometheus' text format."""
        return generate_latest(self._registry)
