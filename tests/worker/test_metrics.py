"""Metrics: what is counted, and that the documentation lists just these."""

import re
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from contract.records.worker_status import WorkerState
from worker.metrics import WorkerMetrics

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
_ROW = re.compile(r"^\| `(\w+)` \| (\w+) \| ([^|]*) \| (.+?) \|$", re.MULTILINE)


def _values(metrics: WorkerMetrics) -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(v for k, v in sorted(sample.labels.items()) if k != "tenant")): (
            sample.value
        )
        for family in text_string_to_metric_families(metrics.render().decode())
        for sample in family.samples
    }


def test_the_documentation_lists_each_metric_with_type_labels_and_meaning() -> None:
    listed = {
        name: (kind, text.strip(), tuple(re.findall(r"\w+", labels)))
        for name, kind, labels, text in _ROW.findall(PAGE.read_text())
    }
    exposed = {
        # Counters are exposed, and asked for, with `_total`.
        f"{name}_total" if kind == "counter" else name: (kind, text, labels)
        for name, (kind, text, labels) in WorkerMetrics("acme").series().items()
    }
    assert listed == exposed


def test_every_sample_names_its_tenant() -> None:
    families = text_string_to_metric_families(WorkerMetrics("acme").render().decode())
    assert {sample.labels.get("tenant") for f in families for sample in f.samples} == {"acme"}


def test_a_call_is_active_from_its_start_to_its_end_by_outcome() -> None:
    metrics = WorkerMetrics("acme")
    metrics.call_started()
    metrics.call_started()
    metrics.call_ended("caller-left")
    values = _values(metrics)
    assert values["tenant_worker_calls_active", ""] == 1
    assert values["tenant_worker_calls_ended_total", "caller-left"] == 1


def test_a_refusal_that_never_happened_is_shown_as_zero() -> None:
    assert _values(WorkerMetrics("acme"))["tenant_worker_offers_total", "claim-replayed"] == 0


def test_just_one_state_is_true() -> None:
    metrics = WorkerMetrics("acme")
    metrics.state_is(WorkerState.READY)
    metrics.state_is(WorkerState.DRAINING)
    states = {k[1]: v for k, v in _values(metrics).items() if k[0] == "tenant_worker_state"}
    assert [name for name, value in states.items() if value] == ["draining"]


def test_a_calls_process_can_add_to_no_other_series() -> None:
    metrics = WorkerMetrics("acme")
    metrics.record("answered_after", 1.2)
    metrics.record("provider_failed:llm", 1)
    metrics.record("provider_failed:made-up", 1)
    metrics.record("rivals_are", 7)
    metrics.record("made_up", 1)
    values = _values(metrics)
    assert values["tenant_worker_answer_seconds_count", ""] == 1
    assert values["tenant_worker_provider_troubles_total", "llm"] == 1
    assert values["tenant_worker_provider_troubles_total", "code"] == 1
    assert values["tenant_worker_rivals", ""] == 0
