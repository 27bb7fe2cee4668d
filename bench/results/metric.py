"""The metrics and curves: what is measured, in which unit, and with which goal."""

from dataclasses import dataclass
from enum import StrEnum


class Comparison(StrEnum):
    """How a figure is compared with its goal."""

    RATIO = "ours ÷ stock"
    ALL = "all answered"
    SHARE = "ours ÷ ours at rest"
    PRINTED = "printed"


@dataclass(frozen=True)
class Metric:
    """One row of the table; `goal` is the largest ratio that is good enough."""

    id: str
    title: str
    unit: str
    comparison: Comparison = Comparison.RATIO
    goal: float | None = None


METRICS = (
    Metric("start", "process start → ready", "s", goal=0.45),
    Metric("proven", "process start → whole preflight over", "s", Comparison.PRINTED),
    Metric("rest_memory", "memory at rest (PSS of the tree)", "MiB", goal=0.25),
    Metric("further_tenant", "memory of each further tenant at rest", "MiB", goal=0.25),
    Metric("after_calls", "memory after the calls ÷ at rest", "×", Comparison.SHARE, 1.10),
    Metric("call_memory", "memory per additional call", "MiB", goal=0.7),
    Metric("first_audio", "dispatch → first audio, one call", "s", goal=1.05),
    Metric("first_audio_many", "dispatch → first audio, many at once (never: 15)", "s", goal=1.0),
    Metric("answered_many", "answered of these", "share", Comparison.ALL, 1.0),
    Metric("burst_small", "answered of the small burst", "share", Comparison.ALL, 1.0),
    Metric("burst_large", "answered of the large burst", "share", Comparison.ALL, 1.0),
    Metric("under_load", "answered beside a busy neighbour", "share", Comparison.ALL, 1.0),
    Metric("talk_cpu", "CPU per minute of a talking call", "s", goal=1.0),
    Metric("rest_cpu", "CPU at rest, per hour", "s", goal=0.5),
    Metric("image_size", "image size", "MB", Comparison.PRINTED),
    Metric("cold_start", "docker run → ready", "s", Comparison.PRINTED),
)


@dataclass(frozen=True)
class Curve:
    """How a cost grows with a number of calls or tenants."""

    id: str
    title: str
    horizontal: str
    vertical: str


CURVES = (
    Curve("memory_by_calls", "Memory with calls at once", "calls that were answered", "PSS, MiB"),
    Curve("first_audio_by_calls", "First audio with calls at once", "calls at once", "seconds"),
    Curve("memory_by_tenants", "Memory with idle tenants", "idle tenants", "PSS, MiB"),
)
