"""The figures as a table for a terminal."""

from rich.table import Table

from bench.results.metric import Comparison
from bench.results.result import Result, ResultRow


def render(result: Result) -> Table:
    """Lay out medians, spread, ratio and goal, one row a metric."""
    table = Table(title=f"Our worker beside the stock worker ({result.scale} run)")
    table.add_column("what")
    for heading in ("ours", "stock", "ratio", "goal", ""):
        table.add_column(heading, justify="right")
    for row in result.rows():
        table.add_row(*_cells(row))
    return table


def _cells(row: ResultRow) -> tuple[str, ...]:
    return (
        f"{row.metric.title}, {row.metric.unit}",
        _figure(row.ours, row.ours_spread),
        _figure(row.stock, row.stock_spread),
        "" if row.ratio is None else f"{row.ratio:.2f}×",
        _goal(row),
        {None: "", True: "met", False: "missed"}[row.is_met],
    )


def _figure(median: float | None, spread: tuple[float, float] | None) -> str:
    if median is None or spread is None:
        return "–"
    low, high = spread
    return f"{median:.3g}" if low == high else f"{median:.3g} ({low:.3g}–{high:.3g})"


def _goal(row: ResultRow) -> str:
    if row.metric.goal is None:
        return ""
    return "all" if row.metric.comparison is Comparison.ALL else f"≤ {row.metric.goal:.2f}×"
