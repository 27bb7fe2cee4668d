"""The result of a run: samples by metric and worker, points by curve, medians and ratios."""

import json
import os
import platform
import statistics
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from bench.results.metric import CURVES, METRICS, Comparison, Metric

SCHEMA = 1
OURS, STOCK = "ours", "stock"

_Samples = dict[str, dict[str, list[float]]]
_Points = dict[str, dict[str, dict[int, list[float]]]]


@dataclass(frozen=True)
class ResultRow:
    """One metric's figures: medians, spread as (smallest, largest), and whether the goal is met."""

    metric: Metric
    ours: float | None
    stock: float | None
    ours_spread: tuple[float, float] | None
    stock_spread: tuple[float, float] | None
    ratio: float | None
    is_met: bool | None


@dataclass(frozen=True)
class Result:
    """The samples of a run; filled while it runs, read when it is over."""

    scale: str
    samples: _Samples = field(default_factory=lambda: defaultdict(lambda: defaultdict(list)))
    points: _Points = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    )

    def add(self, metric: str, worker: str, *values: float) -> None:
        """Add samples of a metric."""
        self.samples[metric][worker].extend(values)

    def add_point(self, curve: str, worker: str, number: int, *values: float) -> None:
        """Add samples of one point of a curve."""
        self.points[curve][worker][number].extend(values)

    def rows(self) -> tuple[ResultRow, ...]:
        """Give the table's rows for what was measured, in the order of `METRICS`."""
        return tuple(self._row(metric) for metric in METRICS if metric.id in self.samples)

    def curve(self, curve: str, worker: str) -> list[tuple[int, float]]:
        """Give a curve as (number, median), by number."""
        points = self.points[curve][worker]
        return [(number, statistics.median(points[number])) for number in sorted(points)]

    def as_json(self) -> str:
        """Write the whole run, samples included, so that anybody can compute again."""
        return json.dumps(
            {
                "schema": SCHEMA,
                "scale": self.scale,
                "at": datetime.now(UTC).isoformat(timespec="seconds"),
                "machine": {"cores": os.cpu_count(), "python": platform.python_version()},
                "metrics": [_row_json(row, self.samples[row.metric.id]) for row in self.rows()],
                "curves": {
                    curve.id: {worker: self.curve(curve.id, worker) for worker in (OURS, STOCK)}
                    for curve in CURVES
                },
            },
            indent=2,
        )

    def _row(self, metric: Metric) -> ResultRow:
        ours, stock = (self.samples[metric.id][worker] for worker in (OURS, STOCK))
        ratio = _ratio(metric, _median(ours), _median(stock))
        return ResultRow(
            metric=metric,
            ours=_median(ours),
            stock=_median(stock),
            ours_spread=_spread(ours),
            stock_spread=_spread(stock),
            ratio=ratio,
            is_met=_is_met(metric, _median(ours), ratio),
        )


def _median(values: Sequence[float]) -> float | None:
    return statistics.median(values) if values else None


def _spread(values: Sequence[float]) -> tuple[float, float] | None:
    return (min(values), max(values)) if values else None


def _ratio(metric: Metric, ours: float | None, stock: float | None) -> float | None:
    if metric.comparison is not Comparison.RATIO or ours is None or not stock:
        return None
    return ours / stock


def _is_met(metric: Metric, ours: float | None, ratio: float | None) -> bool | None:
    if metric.goal is None or ours is None:
        return None
    if metric.comparison is Comparison.ALL:
        return ours >= metric.goal
    if metric.comparison is Comparison.SHARE:
        return ours <= metric.goal
    return None if ratio is None else ratio <= metric.goal


def _row_json(row: ResultRow, samples: dict[str, list[float]]) -> dict[str, Any]:
    return {
        "id": row.metric.id,
        "title": row.metric.title,
        "unit": row.metric.unit,
        "comparison": row.metric.comparison.value,
        "goal": row.metric.goal,
        "ours": row.ours,
        "stock": row.stock,
        "ratio": row.ratio,
        "is_met": row.is_met,
        "samples": {worker: samples[worker] for worker in (OURS, STOCK)},
    }
